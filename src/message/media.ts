import type { Accepts } from "./accepts";
import { isShowable } from "./attachment";
import type { Attachment } from "./message";

/** Whether a channel can carry this attachment as what it is. A size that is not told counts as small enough. */
export function acceptsMedia(attachment: Attachment, accepts: Accepts): boolean {
  if (!accepts.kinds.includes("media") || attachment.url === undefined) return false;
  if ((attachment.contentSizeBytes ?? 0) > (accepts.mediaBytes ?? Number.POSITIVE_INFINITY)) return false;
  if (!accepts.mediaTypes) return attachment.mediaType !== "Link";
  return accepts.mediaTypes.some((type) => matchesType(attachment, type.toLowerCase()));
}

/** An attachment as a line of text: what it is called, and where it is. */
export function writeLink(attachment: Attachment): string | undefined {
  if (!isShowable(attachment)) return undefined;
  const { url, text, filename } = attachment;
  const label = text ?? filename;
  return label === undefined || url === undefined ? (url ?? label) : `${label}: ${url}`;
}

/** A picture without a MIME type passes where any pictures do: the channel will say what it cannot read. */
function matchesType({ mediaType, mime }: Attachment, type: string): boolean {
  const family = mediaType.toLowerCase();
  if (type === family) return true;
  if (family === "link") return false;
  if (type === "*" || type === "*/*") return true;
  const known = mime?.split(";", 1)[0]?.trim().toLowerCase();
  if (known === undefined || known === "") return type.startsWith(`${family}/`);
  return type === known || (type.endsWith("/*") && known.startsWith(type.slice(0, -1)));
}
