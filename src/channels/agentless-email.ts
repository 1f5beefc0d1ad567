/** The channel to Genesys Cloud's agentless e-mail: notices, and messages of integrations whose customers write e-mail. */
import { splitMailbox } from "../message/address";
import { findCut } from "../message/graphemes";
import { type Agentless, type AgentlessMail, awaitAnswer } from "./agentless";
import { judgeAgentless } from "./agentless-outcome";
import type { Accepts, Channel, Outcome, RetryRule } from "./channel";
import { isMailAddress } from "./mail-address";
import { mailShows, type MailContent, writeMail } from "./mail-content";
import { narrowAccepts } from "./narrow-accepts";
import { addUnsubscribeLink } from "./unsubscribe-link";

export interface AgentlessEmailSettings {
  name: string;
  /** The organisation that sends. */
  organisation: string;
  /** Address, or `Name <address>`; its domain is set up at Genesys Cloud as one for campaigns and agentless sends. */
  from: string;
  /** Where answers go that no notice names another place for. */
  replyTo?: string | undefined;
  timeoutMs: number;
  retry: RetryRule;
  accepts?: Partial<Accepts> | undefined;
}

const longestSubject = 400;
const atOnce = 5;

/**
 * Makes the channel. It is not repeatable: Genesys Cloud takes the same mail twice. There is no place for header fields, so that the link
 * to unsubscribe stands in the mail itself, and what needs `List-Unsubscribe` (RFC 8058), marketing, is not sent.
 */
export function createAgentlessEmail(
  settings: AgentlessEmailSettings,
  { agentlessOf }: { agentlessOf(organisation: string): Agentless | undefined },
): Channel {
  const { organisation, timeoutMs } = settings;
  let closed = false;
  return {
    name: settings.name,
    type: "email",
    provider: "genesys",
    accepts: narrowAccepts(mailShows, settings.accepts),
    confirms: "accepted",
    repeatable: false,
    concurrency: atOnce,
    timeoutMs,
    retry: settings.retry,

    async send(delivery) {
      const agentless = closed ? undefined : agentlessOf(organisation);
      if (agentless === undefined) return notNow;
      const content = writeMail(delivery);
      if (content.purpose === "marketing")
        return refuse("MessageNotAllowed", "Marketing is not sent as agentless e-mail, which has no List-Unsubscribe.");
      if (!isMailAddress(content.to)) return refuse("InvalidDestination", "The recipient is no e-mail address.");
      if (content.text === "")
        return refuse("UnsupportedMessage", "The message holds nothing that an e-mail can show.");
      return judgeAgentless(await awaitAnswer(agentless.sendEmail(writeAgentless(content, settings)), timeoutMs));
    },

    async close() {
      closed = true;
    },
  };
}

function writeAgentless(content: MailContent, { from, replyTo }: AgentlessEmailSettings): AgentlessMail {
  const { to, text, html } = addUnsubscribeLink(content);
  const answersTo = content.replyTo ?? replyTo;
  const sender = splitMailbox(from);
  const subject = content.subject.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return {
    from: sender,
    to: { email: to },
    ...(answersTo === undefined ? {} : { replyTo: splitMailbox(answersTo) }),
    // A mail without a subject is not taken.
    subject: shorten(subject === "" ? (sender.name ?? sender.email) : subject),
    text,
    ...(html === undefined ? {} : { html }),
  };
}

function shorten(subject: string): string {
  return subject.length <= longestSubject ? subject : `${subject.slice(0, findCut(subject, longestSubject - 1))}…`;
}

const notNow: Outcome = {
  status: "failed",
  retryable: true,
  unsent: true,
  reason: { code: "ServerError", message: "The bridge is stopping, or does not know the organisation." },
  answer: "not sent",
};

function refuse(code: "InvalidDestination" | "UnsupportedMessage" | "MessageNotAllowed", message: string): Outcome {
  return { status: "failed", retryable: false, reason: { code, message }, answer: "not sent" };
}
