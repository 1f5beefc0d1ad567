import { createHash } from "node:crypto";
import type { Message } from "./message";
import { isReceipt, readId, readObject, readObjects, readString, readType, type Wire } from "./wire";

/**
 * What makes a webhook body the same as one seen before: Genesys Cloud repeats what it believes unanswered, and a
 * receipt carries the `id` of the message it speaks of. `|`-separated and at most 300 characters of ASCII: time, id,
 * integration, type (and for an event its types); for a receipt its status instead of a time. A body without an id is known by
 * the SHA-256 of its bytes. The time stands first so that new keys go to the end of an index instead of all over it.
 */
export function dedupKey(body: Record<string, unknown>, rawBody: Uint8Array, integration: string): string {
  const id = readId(body.id);
  const what = `${id === undefined ? hashBody(rawBody) : escapeId(id)}|${escapePart(integration)}|${escapePart(readType(body))}`;
  if (isReceipt(body)) return `receipt|${what}|${escapePart(readString(body.status)?.toLowerCase() ?? "")}`;
  const time = escapePart(readTimeText(readObject(body.channel)));
  const events = readObjects(body.events).map(({ eventType }) => readString(eventType)?.toLowerCase() ?? "");
  return events.length === 0 ? `${time}|${what}` : `${time}|${what}|${escapePart(events.join("+"))}`;
}

/**
 * What makes an adapter's request the same as one seen before: its own id of what it sent, within a channel, an integration
 * and a route. No {@link dedupKey} begins like it, as no escaped part does.
 */
export function adapterDedupKey(by: { channel: string; integration: string; route: string; id: string }): string {
  return ["%a", ...[by.channel, by.integration, by.route, by.id].map(escapePart)].join("|");
}

/**
 * Which way the message went, as Genesys Cloud sees it: the webhook brings what goes out, except receipts, which speak of
 * what customers sent in.
 */
export function direction(message: Message): "inbound" | "outbound" {
  return message.kind === "receipt" ? "inbound" : "outbound";
}

function hashBody(rawBody: Uint8Array): string {
  return `sha256:${createHash("sha256").update(rawBody).digest("hex")}`;
}

/** An id that looks like the hash of a body is kept apart from one. */
function escapeId(id: string): string {
  const escaped = escapePart(id);
  return escaped.startsWith("sha256:") ? escaped.replace(":", escapeUnit) : escaped;
}

function readTimeText(channel: Wire | undefined): string {
  return readId(channel?.time) ?? "";
}

/** Five parts and the hash of a body stay within 300 characters. */
const longestPart = 56;
const plain = /^[\w.:@+-]*$/;

/** One part, with no separator or control character in it, and no two parts alike; over-long ones become a hash. */
function escapePart(part: string): string {
  if (part.length <= longestPart && plain.test(part)) return part;
  const escaped = part.length <= longestPart ? part.replace(/[^\w.:@+-]/g, escapeUnit) : part;
  if (escaped.length <= longestPart && part.length <= longestPart) return escaped;
  // UTF-16 keeps apart what UTF-8 does not: unpaired surrogates.
  return `%h${createHash("sha256").update(Buffer.from(part, "utf16le")).digest("base64url")}`;
}

/** Always four digits, so that no two texts escape to the same one. */
function escapeUnit(unit: string): string {
  return `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}
