/** Where a message points at files, and the same message pointing elsewhere. Pure. */
import type { Attachment, Message } from "../message/message";

/** An attachment that is a file behind a URL: a link is a page, and stays one. */
export type Linked = Attachment & { url: string };

/** The files of a message: its attachments, and what stands in the header of a template. */
export function listFiles(message: Message): Linked[] {
  const attachments = "attachments" in message ? (message.attachments ?? []) : [];
  const header = message.kind === "template" ? message.template.header?.media : undefined;
  return [...attachments, ...(header ? [header] : [])].filter(
    (one): one is Linked => one.url !== undefined && one.mediaType !== "Link",
  );
}

/** The message with these URLs in place of others, wherever they stand as a whole; `raw` stays as it came. */
export function replaceUrls(message: Message, replacements: ReadonlyMap<string, string>): Message {
  if (replacements.size === 0) return message;
  const { raw, ...rest } = message;
  return { ...(replaceIn(rest, replacements) as typeof rest), raw } as Message;
}

/** Genesys Cloud's elements are a few levels deep; what is nested thousands deep is no element and stays as it is. */
const deepest = 32;

function replaceIn(value: unknown, replacements: ReadonlyMap<string, string>, depth = 0): unknown {
  if (typeof value === "string") return replacements.get(value) ?? value;
  if (depth > deepest) return value;
  if (Array.isArray(value)) return value.map((item) => replaceIn(item, replacements, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, replaceIn(item, replacements, depth + 1)]),
  );
}
