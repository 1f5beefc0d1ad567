/** Which messages of a conversation never reached the customer although nobody told the bridge. Pure. */
import type { Reason } from "../message/message";
import { normalize } from "../message/normalize";
import { summarize } from "../message/summary";
import { keyOf } from "../store/keys";
import type { MissedArrival } from "../store/missed";
import type { FallbackRule } from "./rules";
import { planNotice } from "./status";

/** A conversation as Genesys Cloud shows it. */
export interface ConversationNews {
  id: string;
  /** Our side: the id of an open-messaging integration, where it is one. */
  address?: string | undefined;
  /** `open`, `webmessaging`, … */
  messengerType?: string | undefined;
  messages: readonly MessageNews[];
  customer?: { address?: string | undefined; externalContactId?: string | undefined } | undefined;
}

export interface MessageNews {
  messageId: string;
  status: string;
  /** ISO 8601. */
  at?: string | undefined;
  /** Who sent it. */
  participant?: { purpose: string };
  failure?: Reason;
}

export interface Missed {
  genesysMessageId: string;
  sentAt: number | null;
  reason: Reason;
}

export interface Findings {
  missed: Missed[];
  /** Messages that have reached the customer. */
  arrived: string[];
  /** Whether what became of a message is still open. */
  isUndecided: boolean;
}

const failed = new Set(["delivery-failed", "failed"]);
const reached = new Set(["delivery-success", "read"]);
const underWay = new Set(["queued", "sent"]);
const customers = new Set(["customer", "external"]);

/**
 * Looks through all participants and legs for what our side sent. `named` are the ids that an event calls undelivered: those count
 * as missed unless Genesys Cloud says by now that they arrived.
 */
export function findMissed({ messages }: ConversationNews, named: ReadonlySet<string>): Findings {
  const ours = messages.filter(({ participant }) => participant === undefined || !customers.has(participant.purpose));
  const missed = ours.filter(
    ({ messageId, status }) => failed.has(status) || (named.has(messageId) && underWay.has(status)),
  );
  return {
    missed: missed.map(({ messageId, at, failure }) => ({
      genesysMessageId: messageId,
      sentAt: at === undefined || Number.isNaN(Date.parse(at)) ? null : Date.parse(at),
      reason: failure ?? { code: "GeneralError", message: "Genesys Cloud could not deliver it" },
    })),
    arrived: ours.filter(({ status }) => reached.has(status)).map(({ messageId }) => messageId),
    isUndecided: ours.some(({ messageId, status }) => underWay.has(status) && !named.has(messageId)),
  };
}

/** Whose messages these are, and what follows when they are missed. */
export interface MissedFor {
  integration: { name: string; id: string };
  /** The channel they were meant for; for web messages a name that stands for Genesys Cloud's own way. */
  channel: string;
  /** Web messages know their customer by the contact only: the address is that of a browser session. */
  isWebMessaging: boolean;
  /** Who wrote, for notices of messages that do not say. */
  from?: string | undefined;
  fallback: MissedFallback | undefined;
}

export interface MissedFallback extends FallbackRule {
  /** Older news is not told any more. */
  maxAgeMs: number;
}

/**
 * The rows for a message that the bridge never saw: it stays open with a notice to come, or ends at once where none applies.
 * `normalized` is the message as Genesys Cloud keeps it, if it could be read.
 */
export function planMissed(
  missed: Missed & { normalized?: Record<string, unknown> | undefined },
  { integration, channel, isWebMessaging, from, fallback }: MissedFor,
  conversation: Pick<ConversationNews, "id" | "customer">,
  { now, newId }: { now: () => number; newId: () => string },
): MissedArrival {
  const id = newId();
  const receivedAt = now();
  const { genesysMessageId, reason } = missed;
  const body = nameSender(missed.normalized ?? describeUnread(missed, conversation.id), from);
  const message = normalize(body, { id, integration: integration.name, integrationId: integration.id });
  const { externalContactId, address } = conversation.customer ?? {};
  const unnamed = {
    id: (isWebMessaging ? externalContactId : undefined) ?? address ?? conversation.id,
    idType: "Opaque",
  };
  const recipient = isWebMessaging || message.recipient.id === "" ? unnamed : message.recipient;
  const ends = endOf(missed, fallback, receivedAt);
  return {
    id,
    dedupKey: keyOf("missed", genesysMessageId),
    integration: integration.name,
    integrationId: integration.id,
    genesysMessageId,
    direction: "outbound",
    kind:
      message.kind === "media" || message.kind === "template" || message.kind === "structured" ? message.kind : "text",
    conversationId: conversation.id,
    recipientId: recipient.id,
    recipientIdType: recipient.idType,
    receivedAt,
    sentAt: missed.sentAt,
    summary: missed.normalized === undefined ? "(not read)" : summarize(message),
    fate: ends ?? "open",
    reason,
    headers: {},
    body: Buffer.from(JSON.stringify(body)),
    delivery: { id: newId(), channel },
    ledger: [
      { at: receivedAt, event: "message.stored", detail: { source: "genesysEvent" } },
      { at: receivedAt, event: "delivery.failed", detail: { code: reason.code, channel } },
    ],
    ...(ends === undefined && fallback !== undefined
      ? {
          notice: planNotice(fallback, {
            message: { id, integration: integration.name, recipientId: recipient.id },
            now: receivedAt,
            newId,
          }),
        }
      : {}),
  };
}

/** The fate of a message nobody is to be told of; undefined when somebody is. */
function endOf({ reason, sentAt }: Missed, fallback: MissedFallback | undefined, now: number): string | undefined {
  if (fallback === undefined || fallback.never.has(reason.code)) return "failed";
  return sentAt !== null && now - sentAt > fallback.maxAgeMs ? "exhausted" : undefined;
}

function nameSender(body: Record<string, unknown>, nickname: string | undefined): Record<string, unknown> {
  const channel = isRecord(body.channel) ? body.channel : {};
  const sender = isRecord(channel.from) ? channel.from : {};
  if (nickname === undefined || typeof sender.nickname === "string") return body;
  return { ...body, channel: { ...channel, from: { ...sender, nickname } } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a webhook would have said, without what is not known. */
function describeUnread({ genesysMessageId, sentAt }: Missed, conversationId: string): Record<string, unknown> {
  const time = sentAt === null ? {} : { time: new Date(sentAt).toISOString() };
  const channel = { ...time, messageId: genesysMessageId };
  return { id: genesysMessageId, type: "Text", channel, direction: "Outbound", conversationId };
}
