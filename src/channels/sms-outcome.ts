/** What Twilio's answers mean. Pure. */
import { readTwilioCode, readTwilioStatus } from "../message/twilio";
import type { Outcome } from "./channel";

/** What the SDK throws: `RestException` for an answer, axios' error when there was none. */
export interface TwilioFailure {
  /** HTTP status. */
  status?: unknown;
  /** Twilio's error code, or axios' or Node's. */
  code?: unknown;
}

/** Faults before anything was sent. */
const unsent = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "CERT_HAS_EXPIRED"]);

/**
 * Judges a failed send. 429 and 503 say that nothing was taken, 401 and 403 that something about us is to be mended. Where no answer came,
 * or a 5xx of a gateway in between, Twilio may have taken the message: it knows no key by which it would recognise a repeat.
 */
export function judgeTwilioFailure({ status, code }: TwilioFailure): Outcome {
  if (typeof status !== "number") return judgeSilence(String(code ?? "no answer"));
  const answer = `HTTP ${status}${typeof code === "number" ? `, Twilio ${code}` : ""}`;
  if (status === 429 || code === 20429) return later("RateLimited", answer);
  if (status === 503 || status === 401 || status === 403) return later("ServerError", answer);
  if (status >= 500) return uncertain(answer);
  const reason = readTwilioCode(typeof code === "number" ? code : undefined);
  return { status: "failed", retryable: false, reason, answer };
}

/** What a message that Twilio knows has come to. */
export function judgeTwilioMessage(message: { sid: string; status: string; errorCode: number | null }): Outcome {
  const known = readTwilioStatus(message.status);
  const answer = `Twilio has it: ${message.status}`;
  if (known === "failed")
    return { status: "failed", retryable: false, reason: readTwilioCode(message.errorCode), answer };
  return { status: known === undefined ? "accepted" : "delivered", providerMessageId: message.sid, answer };
}

function judgeSilence(code: string): Outcome {
  return unsent.has(code) ? later("ServerError", code) : uncertain(/^[A-Z_]{1,40}$/.test(code) ? code : "no answer");
}

function later(code: "RateLimited" | "ServerError", answer: string): Outcome {
  const message = `Twilio does not take the message now (${answer}).`;
  return { status: "failed", retryable: true, reason: { code, message }, answer };
}

function uncertain(answer: string): Outcome {
  const message = `Twilio did not say whether it took the message (${answer}).`;
  return { status: "failed", retryable: false, uncertain: true, reason: { code: "ServerError", message }, answer };
}
