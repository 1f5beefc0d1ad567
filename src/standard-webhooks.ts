/**
 * Signatures of Standard Webhooks 1.0 (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
 * HMAC-SHA256 over `id.timestamp.body`, base64, in three headers. Used for what goes to adapters and for what comes from them.
 *
 * The reference library computes SHA-256 in JavaScript and hashes the body as text; this one uses node:crypto over the bytes.
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from "node:crypto";
import { BridgeError } from "./errors";

const secretPrefix = "whsec_";

/** The three headers of a signed request. */
export interface StandardWebhookHeaders {
  "webhook-id": string;
  "webhook-timestamp": string;
  "webhook-signature": string;
}

/** What a check found; `problem` is for people and names no secret and no signature. */
export type StandardWebhookVerdict = { ok: true; id: string; signedAt: Date } | { ok: false; problem: string };

/**
 * Turns `whsec_` + base64 into a signing key.
 *
 * @throws BridgeError `invalid_field` when the prefix is missing, the rest is no base64, or nothing is left; the secret is not repeated.
 */
export function decodeStandardWebhooksSecret(secret: string): KeyObject {
  if (!secret.startsWith(secretPrefix)) throw badSecret(`must begin with "${secretPrefix}"`);
  const encoded = secret.slice(secretPrefix.length);
  const key = Buffer.from(encoded, "base64");
  if (key.length === 0) throw badSecret(`needs a base64 key after "${secretPrefix}"`);
  // Buffer skips what is no base64; encoding again shows whether anything was skipped.
  if (withoutPadding(key.toString("base64")) !== withoutPadding(encoded)) throw badSecret("is no standard base64");
  return createSecretKey(key);
}

/**
 * Signs one request.
 *
 * @param request.key from {@link decodeStandardWebhooksSecret}, decoded once per channel
 * @param request.id stays the same over all tries of one delivery
 */
export function signStandardWebhook(request: {
  key: KeyObject;
  id: string;
  at: Date;
  body: Buffer | string;
}): StandardWebhookHeaders {
  const timestamp = String(Math.floor(request.at.getTime() / 1000));
  return {
    "webhook-id": request.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${computeSignature(request.key, request.id, timestamp, request.body)}`,
  };
}

/**
 * Checks a request against its secret, in constant time. Any one of several space-separated signatures may match, so that the other
 * side can change its secret without a gap.
 *
 * @param request.secret `whsec_…`, or the key decoded from it
 * @param request.headers as node:http gives them, names in lower case
 * @param request.body the bytes as received
 * @param request.toleranceSeconds how far the timestamp may be from `now`, both ways; @default 300
 */
export function verifyStandardWebhook(request: {
  secret: string | KeyObject;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer | string;
  now: Date;
  toleranceSeconds?: number;
}): StandardWebhookVerdict {
  const id = request.headers["webhook-id"];
  const timestamp = request.headers["webhook-timestamp"];
  const signatures = request.headers["webhook-signature"];
  if (typeof id !== "string" || id === "") return { ok: false, problem: "webhook-id is missing" };
  if (typeof timestamp !== "string") return { ok: false, problem: "webhook-timestamp is missing" };
  if (typeof signatures !== "string") return { ok: false, problem: "webhook-signature is missing" };

  if (!/^\d{1,12}$/.test(timestamp)) return { ok: false, problem: "webhook-timestamp is no time in seconds" };
  const ageSeconds = Math.floor(request.now.getTime() / 1000) - Number(timestamp);
  const toleranceSeconds = request.toleranceSeconds ?? 300;
  if (ageSeconds > toleranceSeconds) return { ok: false, problem: "webhook-timestamp is too old" };
  if (ageSeconds < -toleranceSeconds) return { ok: false, problem: "webhook-timestamp is too far ahead" };

  const key = typeof request.secret === "string" ? decodeStandardWebhooksSecret(request.secret) : request.secret;
  const expected = Buffer.from(`v1,${computeSignature(key, id, timestamp, request.body)}`);
  const matches = signatures.split(" ").some((signature) => isSame(Buffer.from(signature), expected));
  if (!matches) return { ok: false, problem: "webhook-signature does not match" };
  return { ok: true, id, signedAt: new Date(Number(timestamp) * 1000) };
}

function computeSignature(key: KeyObject, id: string, timestamp: string, body: Buffer | string): string {
  return createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
}

function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, "");
}

function badSecret(problem: string): BridgeError {
  return new BridgeError("invalid_field", `A Standard Webhooks secret ${problem}.`, "secret");
}
