/** The signed part of a return path: which notice a mail that comes back speaks of, so that nobody can make one up. */
import { timingSafeEqual } from "node:crypto";
import { digest } from "./secrets";

/** 64 bits: a return path has little room, and every guess must come as a mail of its own. */
const signatureLength = 16;

/** At most 49 characters that may stand in the local part of an address. */
export function signReturn(secret: Buffer, noticeId: string): string {
  return `${noticeId.replaceAll("-", "")}.${signatureOf(secret, noticeId)}`;
}

/** The id of the notice; undefined for what was not signed here. Letters may have lost their case on the way. */
export function openReturn(secret: Buffer, token: string): string | undefined {
  const [, hex, given] = /^([0-9a-f]{32})\.([\w-]{16})$/i.exec(token) ?? [];
  if (hex === undefined || given === undefined) return undefined;
  const noticeId = hex.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const expected = signatureOf(secret, noticeId);
  return timingSafeEqual(Buffer.from(given.toLowerCase()), Buffer.from(expected)) ? noticeId : undefined;
}

function signatureOf(secret: Buffer, noticeId: string): string {
  return Buffer.from(digest(secret, "bounce", noticeId), "base64url")
    .toString("hex")
    .slice(0, signatureLength);
}
