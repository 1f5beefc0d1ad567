import { isShowable, readAttachment } from "./attachment";
import { recognize } from "./elements";
import { type Attachment, type Element, type Message, reasonCodes, type Template } from "./message";
import { isNamedOrShown, readTemplate } from "./template";
import {
  enumReader,
  isReceipt,
  readId,
  readList,
  readNumber,
  readObject,
  readObjects,
  readStatus,
  readString,
  readText,
  readTime,
  readType,
  type Wire,
} from "./wire";

type Of<Kind extends Message["kind"]> = Extract<Message, { kind: Kind }>;
type Shared = Pick<
  Message,
  | "id"
  | "genesysMessageId"
  | "integration"
  | "integrationId"
  | "conversationId"
  | "recipient"
  | "sender"
  | "sentAt"
  | "metadata"
  | "raw"
>;

interface Content {
  text?: string;
  attachments?: Attachment[];
  elements?: Element[];
}

const nothing: Wire = {};
/** How long a typing sign is shown when the event names no duration: what Genesys Cloud sends. */
const typingDurationMs = 5000;

const readIdType = enumReader(["Email", "Phone", "Opaque", "Topic"]);
const readEventType = enumReader(["CoBrowse", "Typing", "Presence", "Video", "Unknown"]);
const readTypingType = enumReader(["On", "Off"]);
const readReasonCode = enumReader(reasonCodes);

/**
 * Understands a webhook body (SDK `ConversationNormalizedMessage`). Total: any JSON object gives a message, wrong types
 * count as missing, and no words are lost. What it does not copy it shares with the body: treat both as read-only.
 *
 * @param capture - Our id for the message, and the integration whose webhook brought the body: name and Genesys' id.
 */
export function normalize(
  body: Record<string, unknown>,
  capture: { id: string; integration: string; integrationId: string },
): Message {
  const channel = readObject(body.channel) ?? nothing;
  if (isReceipt(body)) return normalizeReceipt(body, channel, capture);

  const shared = readShared(body, channel, capture, channel.to, channel.from);
  const message = normalizeContent(body, shared);
  if (message.kind !== "unsupported") return message;
  const events = readObjects(body.events);
  return readType(body) === "event" || events.length > 0 ? normalizeEvent(message, events) : message;
}

function readShared(
  body: Wire,
  channel: Wire,
  capture: { id: string; integration: string; integrationId: string },
  customer: unknown,
  sender: unknown,
): Shared {
  const to = readObject(customer) ?? nothing;
  const recipient: Shared["recipient"] = { id: readId(to.id) ?? "", idType: readIdType(to.idType) ?? "Opaque" };
  const nickname = readNickname(to);
  if (nickname !== undefined) recipient.nickname = nickname;

  const shared: Shared = {
    id: capture.id,
    genesysMessageId: readId(body.id) ?? null,
    integration: capture.integration,
    integrationId: capture.integrationId,
    recipient,
    sender: readSender(body, readObject(sender) ?? nothing),
    sentAt: readTime(channel.time),
    raw: body,
  };
  const conversationId = readString(body.conversationId);
  if (conversationId !== undefined) shared.conversationId = conversationId;
  const metadata = readMetadata(body, channel, shared.sender);
  if (metadata) shared.metadata = metadata;
  return shared;
}

/** Fixtures of Genesys' own show both spellings. */
function readNickname(person: Wire): string | undefined {
  return readString(person.nickname) ?? readString(person.nickName);
}

function readSender(body: Wire, from: Wire): Shared["sender"] {
  const entity = typeof body.originatingEntity === "string" ? body.originatingEntity.toLowerCase() : "";
  const sender: Shared["sender"] = { origin: entity === "human" || entity === "bot" ? entity : "unknown" };
  const nickname = readNickname(from);
  if (nickname !== undefined) sender.nickname = nickname;
  return sender;
}

/**
 * One flat record: `channel.metadata` (custom attributes, sub type), the body's own `metadata`, and what else the body
 * says about itself under its own field names, which win over entries of the same name.
 */
function readMetadata(body: Wire, channel: Wire, sender: Shared["sender"]): Wire | undefined {
  const metadata: Wire = { ...readObject(channel.metadata), ...readObject(body.metadata) };
  keep(metadata, "messageMetadata", body.messageMetadata);
  if (sender.origin === "unknown") keep(metadata, "originatingEntity", body.originatingEntity);
  keep(metadata, "relatedMessages", body.relatedMessages);
  keep(metadata, "enrichment", body.enrichment);
  keep(metadata, "byoSmsIntegrationId", body.byoSmsIntegrationId);
  keep(metadata, "publicMetadata", channel.publicMetadata);
  keep(metadata, "dateModified", channel.dateModified);
  keep(metadata, "dateDeleted", channel.dateDeleted);
  for (const _ in metadata) return metadata;
  return undefined;
}

function keep(metadata: Wire, name: string, value: unknown): void {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return;
  metadata[name] = value;
}

/** Text, media, template, structured, or unsupported when nothing of it can be shown. */
function normalizeContent(body: Wire, shared: Shared): Message {
  const content: Content = {};
  const text = readText(body.text);
  if (text !== undefined) content.text = text;

  const elements = readElements(body.content);
  let template = readTopLevelTemplate(body);
  let isStructured = false;
  if (elements) {
    content.elements = elements;
    const attachments: Attachment[] = [];
    for (const element of elements) {
      const known = recognize(element);
      if (!known) continue;
      if (known.contentType === "Attachment") attachments.push(...readObjects(known.value).map(readAttachment));
      else if (known.contentType === "Notification") template ??= readNotification(known.value);
      else isStructured ||= known.show(known.value).length > 0;
    }
    if (attachments.length > 0) content.attachments = attachments;
  }

  if (template) return { kind: "template", ...shared, ...content, template };
  if (isStructured) return { kind: "structured", ...shared, ...content };
  if (content.attachments?.some(isShowable)) {
    return { kind: "media", ...shared, ...content, attachments: content.attachments };
  }
  if (text !== undefined && /\S/.test(text)) return { kind: "text", ...shared, ...content, text };
  return { kind: "unsupported", ...shared, ...content };
}

/** The content elements as they came; what is no element of its own right is wrapped so that it is kept. */
function readElements(content: unknown): Element[] | undefined {
  const items = readList(content);
  if (items.length === 0) return undefined;
  if (items.every(isElement)) return items as Element[];
  return items.map((item) => {
    const wire = readObject(item);
    if (!wire) return { contentType: "Unknown", value: item };
    return isElement(wire) ? wire : { ...wire, contentType: recognize(wire)?.contentType ?? "Unknown" };
  });
}

function isElement(item: unknown): item is Element {
  return typeof readObject(item)?.contentType === "string";
}

function readNotification(value: unknown): Template | undefined {
  return readObjects(value).map(readTemplate).find(isNamedOrShown);
}

/** Some senders put the template beside `text` instead of into `content`. */
function readTopLevelTemplate(body: Wire): Template | undefined {
  return body.template === undefined ? undefined : readNotification(body.template);
}

/** Typing before all else: it is the only event that a channel shows. */
function normalizeEvent(content: Of<"unsupported">, events: readonly Wire[]): Message {
  const { kind: _, ...shared } = content;
  if (events.length > 1) shared.metadata = { ...shared.metadata, events };
  const types = events.map((event) => readEventType(event.eventType) ?? "Unknown");
  const typing = events[types.indexOf("Typing")];
  if (typing) return { kind: "typing", ...shared, typing: readTyping(typing) };

  const index = Math.max(
    types.findIndex((type) => type !== "Unknown"),
    0,
  );
  return { kind: "event", ...shared, event: { ...events[index], eventType: types[index] ?? "Unknown" } };
}

function readTyping(event: Wire): Of<"typing">["typing"] {
  const typing = readObject(event.typing) ?? nothing;
  const duration = readNumber(typing.duration);
  return {
    type: readTypingType(typing.type) ?? "On",
    durationMs: duration !== undefined && duration >= 0 ? duration : typingDurationMs,
  };
}

/**
 * A receipt for a message that we sent in: `channel.from` is the customer, `channel.messageId` our id of the message.
 * One that names the integration as `from` speaks of an outbound message; then `channel.to` is the customer.
 */
function normalizeReceipt(
  body: Wire,
  channel: Wire,
  capture: { id: string; integration: string; integrationId: string },
): Of<"receipt"> {
  const from = readId(readObject(channel.from)?.id);
  const isOutbound = from !== undefined && (from === capture.integrationId || from === readId(channel.id));
  const [customer, other] = isOutbound ? [channel.to, channel.from] : [channel.from, channel.to];

  const receipt: Of<"receipt">["receipt"] = {
    status: readStatus(body.status) ?? "Unknown",
    messageId: readId(channel.messageId) ?? null,
  };
  if (typeof body.isFinalReceipt === "boolean") receipt.isFinalReceipt = body.isFinalReceipt;
  const reasons = readObjects(body.reasons).map(readReason);
  if (reasons.length > 0) receipt.reasons = reasons;

  const text = readText(body.text);
  return {
    kind: "receipt",
    ...readShared(body, channel, capture, customer, other),
    ...(text === undefined ? {} : { text }),
    receipt,
  };
}

function readReason(wire: Wire): { code?: string; message?: string } {
  const reason: { code?: string; message?: string } = {};
  const code = readReasonCode(wire.code);
  if (code !== undefined) reason.code = code;
  const message = readText(wire.message);
  if (message !== undefined) reason.message = message;
  return reason;
}
