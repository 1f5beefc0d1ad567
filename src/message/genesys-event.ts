/** What a trigger of Genesys Cloud tells us: bodies of several makes, read into one shape. Pure. */
import { z } from "zod";

const id = z.string().regex(/^[\w.:@+-]{1,200}$/, "an id of letters, digits and . : @ + -");
/** Milliseconds UTC by Genesys Cloud's clock; null when the event does not say. */
const at = z.number().nullable();

/**
 * - `customerEnd`: the customer has left a conversation, or somebody asks for it to be looked at.
 * - `undelivered`: web messages were not delivered; `messageIds` is empty where only flat values were handed over.
 * - `optOut`: a flow heard that somebody does not want to be written to.
 * - `other`: news of a conversation that nothing follows from.
 */
export const genesysEvent = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("customerEnd"), conversationId: id, at }),
  z.strictObject({ type: z.literal("undelivered"), conversationId: id, at, messageIds: z.array(id) }),
  z.strictObject({
    type: z.literal("optOut"),
    address: z.string(),
    channel: z.enum(["email", "sms", "*"]),
    conversationId: id.nullable(),
    at,
  }),
  z.strictObject({ type: z.literal("other"), conversationId: id, at }),
]);
export type GenesysEvent = z.infer<typeof genesysEvent>;

export type EventReading = { ok: true; event: GenesysEvent } | { ok: false; field?: string; problem: string };

const topics = {
  customerEnd: /\.customer\.end$/,
  undelivered: /\.undelivered\.messages$/,
  conversation: /^v2\.detail\.events\.conversation\./,
} as const;

/** Fields that only events of other parties or of other moments carry. */
const otherFields = ["userId", "queueId", "acdOutcome", "wrapupCode", "flowId", "flowType", "outcomeId", "voicemailId"];
const longestList = 1000;

/**
 * Reads `{ topic, event }` (also `topicName` and `eventBody`, as notifications have them), a bare event or its flat values
 * (`TopLevelPrimitives`), known by their fields, and `{ type: "optOut", address, channel, at?, conversationId? }`. Numbers may be
 * texts, as data actions write them.
 * @see https://developer.genesys.cloud/platform/process-automation/
 */
export function readGenesysEvent(body: unknown): EventReading {
  if (!isRecord(body)) return { ok: false, problem: "a JSON object is expected" };
  const topic = body.topic ?? body.topicName;
  const inner = body.event ?? body.eventBody;
  if (topic === undefined && !isRecord(inner)) return readBare(body);
  const event = isRecord(inner) ? inner : body;
  if (topic === undefined) return readBare(event);
  if (typeof topic !== "string") return { ok: false, field: "topic", problem: "the name of a topic is expected" };
  if (topics.undelivered.test(topic)) return readUndelivered(event);
  if (topics.customerEnd.test(topic)) return readCustomerEnd(event);
  if (topics.conversation.test(topic)) return readOther(event);
  return { ok: false, field: "topic", problem: "not a topic of conversations or of undelivered web messages" };
}

function readBare(event: Record<string, unknown>): EventReading {
  if (event.type !== undefined && event.address !== undefined) return readOptOut(event);
  if (event.type === "optOut") return readOptOut(event);
  if (Array.isArray(event.messages) || event.deploymentId !== undefined) return readUndelivered(event);
  return otherFields.some((field) => isGiven(event[field])) ? readOther(event) : readCustomerEnd(event);
}

function readUndelivered(event: Record<string, unknown>): EventReading {
  const listed = Array.isArray(event.messages) ? event.messages.slice(0, longestList) : [];
  const messageIds = listed.flatMap((one: unknown) => (isRecord(one) && id.safeParse(one.id).success ? [one.id] : []));
  return finish({ type: "undelivered", ...about(event), messageIds });
}

/** The customer's end of a call or an e-mail says nothing about messages. */
function readCustomerEnd(event: Record<string, unknown>): EventReading {
  const isMessage = !isGiven(event.mediaType) || String(event.mediaType).toUpperCase() === "MESSAGE";
  return finish({ type: isMessage ? "customerEnd" : "other", ...about(event) });
}

function readOther(event: Record<string, unknown>): EventReading {
  return finish({ type: "other", ...about(event) });
}

function readOptOut(event: Record<string, unknown>): EventReading {
  if (event.type !== "optOut") return { ok: false, field: "type", problem: "optOut is expected" };
  const address = typeof event.address === "string" ? event.address.trim() : "";
  if (!isAddress(address)) {
    return { ok: false, field: "address", problem: "an e-mail address or a phone number with + is expected" };
  }
  const channel = event.channel ?? "*";
  const conversationId = isGiven(event.conversationId) ? event.conversationId : null;
  const time = readTime(event.at);
  if (isGiven(event.at) && time === null) return { ok: false, field: "at", problem: "an ISO 8601 time is expected" };
  return finish({ type: "optOut", address, channel, conversationId, at: time });
}

function about(event: Record<string, unknown>) {
  return { conversationId: event.conversationId, at: readTime(event.eventTime ?? event.eventTimeMs) };
}

function finish(event: unknown): EventReading {
  const parsed = genesysEvent.safeParse(event);
  if (parsed.success) return { ok: true, event: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, field: String(issue?.path[0] ?? ""), problem: issue?.message ?? "invalid" };
}

/** Milliseconds, as a number or a text, or an ISO 8601 time; null for anything else. */
function readTime(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? Math.trunc(value) : null;
  if (typeof value !== "string" || value.trim() === "") return null;
  const ms = /^\d{1,15}$/.test(value) ? Number(value) : Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}

function isAddress(text: string): boolean {
  return (
    text.length <= 320 && (/^[^\s@<>(),;:"]+@[^\s@<>(),;:"]+$/.test(text) || /^\+[1-9][\d ().-]{5,24}$/.test(text))
  );
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
