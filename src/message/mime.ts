/** The MIME type of an attachment whose sender did not say. */

const ofEnding: Readonly<Record<string, string>> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
  heic: "image/heic",
  mp4: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
  "3gp": "video/3gpp",
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  ogg: "audio/ogg",
  opus: "audio/ogg",
  wav: "audio/wav",
  amr: "audio/amr",
  pdf: "application/pdf",
  txt: "text/plain",
  csv: "text/csv",
  vcf: "text/vcard",
  doc: "application/msword",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xls: "application/vnd.ms-excel",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  zip: "application/zip",
};

const ofMediaType: Readonly<Record<string, string>> = {
  Image: "image/jpeg",
  Video: "video/mp4",
  Audio: "audio/mpeg",
  Link: "text/html",
};

/** By the ending of its file name or of its URL's path, else what is most usual for its media type. */
export function guessMime(attachment: { mediaType: string; filename?: string | undefined; url: string }): string {
  const path = URL.canParse(attachment.url) ? new URL(attachment.url).pathname : "";
  for (const name of [attachment.filename, path]) {
    const ending = /\.([a-z0-9]{2,5})$/i.exec(name ?? "")?.[1]?.toLowerCase() ?? "";
    const known = Object.hasOwn(ofEnding, ending) ? ofEnding[ending] : undefined;
    if (known !== undefined) return known;
  }
  return ofMediaType[attachment.mediaType] ?? "application/octet-stream";
}
