/** One-time codes: made at random, kept as a salted hash only, compared without telling how near a guess was. */
import { randomBytes, randomInt, scrypt, timingSafeEqual } from "node:crypto";

export const codeDigits = 6;

export interface HashedCode {
  salt: string;
  hash: string;
}

export function makeCode(): string {
  return String(randomInt(10 ** codeDigits)).padStart(codeDigits, "0");
}

/** Slow on purpose (scrypt, RFC 7914): a stolen store does not give its codes away while they are valid. */
export async function hashCode(
  code: string,
  salt: string = randomBytes(16).toString("base64url"),
): Promise<HashedCode> {
  const hash = await new Promise<Buffer>((resolve, reject) => {
    scrypt(code, salt, 32, { N: 16_384, r: 8, p: 1 }, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
  return { salt, hash: hash.toString("base64url") };
}

/** Takes the same time whether or not there is a code to compare with. */
export async function isCode(given: string, kept: HashedCode | undefined): Promise<boolean> {
  const digits = given.replace(/[\s-]/g, "").slice(0, 20);
  const expected = Buffer.from(kept?.hash ?? "", "base64url");
  const { hash } = await hashCode(digits, kept?.salt);
  const found = Buffer.from(hash, "base64url");
  const comparable = expected.length === found.length ? expected : Buffer.alloc(found.length);
  return timingSafeEqual(found, comparable) && kept !== undefined;
}
