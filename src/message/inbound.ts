/** What an adapter's request means, in our words: a customer's message, choice, or sign of life. Pure. */
import {
  type AdapterEvent,
  type AdapterMessage,
  type AdapterResponse,
  adapterEvent,
  adapterMessage,
  adapterResponse,
} from "./adapter";
import type { Message } from "./message";

/** A valid request of one of the routes that customers' doings come in by. */
export type AdapterCall =
  | { route: "messages"; body: AdapterMessage }
  | { route: "responses"; body: AdapterResponse }
  | { route: "events"; body: AdapterEvent };

/** Our id of the message, and the integration that the request names, by name and Genesys Cloud's id. */
type Ids = Pick<Message, "id" | "integration" | "integrationId">;

/** How long a typing sign is worth showing: what Genesys Cloud's own last. */
const typingDurationMs = 5000;

/** Understands a request. The customer is the `recipient`, as in everything about one customer. `raw` is the body as parsed. */
export function readCall(call: AdapterCall, ids: Ids, raw: unknown): Message {
  const { from, at } = call.body;
  const nickname = from.nickname === undefined || from.nickname === "" ? {} : { nickname: from.nickname };
  const shared = {
    ...ids,
    genesysMessageId: null,
    recipient: { id: from.id, idType: from.idType, ...nickname },
    sender: { origin: "human" as const, ...nickname },
    sentAt: at === undefined ? null : new Date(at).toISOString(),
    raw,
  };
  switch (call.route) {
    case "messages":
      return readMessage(call.body, shared);
    case "responses":
      return readResponse(call.body, shared);
    case "events":
      return readEvent(call.body, shared);
    default:
      return call satisfies never;
  }
}

/**
 * The request whose raw body was kept, by the kind it was understood as; undefined when it is none, which only happens to
 * bodies kept by another version.
 */
export function parseCall(kind: string, raw: unknown): AdapterCall | undefined {
  if (kind === "structured") {
    const { data: body } = adapterResponse.safeParse(raw);
    return body && { route: "responses", body };
  }
  if (kind === "typing" || kind === "event") {
    const { data: body } = adapterEvent.safeParse(raw);
    return body && { route: "events", body };
  }
  const { data: body } = adapterMessage.safeParse(raw);
  return body && { route: "messages", body };
}

/** Understands a kept request again. */
export function understandCall(kind: string, ids: Ids, raw: unknown): Message {
  const call = parseCall(kind, raw);
  if (call !== undefined) return readCall(call, ids, raw);
  const nobody = { recipient: { id: "", idType: "Opaque" }, sender: { origin: "unknown" as const } };
  return { kind: "unsupported", ...ids, ...nobody, genesysMessageId: null, sentAt: null, raw };
}

type Shared = Omit<Extract<Message, { kind: "unsupported" }>, "kind">;

function readMessage({ text, attachments, customAttributes }: AdapterMessage, shared: Shared): Message {
  const metadata = customAttributes === undefined ? {} : { metadata: { customAttributes } };
  if (attachments !== undefined && attachments.length > 0) {
    return {
      kind: "media",
      ...shared,
      ...metadata,
      ...(text ? { text } : {}),
      attachments: attachments.map(withoutUndefined),
    };
  }
  return { kind: "text", ...shared, ...metadata, text: text ?? "" };
}

function readResponse({ response, originatingMessageId }: AdapterResponse, shared: Shared): Message {
  return {
    kind: "structured",
    ...shared,
    text: response.text,
    elements: [{ contentType: "ButtonResponse", buttonResponse: response }],
    metadata: { originatingMessageId },
  };
}

function readEvent({ type }: AdapterEvent, shared: Shared): Message {
  if (type === "typing") return { kind: "typing", ...shared, typing: { type: "On", durationMs: typingDurationMs } };
  const presence = { type: type === "online" ? "Online" : "Offline" };
  return { kind: "event", ...shared, event: { eventType: "Presence", presence } };
}

type GivenAttachment = NonNullable<AdapterMessage["attachments"]>[number];

function withoutUndefined(attachment: GivenAttachment) {
  const { mediaType, url, ...rest } = attachment;
  const given = Object.entries(rest).filter(([, value]) => value !== undefined && value !== "");
  return { mediaType, url, ...(Object.fromEntries(given) as { [Name in keyof typeof rest]: string }) };
}
