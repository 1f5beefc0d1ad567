/**
 * Takes personal data out of a webhook body and leaves its shape: every name, structure, length and byte length stays, and
 * equal words stay equal, so that what goes wrong with a message still goes wrong with its redacted copy. Pure.
 */
import { createHmac } from "node:crypto";

/** Values of Genesys Cloud's own vocabulary say what a message is and nothing of the customer. */
const vocabulary = new Set(
  (
    "Text Structured Receipt Event Message Unknown Outbound Inbound Human Bot Open Private Public Opaque Email Phone Topic " +
    "Attachment Location QuickReply QuickReplyV2 Notification GenericTemplate ListTemplate Postback Reactions Mention " +
    "ButtonResponse Story Card Carousel DatePicker InteractiveApplication PaymentRequest PaymentResponse Push Form " +
    "RoadsideAssistance Buttons Image Video Audio File Link Typing Presence CoBrowse On Off Join Disconnect Clear None " +
    "Sent Delivered Read Failed Published Removed Edited Deleted Offering OfferingExpired OfferingAccepted OfferingRejected " +
    "MessageExpired RateLimited MessageNotAllowed GeneralError UnsupportedMessage UnknownMessage InvalidMessageStructure " +
    "InvalidDestination ServerError MediaTypeNotAllowed InvalidMediaContentLength RecipientOptedOut DataFiltered"
  ).split(" "),
);

/** Fields whose value is such a word, a time or a type of content. */
const typeFields = new Set(
  (
    "type contentType mediaType idType platform direction originatingEntity status code eventType subType " +
    "time dateCreated dateModified dateDeleted datePosted mime language"
  ).split(" "),
);
/** What customers and flows put in by themselves: no value in there is vocabulary. */
const ownData = new Set(["metadata", "customAttributes", "customMetadata", "additionalInfo", "parameters"]);
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/;
const contentType = /^(text|image|audio|video|application)\/[\w.+-]{1,40}$/;
const languageTag = /^[a-z]{2}([-_][A-Za-z]{2,4})?$/;

/** Headers that say what kind of request it was; the values of all others, a signature among them, are blanked or left out. */
const keptHeaders = new Set(["content-type", "content-length", "user-agent"]);

export interface Redactor {
  body(body: Buffer): Buffer;
  headers(headers: Record<string, string>): Record<string, string>;
}

/** `key` makes replacements that nobody without it can look up: use a random one for each file. */
export function createRedactor(key: Uint8Array): Redactor {
  return {
    body: (body) => Buffer.from(redactJson(body.toString("utf8"), key)),
    headers: (headers) =>
      Object.fromEntries(
        Object.entries(headers)
          .filter(([name]) => name !== "x-hub-signature-256")
          .map(([name, value]) => [name, keptHeaders.has(name) ? value : replaceText(value, key)]),
      ),
  };
}

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[{}[\],:]/g;

/** Replaces strings and numbers in place; white space, escapes and order stay as they are. */
function redactJson(json: string, key: Uint8Array): string {
  /** The names of the objects and lists around the current place; undefined for the outermost. */
  const names: (string | undefined)[] = [];
  let own = 0;
  let name: string | undefined;
  let last: string | undefined;
  return json.replace(token, (found: string, at: number) => {
    switch (found) {
      case "{":
      case "[":
        names.push(name);
        if (name !== undefined && ownData.has(name)) own += 1;
        if (found === "{") name = undefined;
        return found;
      case "}":
      case "]": {
        name = names.pop();
        if (name !== undefined && ownData.has(name)) own -= 1;
        return found;
      }
      case ",":
        return found;
      case ":":
        name = last;
        return found;
      default:
        if (!found.startsWith('"')) return replaceNumber(found, key);
        if (isFieldName(json, at + found.length)) {
          last = found.slice(1, -1);
          return found;
        }
        return keepsValue(name, found.slice(1, -1), own > 0) ? found : `"${replaceText(found.slice(1, -1), key)}"`;
    }
  });
}

function isFieldName(json: string, end: number): boolean {
  let at = end;
  while (" \t\r\n".includes(json[at] ?? "x")) at += 1;
  return json[at] === ":";
}

function keepsValue(name: string | undefined, value: string, isOwn: boolean): boolean {
  if (isOwn || name === undefined || !typeFields.has(name)) return false;
  return vocabulary.has(value) || time.test(value) || contentType.test(value) || languageTag.test(value);
}

/** Escapes, a scheme, characters beyond ASCII, then single characters. */
const unit =
  /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|^https?:(?:\\?\/){2}|[\u{10000}-\u{10FFFF}]|[^]/gu;

function replaceText(text: string, key: Uint8Array): string {
  const random = randomBytes(key, text);
  return text.replace(unit, (found) => replaceUnit(found, random));
}

function replaceUnit(found: string, random: () => number): string {
  if (/^https?:/.test(found)) return found;
  if (found.length === 12) return "\\ud83d\\ude00";
  if (found.startsWith("\\u")) {
    const code = Number.parseInt(found.slice(2), 16);
    if (code < 0x20) return found;
    return code < 0x80 ? `\\u00${(0x61 + (random() % 26)).toString(16)}` : "\\u00e9";
  }
  if (found.startsWith("\\")) return found;
  const code = found.codePointAt(0) ?? 0;
  if (code >= 0x10000) return "😀";
  if (code >= 0x800) return "中";
  if (code >= 0x80) return "é";
  if (/[0-9]/.test(found)) return String(random() % 10);
  if (/[a-z]/.test(found)) return String.fromCharCode(0x61 + (random() % 26));
  if (/[A-Z]/.test(found)) return String.fromCharCode(0x41 + (random() % 26));
  return found;
}

/** The first digit stays one that JSON takes there, and `0.` stays. */
function replaceNumber(number: string, key: Uint8Array): string {
  const random = randomBytes(key, number);
  const exponent = number.search(/e/i);
  const digits = exponent < 0 ? number : number.slice(0, exponent);
  const rest = exponent < 0 ? "" : number.slice(exponent);
  return (
    digits.replace(/\d/g, (digit, at: number) => (at <= 1 && digit === "0" ? "0" : String(1 + (random() % 9)))) + rest
  );
}

/** Bytes that only the key and the text decide. */
function randomBytes(key: Uint8Array, text: string): () => number {
  let bytes = createHmac("sha256", key).update(text).digest();
  let used = 0;
  return () => {
    if (used === bytes.length) {
      bytes = createHmac("sha256", key).update(bytes).digest();
      used = 0;
    }
    const byte = bytes[used] ?? 0;
    used += 1;
    return byte;
  };
}
