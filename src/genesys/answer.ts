/** What became of something we asked of Genesys Cloud, as a value. */
import type { z } from "zod";
import { GenesysError } from "./error";

/**
 * - `done`: carried out; `value` is what Genesys Cloud said.
 * - `refused`: final, another try changes nothing (4xx other than 401, 408 and 429).
 * - `later`: try again, not before `retryAfterMs`; `error.uncertain` says whether it may have been carried out.
 *
 * `answer` is for people and the ledger, without message text or addresses: `HTTP 200`, `HTTP 404, not.found`.
 */
export type GenesysAnswer<T = unknown> =
  | { status: "done"; answer: string; value: T }
  | { status: "refused"; answer: string; error: GenesysError }
  | { status: "later"; answer: string; error: GenesysError; retryAfterMs?: number };

/** Turns a failure into an answer; anything that is no `GenesysError` is a fault of ours and thrown on. */
export function answerOfError(error: unknown): GenesysAnswer<never> {
  if (!(error instanceof GenesysError)) throw error;
  const { message: answer, retryAfterMs } = error;
  if (!error.retryable) return { status: "refused", answer, error };
  return { status: "later", answer, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** A final refusal of our own, for what Genesys Cloud would not take or did not mean. */
export function refuse(operation: string, code: string): GenesysAnswer<never> {
  return answerOfError(new GenesysError({ operation, code, retryable: false, uncertain: false }));
}

/** Names the first field that is wrong: `invalid.channel.time`. */
export function codeOfIssue(error: z.ZodError): string {
  return ["invalid", ...(error.issues[0]?.path ?? [])].join(".");
}
