import type { Accepts } from "./accepts";
import { isShowable, readAttachment } from "./attachment";
import { makeElement, splitButtons, writeButtons, writeDescriptions } from "./buttons";
import { type Block, type Button, recognize } from "./elements";
import { acceptsMedia, writeLink } from "./media";
import type { Attachment, Element, Message, Template } from "./message";
import { showMessage } from "./show";
import { splitText } from "./split-text";
import { readObjects } from "./wire";

/** What a channel sends as one message of its own. */
export type Part =
  | { kind: "text"; text: string; buttons?: Button[]; attachments?: Attachment[]; elements?: Element[] }
  /** `text` is the caption to write, the attachment's own words among it. */
  | { kind: "media"; attachments: Attachment[]; text?: string; buttons?: Button[]; elements?: Element[] }
  | { kind: "template"; template: Template; text?: string; attachments?: Attachment[]; elements?: Element[] }
  | { kind: "structured"; text?: string; attachments?: Attachment[]; elements?: Element[] }
  | { kind: "typing"; typing: { type: string; durationMs: number } };

type Deliverable = Extract<Message, { kind: "text" | "media" | "template" | "structured" }>;

/**
 * The best a channel can show of a message, in order. An empty list: nothing of it can be shown, or it is of a kind that
 * is only noted. What fits as it is stays whole, in one part.
 */
export function degrade(message: Message, accepts: Accepts): Part[] {
  switch (message.kind) {
    case "text":
    case "media":
    case "template":
    case "structured":
      return keepWhole(message, accepts) ?? keepNative(message, accepts) ?? showInParts(message, accepts);
    case "typing":
      return (accepts.typing ?? accepts.kinds.includes("typing")) ? [{ kind: "typing", typing: message.typing }] : [];
    case "receipt":
    case "event":
    case "unsupported":
      return [];
    default:
      return message satisfies never;
  }
}

/** A part as a message of its own, for channels that pass messages on; buttons become Genesys Cloud's elements. */
export function writePart(message: Message, part: Part): Message {
  const { id, genesysMessageId, integration, integrationId, recipient, sender, sentAt, raw } = message;
  const optional = {
    ...(message.conversationId === undefined ? {} : { conversationId: message.conversationId }),
    ...(message.metadata === undefined ? {} : { metadata: message.metadata }),
  };
  if (part.kind !== "text" && part.kind !== "media")
    return { id, genesysMessageId, integration, integrationId, recipient, sender, sentAt, raw, ...optional, ...part };
  const { buttons, ...content } = part;
  const elements = buttons ? { elements: buttons.map(makeElement) } : {};
  return {
    id,
    genesysMessageId,
    integration,
    integrationId,
    recipient,
    sender,
    sentAt,
    raw,
    ...optional,
    ...content,
    ...elements,
  };
}

function keepWhole(message: Deliverable, accepts: Accepts): Part[] | undefined {
  const { kind, text = "" } = message;
  if (!accepts.kinds.includes(kind) || (kind === "media" && accepts.oneByOne)) return undefined;
  const limit = kind === "media" ? captionLimit(accepts) : textLimit(accepts);
  return text.length > limit || refuseMedia(message, accepts).length > 0 ? undefined : [pickContent(message)];
}

/** A template or structured message of a kind that the channel knows; what it refuses is told in words before it. */
function keepNative(message: Deliverable, accepts: Accepts): Part[] | undefined {
  const { kind, text, elements } = message;
  if (kind !== "template" && kind !== "structured") return undefined;
  if (!accepts.kinds.includes(kind) || !accepts.kinds.includes("text")) return undefined;
  const refused = refuseMedia(message, accepts);
  const native: Part = kind === "template" ? { kind, template: message.template } : { kind };
  const kept = message.attachments?.filter((attachment) => !refused.includes(attachment)) ?? [];
  if (kept.length > 0) native.attachments = kept;
  if (elements) native.elements = elements.filter((element) => !isRefused(element, accepts));
  const words = joinLines([text, ...refused.map(writeLink)]);
  return [...writeText(words, accepts), native];
}

function showInParts(message: Deliverable, accepts: Accepts): Part[] {
  const parts = joinTexts(
    showMessage(message).flatMap((block) => showInPart(block, accepts)),
    textLimit(accepts),
  );
  if (!parts.every(({ kind }) => accepts.kinds.includes(kind))) return [];
  return parts.flatMap((part) => (part.kind === "text" ? writeText(part.text, accepts, part.buttons) : [part]));
}

/** One block: a picture with its caption, or a text; words that are too long for a caption come after the picture. */
function showInPart(block: Block, accepts: Accepts): Part[] {
  const { media } = block;
  const { tapped, written } = splitButtons(block.buttons ?? [], accepts);
  const isSent = media !== undefined && acceptsMedia(media, accepts);
  const words = joinLines([
    isSent ? media.text : undefined,
    block.text,
    media && !isSent ? writeLink(media) : undefined,
    ...writeDescriptions(tapped),
    ...writeButtons(written),
  ]);
  const buttons = tapped.length > 0 ? { buttons: tapped } : {};
  if (isSent && words.length <= captionLimit(accepts)) {
    return [{ kind: "media", attachments: [media], ...(words === "" ? {} : { text: words }), ...buttons }];
  }
  const text: Part = {
    kind: "text",
    text: words === "" ? tapped.map((button) => button.text).join(" / ") : words,
    ...buttons,
  };
  return isSent ? [{ kind: "media", attachments: [media] }, text] : [text];
}

/** Texts that follow each other go out as one while that fits: a list of links is no series of messages. */
function joinTexts(parts: readonly Part[], limit: number): Part[] {
  const joined: Part[] = [];
  parts.forEach((part, index) => {
    const last = joined.at(-1);
    const before = parts[index - 1];
    if (part.kind !== "text" || last?.kind !== "text" || last.buttons) return joined.push(part);
    const text = `${last.text}${isLine(before) && isLine(part) ? "\n" : "\n\n"}${part.text}`;
    if (text.length > limit) return joined.push(part);
    return joined.splice(-1, 1, { ...part, text });
  });
  return joined;
}

function isLine(part: Part | undefined): boolean {
  return part?.kind === "text" && !part.buttons && !part.text.includes("\n");
}

/** A text in as many pieces as it needs; the buttons stand under the last. */
function writeText(text: string, accepts: Accepts, buttons?: Button[]): Part[] {
  if (text === "") return [];
  const pieces = splitText(text, textLimit(accepts));
  return pieces.map((piece, index) => ({
    kind: "text",
    text: piece,
    ...(buttons && index === pieces.length - 1 ? { buttons } : {}),
  }));
}

function pickContent(message: Deliverable): Part {
  const { text, attachments, elements } = message;
  const content = { ...(attachments ? { attachments } : {}), ...(elements ? { elements } : {}) };
  const spoken = { ...(text === undefined ? {} : { text }), ...content };
  switch (message.kind) {
    case "text":
      return { kind: "text", text: message.text, ...content };
    case "media":
      return { kind: "media", ...spoken, attachments: message.attachments };
    case "template":
      return { kind: "template", template: message.template, ...spoken };
    case "structured":
      return { kind: "structured", ...spoken };
    default:
      return message satisfies never;
  }
}

/** What a channel that limits its media cannot carry; one that does not reads the attachments of a message itself. */
function refuseMedia({ attachments = [] }: Deliverable, accepts: Accepts): Attachment[] {
  if (!limitsMedia(accepts)) return [];
  return attachments.filter((attachment) => isShowable(attachment) && !acceptsMedia(attachment, accepts));
}

function isRefused(element: Element, accepts: Accepts): boolean {
  const known = limitsMedia(accepts) ? recognize(element) : undefined;
  if (known?.contentType !== "Attachment") return false;
  return readObjects(known.value).every((value) => !acceptsMedia(readAttachment(value), accepts));
}

function limitsMedia({ mediaTypes, mediaBytes }: Accepts): boolean {
  return mediaTypes !== undefined || mediaBytes !== undefined;
}

function textLimit(accepts: Accepts): number {
  return accepts.textLength ?? Number.POSITIVE_INFINITY;
}

function captionLimit(accepts: Accepts): number {
  return accepts.captionLength ?? textLimit(accepts);
}

function joinLines(lines: readonly (string | undefined)[]): string {
  return lines.filter((line) => line !== undefined && line !== "").join("\n");
}
