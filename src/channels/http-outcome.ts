/** What an adapter's answer means (DESIGN: Adapters). Pure. */
import { z } from "zod";
import { reasonCode } from "../message/message";
import type { Outcome } from "./channel";
import type { HttpAnswer } from "../outgoing/exchange";
import { parseRetryAfter } from "./retry-after";

const acceptance = z.object({
  status: z.enum(["accepted", "delivered"]),
  /** Good for matching receipts only; one that cannot be kept does not undo the acceptance. */
  providerMessageId: z
    .union([z.string(), z.int()])
    .transform(String)
    .pipe(z.string().regex(/^\P{C}{1,512}$/u))
    .optional()
    .catch(undefined),
});

const refusal = z.object({ code: reasonCode, message: z.string() });

/** A 4xx that asks to come back, whatever its body says. */
const passingRefusals = new Set([408, 425, 429]);

/**
 * Judges an adapter's answer. Only two kinds end a delivery: a 2xx in the contract's form, and a 4xx with a reason in Genesys Cloud's
 * codes. Everything else may be a bad deploy of the adapter, and is worth another try.
 */
export function judgeAnswer(answer: HttpAnswer, now: Date): Outcome {
  if (answer.kind === "unanswered") return judgeFailure(answer, now);
  const { status, body } = answer;
  const said = `HTTP ${status}`;

  if (status >= 200 && status < 300) {
    if (body.trim() === "") return { status: "accepted", answer: said };
    const parsed = acceptance.safeParse(parseJson(body));
    if (parsed.success) return { ...withoutUndefined(parsed.data), answer: said };
    return { ...judgeFailure(answer, now), answer: `${said}, not understood` };
  }

  if (status >= 400 && status < 500 && !passingRefusals.has(status)) {
    const parsed = refusal.safeParse(parseJson(body));
    if (parsed.success) {
      const { code, message } = parsed.data;
      return {
        status: "failed",
        retryable: false,
        reason: { code, message: tidy(message) },
        answer: `${said} ${code}`,
      };
    }
  }
  return judgeFailure(answer, now);
}

/** Judges the answer to news that wants no decision: any 2xx has heard it, and a 4xx that does not ask to come back never will. */
export function judgeHeard(answer: HttpAnswer, now: Date): Outcome {
  if (answer.kind === "unanswered") return judgeFailure(answer, now);
  const { status } = answer;
  if (status >= 200 && status < 300) return { status: "accepted", answer: `HTTP ${status}` };
  const final = status >= 400 && status < 500 && !passingRefusals.has(status);
  const failure = judgeFailure(answer, now);
  return final && failure.status === "failed" ? { ...failure, retryable: false } : failure;
}

/** What a try means that brought nothing, or nothing in the contract's form: another try may mend it, after the wait it asks for. */
export function judgeFailure(answer: HttpAnswer, now: Date): Outcome {
  if (answer.kind === "unanswered") {
    const message = `The channel did not answer: ${answer.problem}.`;
    return { status: "failed", retryable: true, reason: { code: "ServerError", message }, answer: answer.problem };
  }
  const said = `HTTP ${answer.status}`;
  const code = answer.status === 429 ? "RateLimited" : "ServerError";
  const message = `The channel answered ${said}, which neither accepts nor refuses the message.`;
  const outcome: Outcome = { status: "failed", retryable: true, reason: { code, message }, answer: said };
  const retryAfterMs = parseRetryAfter(answer.headers["retry-after"], now);
  return retryAfterMs === undefined ? outcome : { ...outcome, retryAfterMs };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The other side's words travel into receipts and pages: no control characters, no half characters, not endless. */
function tidy(text: string): string {
  return text.slice(0, 500).replace(/[\p{Cc}\p{Cs}]/gu, " ");
}

function withoutUndefined(accepted: z.infer<typeof acceptance>) {
  const { status, providerMessageId } = accepted;
  return providerMessageId === undefined ? { status } : { status, providerMessageId };
}
