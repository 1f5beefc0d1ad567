/** What would differ if a stored webhook came today: today's code and settings against what was recorded. Pure. */
import type { SelectedMessage } from "../store/selection";
import type { Meaning } from "./meaning";

/** What today's code and settings make of a stored body. */
export interface Today {
  meaning: Meaning;
  summary: string;
  recipientId: string;
  conversationId: string | null;
  genesysMessageId: string | null;
  sentAt: number | null;
  /** The channel it would go through; null when there is nothing to deliver, or nobody to deliver to. */
  channel: string | null;
  /** Digest of the parts it would be shown in. */
  parts: string | null;
  /** Why it would fail without being sent. */
  refusal: string | null;
  /** The policy by which its customer would be told after a failure with this reason; null: nobody would be. */
  noticeAfter(reasonCode: string): string | null;
}

/** `was` and `now` are for people; null: nothing. */
export interface Change {
  what: string;
  was: string | null;
  now: string | null;
}

/** What attempts that were ended before anything was sent say of themselves. */
const notSent = "not sent";
/** Statuses after which it was decided whether the customer is told. */
const notDelivered = new Set(["failed", "unconfirmed"]);

/** Differences in the order of the road: meaning, channel, reason, notice. Empty: today would do the same. */
export function compare(recorded: SelectedMessage, today: Today): Change[] {
  const changes: Change[] = [];
  const note = (what: string, was: string | null, now: string | null) => {
    // The store keeps no NUL.
    if (was !== (now?.replaceAll("\u0000", "\uFFFD") ?? null)) changes.push({ what, was, now });
  };
  note("kind", recorded.kind, today.meaning.kind ?? null);
  note("summary", recorded.summary, today.summary);
  note("recipient", recorded.recipientId, today.recipientId);
  note("conversation", recorded.conversationId, today.conversationId);
  note("genesysMessageId", recorded.genesysMessageId, today.genesysMessageId);
  note("sentAt", timeOf(recorded.sentAt), timeOf(today.sentAt));
  const known = readMeaning(recorded.meaning);
  if (known !== undefined) compareFields(known, today.meaning, note);
  if (recorded.delivery !== null || recorded.fate !== "noted") {
    note("channel", recorded.delivery?.channel ?? null, today.channel);
    if (known?.parts !== undefined && today.parts !== null) note("parts", known.parts, today.parts);
    note("reason", recordedRefusal(recorded), today.refusal);
  }
  const { delivery } = recorded;
  if (delivery?.reasonCode && notDelivered.has(delivery.status) && recorded.fate !== "open") {
    note("notice", recorded.noticePolicy, today.noticeAfter(delivery.reasonCode));
  }
  return changes;
}

/** Fields of the message that columns do not hold in clear. */
const inClear = new Set(["kind", "parts", "sentAt", "conversationId", "genesysMessageId"]);

function compareFields(
  was: Meaning,
  now: Meaning,
  note: (what: string, was: string | null, now: string | null) => void,
): void {
  for (const field of new Set([...Object.keys(was), ...Object.keys(now)])) {
    if (!inClear.has(field)) note(`message.${field}`, describe(was[field]), describe(now[field]));
  }
}

function describe(digest: string | undefined): string | null {
  return digest === undefined ? null : `#${digest}`;
}

function recordedRefusal({ delivery, fate, reasonCode }: SelectedMessage): string | null {
  if (delivery === null) return fate === "failed" ? reasonCode : null;
  return delivery.answer === notSent ? delivery.reasonCode : null;
}

/** Redacted captures carry the kind alone: nothing to compare field by field. */
function readMeaning(text: string | null): Meaning | undefined {
  const meaning = text === null ? {} : (JSON.parse(text) as Meaning);
  return Object.keys(meaning).length > 1 ? meaning : undefined;
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
