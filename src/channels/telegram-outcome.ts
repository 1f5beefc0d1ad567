/** What the Bot API's answers mean (https://core.telegram.org/bots/api#making-requests). Pure. */
import { z } from "zod";
import type { ReasonCode } from "../message/message";
import type { Outcome } from "./channel";
import type { HttpAnswer } from "../outgoing/exchange";

const sent = z.object({
  ok: z.literal(true),
  result: z.object({ message_id: z.int(), chat: z.object({ id: z.int() }) }),
});
const refusal = z.object({
  ok: z.literal(false),
  error_code: z.int(),
  description: z.string().default(""),
  parameters: z.object({ retry_after: z.number().nonnegative().optional() }).default({}),
});

/**
 * Judges an answer. Whether another try may help is told by the code alone; its words only choose between reasons, because the code is
 * 400 or 403 for everything.
 *
 * The Bot API does not recognise a repeat: a message that may have arrived without a word of it is `uncertain`.
 */
export function judgeTelegramAnswer(answer: HttpAnswer): Outcome {
  if (answer.kind === "unanswered") return judgeSilence(answer.problem, answer.mayHaveArrived);
  const body = parseJson(answer.body);

  const taken = sent.safeParse(body);
  if (taken.success) {
    const { message_id, chat } = taken.data.result;
    return { status: "accepted", providerMessageId: `${chat.id}:${message_id}`, answer: `HTTP ${answer.status}` };
  }
  const refused = refusal.safeParse(body);
  if (refused.success) return judgeRefusal(refused.data);
  return judgeSilence(`HTTP ${answer.status}, not understood`, answer.status >= 200 && answer.status < 300);
}

function judgeRefusal({ error_code, description, parameters }: z.infer<typeof refusal>): Outcome {
  const answer = `HTTP ${error_code}`;
  if (error_code === 400 || error_code === 403) {
    const code = chooseReason(error_code, description.toLowerCase());
    const message = `Telegram refused the message (${answer}).`;
    return { status: "failed", retryable: false, reason: { code, message }, answer };
  }
  const code = error_code === 429 ? "RateLimited" : "ServerError";
  const outcome: Outcome = {
    status: "failed",
    retryable: true,
    reason: { code, message: `Telegram does not take the message now (${answer}).` },
    answer,
  };
  const { retry_after } = parameters;
  return retry_after === undefined ? outcome : { ...outcome, retryAfterMs: Math.ceil(retry_after * 1000) };
}

function chooseReason(code: number, description: string): ReasonCode {
  if (code === 403) return description.includes("blocked by the user") ? "RecipientOptedOut" : "InvalidDestination";
  const isNobody =
    /chat not found|peer_id_invalid|user not found|user_id_invalid|chat_id is empty|deactivated|upgraded/;
  return isNobody.test(description) ? "InvalidDestination" : "InvalidMessageStructure";
}

function judgeSilence(problem: string, mayHaveArrived: boolean): Outcome {
  const message = `Telegram did not answer: ${problem}.`;
  const failed = { status: "failed", reason: { code: "ServerError", message }, answer: problem } as const;
  return mayHaveArrived ? { ...failed, retryable: false, uncertain: true } : { ...failed, retryable: true };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
