import { isShowable, readAttachment } from "./attachment";
import { recognize, showsAnything } from "./elements";
import { type Attachment, type Element, type Message, type MessageKind, reasonCodes, type Template } from "./message";
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

type Of<Kind extends MessageKind> = Extract<Message, { kind: Kind }>;
type Capture = Pick<Message, "id" | "integration" | "integrationId">;

/**
 * A message being read: built field by field in one object, because copying it from spread parts would cost more than
 * all the reading. Its kind is set last; the tests hold each result against the schema.
 */
type Draft = Omit<Of<"unsupported">, "kind"> & {
  kind: MessageKind;
  template?: Template;
  typing?: Of<"typing">["typing"];
  event?: Of<"event">["event"];
  receipt?: Of<"receipt">["receipt"];
};

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
export function normalize(body: Record<string, unknown>, capture: Capture): Message {
  const channel = readObject(body.channel) ?? nothing;
  const draft = isReceipt(body) ? readReceipt(body, channel, capture) : readOutbound(body, channel, capture);
  return draft as Message;
}

function readOutbound(body: Wire, channel: Wire, capture: Capture): Draft {
  const draft = readShared(body, channel, capture, channel.to, channel.from);
  readContent(body, draft);
  if (draft.kind === "unsupported") {
    const events = readObjects(body.events);
    if (events.length > 0 || readType(body) === "event") readEvent(events, draft);
  }
  return draft;
}

function readShared(body: Wire, channel: Wire, capture: Capture, customer: unknown, other: unknown): Draft {
  const draft: Draft = {
    id: capture.id,
    genesysMessageId: readId(body.id) ?? null,
    kind: "unsupported",
    integration: capture.integration,
    integrationId: capture.integrationId,
    recipient: readRecipient(readObject(customer) ?? nothing),
    sender: readSender(body, readObject(other) ?? nothing),
    sentAt: readTime(channel.time),
    raw: body,
  };
  const conversationId = readString(body.conversationId);
  if (conversationId !== undefined) draft.conversationId = conversationId;
  const metadata = readMetadata(body, channel, draft.sender);
  if (metadata) draft.metadata = metadata;
  return draft;
}

function readRecipient(person: Wire): Draft["recipient"] {
  const recipient: Draft["recipient"] = { id: readId(person.id) ?? "", idType: readIdType(person.idType) ?? "Opaque" };
  const nickname = readNickname(person);
  if (nickname !== undefined) recipient.nickname = nickname;
  return recipient;
}

/** Fixtures of Genesys' own show both spellings. */
function readNickname(person: Wire): string | undefined {
  return readString(person.nickname) ?? readString(person.nickName);
}

function readSender(body: Wire, from: Wire): Draft["sender"] {
  const entity = typeof body.originatingEntity === "string" ? body.originatingEntity.toLowerCase() : "";
  const sender: Draft["sender"] = { origin: entity === "human" || entity === "bot" ? entity : "unknown" };
  const nickname = readNickname(from);
  if (nickname !== undefined) sender.nickname = nickname;
  return sender;
}

/**
 * One flat record: `channel.metadata` (custom attributes, sub type), the body's own `metadata`, and what else the body
 * says about itself under its own field names, which win over entries of the same name.
 */
function readMetadata(body: Wire, channel: Wire, sender: Draft["sender"]): Wire | undefined {
  const ofChannel = readObject(channel.metadata);
  const own = readObject(body.metadata);
  let metadata = ofChannel && own ? { ...ofChannel, ...own } : (own ?? ofChannel);
  metadata = keep(metadata, "messageMetadata", body.messageMetadata);
  if (sender.origin === "unknown") metadata = keep(metadata, "originatingEntity", body.originatingEntity);
  metadata = keep(metadata, "relatedMessages", body.relatedMessages);
  metadata = keep(metadata, "enrichment", body.enrichment);
  metadata = keep(metadata, "byoSmsIntegrationId", body.byoSmsIntegrationId);
  metadata = keep(metadata, "publicMetadata", channel.publicMetadata);
  metadata = keep(metadata, "dateModified", channel.dateModified);
  return keep(metadata, "dateDeleted", channel.dateDeleted);
}

function keep(metadata: Wire | undefined, name: string, value: unknown): Wire | undefined {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return metadata;
  return { ...metadata, [name]: value };
}

/** Text, media, template or structured, if anything of it can be shown. */
function readContent(body: Wire, draft: Draft): void {
  const text = readText(body.text);
  if (text !== undefined) draft.text = text;
  const elements = readElements(body.content);
  if (elements) draft.elements = elements;
  // Some senders put the template beside `text` instead of into `content`.
  let template = readNotification(body.template);
  let attachments: Attachment[] | undefined;
  let isStructured = false;
  for (const element of elements ?? []) {
    const known = recognize(element);
    if (known?.contentType === "Attachment") {
      attachments ??= [];
      for (const value of readObjects(known.value)) attachments.push(readAttachment(value));
    } else if (known?.contentType === "Notification") template ??= readNotification(known.value);
    else if (known && !isStructured) isStructured = showsAnything(known);
  }
  if (attachments) draft.attachments = attachments;

  if (template) {
    draft.kind = "template";
    draft.template = template;
  } else if (isStructured) draft.kind = "structured";
  else if (attachments?.some(isShowable)) draft.kind = "media";
  else if (text !== undefined && /\S/.test(text)) draft.kind = "text";
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
  return value === undefined ? undefined : readObjects(value).map(readTemplate).find(isNamedOrShown);
}

/** Typing before all else: it is the only event that a channel shows. */
function readEvent(events: readonly Wire[], draft: Draft): void {
  if (events.length > 1) draft.metadata = { ...draft.metadata, events };
  const types = events.map((event) => readEventType(event.eventType) ?? "Unknown");
  const typing = events[types.indexOf("Typing")];
  if (typing) {
    draft.kind = "typing";
    draft.typing = readTyping(typing);
    return;
  }
  const named = types.findIndex((type) => type !== "Unknown");
  const index = named < 0 ? 0 : named;
  draft.kind = "event";
  draft.event = { ...events[index], eventType: types[index] ?? "Unknown" };
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
function readReceipt(body: Wire, channel: Wire, capture: Capture): Draft {
  const from = readId(readObject(channel.from)?.id);
  const isOutbound = from !== undefined && (from === capture.integrationId || from === readId(channel.id));
  const draft = isOutbound
    ? readShared(body, channel, capture, channel.to, channel.from)
    : readShared(body, channel, capture, channel.from, channel.to);
  const text = readText(body.text);
  if (text !== undefined) draft.text = text;

  const receipt: Of<"receipt">["receipt"] = {
    status: readStatus(body.status) ?? "Unknown",
    messageId: readId(channel.messageId) ?? null,
  };
  if (typeof body.isFinalReceipt === "boolean") receipt.isFinalReceipt = body.isFinalReceipt;
  const reasons = readObjects(body.reasons).map(readReason);
  if (reasons.length > 0) receipt.reasons = reasons;
  draft.kind = "receipt";
  draft.receipt = receipt;
  return draft;
}

function readReason(wire: Wire): { code?: string; message?: string } {
  const reason: { code?: string; message?: string } = {};
  const code = readReasonCode(wire.code);
  if (code !== undefined) reason.code = code;
  const message = readText(wire.message);
  if (message !== undefined) reason.message = message;
  return reason;
}
