import { showElement } from "./elements";
import { findCut } from "./graphemes";
import type { Attachment, Element, Message } from "./message";
import { writeTemplate } from "./template-text";
import { readObject, readString } from "./wire";

/** In UTF-16 units. */
const longestSummary = 120;
/** How much of a long text is looked at: enough to fill the line, however much white space it holds. */
const lookedAt = 2000;

/** Most short texts: visible ASCII and single spaces. */
const alreadyLine = /^[!-~]+(?: [!-~]+)*$/;

/** One line of at most 120 characters for lists of messages: its first words, or in brackets what it is. */
export function summarize(message: Message): string {
  const text = describe(message).trimEnd();
  if (text.length <= longestSummary) return alreadyLine.test(text) ? text : cutLine(flatten(text));
  // In plain ASCII a character is a unit: no need to look for its borders.
  const start = text.slice(0, longestSummary).trimEnd();
  return alreadyLine.test(start) ? `${text.slice(0, longestSummary - 1).trimEnd()}…` : cutLine(flatten(text));
}

function describe(message: Message): string {
  const text = message.text?.slice(0, lookedAt);
  switch (message.kind) {
    case "text":
      return message.text.trimStart().slice(0, lookedAt);
    case "media":
      return `${message.attachments.map(describeAttachment).join(" ")} ${text ?? ""}`;
    case "template": {
      const { id } = message.template;
      return `[template${id === undefined ? "" : ` ${id}`}] ${writeTemplate(message.template, text).join(" ")}`;
    }
    case "structured":
      return text !== undefined && /\S/.test(text) ? text : describeElements(message.elements ?? []);
    case "typing":
      return "[typing]";
    case "receipt": {
      const codes = message.receipt.reasons?.flatMap(({ code }) => (code === undefined ? [] : [code])) ?? [];
      return `[receipt ${message.receipt.status}] ${codes.join(", ")}`;
    }
    case "event": {
      const { eventType } = message.event;
      const detail = readString(readObject(message.event[eventType[0]?.toLowerCase() + eventType.slice(1)])?.type);
      return `[event ${eventType}] ${detail ?? ""}`;
    }
    case "unsupported":
      if (message.metadata?.dateDeleted !== undefined) return "[deleted]";
      return `[unsupported] ${(message.elements ?? []).map(({ contentType }) => contentType).join(", ")}`;
    default:
      return message satisfies never;
  }
}

function describeAttachment({ mediaType, filename, text }: Attachment): string {
  return `[${mediaType.toLowerCase()}] ${text ?? filename ?? ""}`;
}

/** The first element that shows something, by its name and words. */
function describeElements(elements: readonly Element[]): string {
  for (const element of elements) {
    const [block] = showElement(element);
    if (block) {
      const words = block.text ?? block.buttons?.map(({ text }) => text).join(" / ") ?? "";
      return `[${element.contentType}] ${words}`;
    }
  }
  return "[structured]";
}

/** One line, without control characters, direction marks that could garble a list, and halves of characters. */
function flatten(text: string): string {
  return text
    .slice(0, lookedAt)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Cs}]/gu, "")
    .trim();
}

function cutLine(line: string): string {
  return line.length <= longestSummary ? line : `${line.slice(0, findCut(line, longestSummary - 1)).trimEnd()}…`;
}
