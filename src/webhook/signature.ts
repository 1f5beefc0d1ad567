/** `X-Hub-Signature-256` as Genesys Cloud Open Messaging signs its webhooks. */
import { createHmac, timingSafeEqual } from "node:crypto";

export const signatureHeader = "x-hub-signature-256";

/**
 * The header's value: `sha256=` and the base64 HMAC-SHA256 of the raw body, keyed with the UTF-8 bytes of the secret token
 * (Genesys Cloud developer center, Open Messaging, "Validate webhook notifications").
 */
export function signBody(body: Uint8Array, secret: string): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("base64")}`;
}

/**
 * Whether `header` is the signature of exactly these bytes under one of the secrets. It is compared as text with the canonical
 * form, in constant time, so hex digests, trailing characters and a second value are refused. Several secrets: rotation.
 */
export function verifySignature(body: Uint8Array, header: string | undefined, secrets: readonly string[]): boolean {
  if (header === undefined) return false;
  const given = Buffer.from(header);
  let valid = false;
  for (const secret of secrets) {
    const expected = Buffer.from(signBody(body, secret));
    // Lengths are public: every valid header has the same one.
    if (given.length === expected.length && timingSafeEqual(given, expected)) valid = true;
  }
  return valid;
}
