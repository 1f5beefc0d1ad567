/** The channel to Genesys Cloud's agentless SMS: notices, and messages of integrations whose customers are phone numbers. */
import { createHash } from "node:crypto";
import { findWordCut } from "../message/graphemes";
import type { Accepts, Channel, HiddenSend, LookUp, Outcome, RetryRule } from "./channel";
import { type Agentless, awaitAnswer } from "./agentless";
import { judgeAgentless, judgeFound, stayUncertain } from "./agentless-outcome";
import { readNumber, writeSms } from "./sms-content";

export interface AgentlessSmsSettings {
  name: string;
  /** The organisation that sends. */
  organisation: string;
  /** One of its numbers, E.164. */
  from: string;
  timeoutMs: number;
  retry: RetryRule;
  accepts?: Partial<Accepts> | undefined;
}

/** Genesys Cloud takes 765 characters: five segments. */
const longestText = 765;
const atOnce = 8;
/** Genesys Cloud's clock and ours. */
const clockSlackMs = 5000;
/** Sends show up minutes later. */
const lookAgainMs = 60_000;

/**
 * Makes the channel. What became of an SMS shows at Genesys Cloud alone, so `accepted` is its best news; a repeat would be another SMS.
 *
 * A notice that is too long is cut, for what it says first is what counts. A message is not: it comes in parts that fit.
 */
export function createAgentlessSms(
  settings: AgentlessSmsSettings,
  { agentlessOf, now }: { agentlessOf(organisation: string): Agentless | undefined; now: () => Date },
): Channel {
  const { organisation, from, timeoutMs } = settings;
  let closed = false;
  return {
    name: settings.name,
    type: "sms",
    provider: "genesys",
    accepts: { kinds: ["text"], textLength: longestText, mediaTypes: [], buttons: 0, ...settings.accepts },
    confirms: "accepted",
    repeatable: false,
    timeoutMs,
    retry: settings.retry,
    concurrency: atOnce,

    async send(delivery) {
      const agentless = closed ? undefined : agentlessOf(organisation);
      if (agentless === undefined) return notNow;
      const { to, text } = writeSms(delivery);
      if (to === undefined) return refuse("InvalidDestination", "The recipient is no phone number.");
      if (text.trim() === "") return refuse("UnsupportedMessage", "The message holds nothing that an SMS can show.");
      if (text.length > longestText && delivery.notice === undefined)
        return refuse("InvalidMessageStructure", `The message is longer than the ${longestText} characters of an SMS.`);
      const sms = { messenger: "sms", from, to, text: shorten(text) } as const;
      return judgeAgentless(await awaitAnswer(agentless.sendMessage(sms), timeoutMs));
    },

    async lookUp({ to, sentAt, textHash }: HiddenSend): Promise<LookUp> {
      const agentless = agentlessOf(organisation);
      const number = readNumber(to);
      if (agentless === undefined || number === undefined) return { status: "later" };
      const time = { since: sentAt - clockSlackMs, until: now().getTime() + clockSlackMs };
      const found = await agentless.findTexts({ from, to: number, ...time });
      if (found.status === "refused") return { status: "found", outcome: stayUncertain(found.answer) };
      if (found.status === "later") return { retryAfterMs: lookAgainMs, ...found };
      const ours = found.value.find(({ text }) => hash(text) === textHash);
      if (ours === undefined) return { status: "later", retryAfterMs: lookAgainMs };
      return { status: "found", outcome: judgeFound(ours) };
    },

    async close() {
      closed = true;
    },
  };
}

/** In UTF-16 units, the strictest of what a character may be. */
function shorten(text: string): string {
  if (text.length <= longestText) return text;
  return `${text.slice(0, findWordCut(text, longestText - 1)).trimEnd()}…`;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

const notNow: Outcome = {
  status: "failed",
  retryable: true,
  unsent: true,
  reason: { code: "ServerError", message: "The bridge is stopping, or does not know the organisation." },
  answer: "not sent",
};

function refuse(
  code: "InvalidDestination" | "UnsupportedMessage" | "InvalidMessageStructure",
  message: string,
): Outcome {
  return { status: "failed", retryable: false, reason: { code, message }, answer: "not sent" };
}
