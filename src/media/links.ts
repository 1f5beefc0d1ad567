/** Links to kept media: who has one may fetch the file until it expires, and nobody can make one up. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** Opens `id` until `expiresAt`, milliseconds UTC. The same for the same input, so that a repeated delivery is the same. */
export function signLink(file: { id: string; expiresAt: number }, key: string): string {
  const claim = `${file.id}.${file.expiresAt.toString(36)}`;
  return `${claim}.${computeSignature(claim, key)}`;
}

/** The file that a token opens now; undefined when it is forged or has expired. */
export function verifyLink(token: string, key: string, now: number): { id: string; expiresAt: number } | undefined {
  const match = /^([0-9a-f]{64})\.([0-9a-z]{1,12})\.([\w-]{43})$/.exec(token);
  if (match === null) return undefined;
  const [, id = "", expires = "", signature = ""] = match;
  const expected = Buffer.from(computeSignature(`${id}.${expires}`, key));
  if (!timingSafeEqual(Buffer.from(signature), expected)) return undefined;
  const expiresAt = Number.parseInt(expires, 36);
  return now < expiresAt ? { id, expiresAt } : undefined;
}

function computeSignature(claim: string, key: string): string {
  return createHmac("sha256", key).update(`media link\n${claim}`).digest("base64url");
}
