/** What Genesys Cloud's answers to agentless sends mean. Pure. */
import type { ReasonCode } from "../message/message";
import type { AgentlessAnswer, AgentlessFound, AgentlessRefusal } from "./agentless";
import type { Outcome } from "./channel";

/**
 * Judges a send. 429, 503 and a failed log-in say that nothing was taken. Where no answer came, or another 5xx, Genesys Cloud may have
 * taken the message: it knows no key by which it would recognise a repeat. All other 4xx are final.
 */
export function judgeAgentless(answer: AgentlessAnswer): Outcome {
  if (answer.status === "done") {
    const { id } = answer.value;
    return { status: "accepted", ...(id === undefined ? {} : { providerMessageId: id }), answer: answer.answer };
  }
  const { answer: said, error } = answer;
  if (error.uncertain) return stayUncertain(said);
  if (answer.status === "later") {
    const isBusy = error.status === 429 || error.code === budgetSpent;
    return later(isBusy ? "RateLimited" : "ServerError", said, {
      ...(answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }),
      ...(error.code === budgetSpent ? { unsent: true } : {}),
    });
  }
  // Without joining it, which would have a bot take the notice for words of the customer, the send waits for its end.
  if (isInConversation(error)) return later("ServerError", `${said}, a conversation with this number is under way`);
  const code = readRefusal(error);
  const message = `Genesys Cloud refused the message (${said}).`;
  return { status: "failed", retryable: false, reason: { code, message }, answer: said };
}

/** What an SMS that Genesys Cloud has come to. */
export function judgeFound({ id, status }: AgentlessFound): Outcome {
  const answer = `Genesys Cloud has it: ${status}`;
  if (status !== "failed")
    return { status: status === "sent" ? "accepted" : "delivered", providerMessageId: id, answer };
  const reason = { code: "GeneralError" as const, message: "Genesys Cloud could not deliver the message." };
  return { status: "failed", retryable: false, reason, answer };
}

/** Genesys Cloud was asked, and will not tell. */
export function stayUncertain(answer: string): Outcome {
  const message = `Genesys Cloud did not say whether it took the message (${answer}).`;
  return { status: "failed", retryable: false, uncertain: true, reason: { code: "ServerError", message }, answer };
}

/** The rate limit left no room to ask. */
const budgetSpent = "budget.spent";

function later(
  code: "RateLimited" | "ServerError",
  answer: string,
  more: { retryAfterMs?: number; unsent?: true } = {},
): Outcome {
  const message = `Genesys Cloud does not take the message now (${answer}).`;
  return { status: "failed", retryable: true, ...more, reason: { code, message }, answer };
}

/** Genesys Cloud's words for a connected conversation between the two addresses; no code of its own is documented. */
function isInConversation({ detail }: AgentlessRefusal): boolean {
  return /active conversation is already in progress/i.test(detail);
}

/**
 * The reason for a final refusal. Genesys Cloud documents no codes of these two calls beyond those of all its API, so that what is said
 * of the recipient is told by the fields it names, and opt-outs by code or words.
 */
function readRefusal(refusal: AgentlessRefusal): ReasonCode {
  const { status, code, fields, detail } = refusal;
  if (isOptOut(refusal)) return "RecipientOptedOut";
  // What we may not, or have not set up, is nothing about the customer.
  if (status === 401 || status === 403 || status === 404 || status === 405 || status === 415) return "GeneralError";
  if (status === 413) return "InvalidMediaContentLength";
  const named = [...fields, ...(status === undefined ? [code.replace(/^invalid\./, "")] : [])];
  if (named.some((field) => /^to(Address(es)?)?\b/i.test(field))) return "InvalidDestination";
  if (named.some((field) => /^(from|replyTo|senderType)/i.test(field))) return "GeneralError";
  if (named.some((field) => /^(text|html|subject)/i.test(field))) return "InvalidMessageStructure";
  return /\bto ?address/i.test(detail) ? "InvalidDestination" : "GeneralError";
}

function isOptOut({ code, detail }: AgentlessRefusal): boolean {
  return /opt(ed)?[._-]?out|unsubscribed/i.test(code) || /\b(opted[ -]?out|unsubscribed)\b/i.test(detail);
}
