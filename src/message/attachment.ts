import type { Attachment } from "./message";
import { enumReader, readId, readNumber, readString, readWords, type Wire } from "./wire";

const readMediaType = enumReader(["Image", "Video", "Audio", "File", "Link"]);

/** Reads `ConversationContentAttachment`; a missing media type is taken from the MIME type. */
export function readAttachment(wire: Wire): Attachment {
  const attachment: Attachment = { mediaType: readMediaType(wire.mediaType) ?? guessMediaType(wire.mime) };
  const id = readId(wire.id);
  if (id !== undefined) attachment.id = id;
  for (const name of ["url", "mime", "filename", "sha256"] as const) {
    const value = readString(wire[name]);
    if (value !== undefined) attachment[name] = value;
  }
  const text = readWords(wire.text);
  if (text !== undefined) attachment.text = text;
  const size = readNumber(wire.contentSizeBytes);
  if (size !== undefined) attachment.contentSizeBytes = size;
  return attachment;
}

/** Whether there is anything to show: something to fetch, or words about it. */
export function isShowable(attachment: Attachment): boolean {
  return attachment.url !== undefined || attachment.text !== undefined;
}

function guessMediaType(mime: unknown): string {
  const family = typeof mime === "string" ? mime.slice(0, mime.indexOf("/")).toLowerCase() : "";
  if (family === "image" || family === "video" || family === "audio") return readMediaType(family) ?? "File";
  return "File";
}
