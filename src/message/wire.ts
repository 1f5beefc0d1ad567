/**
 * Tolerant readers of what came over the wire: each looks at one value of unknown type and never throws.
 * They run on the webhook's hot path, which is why no schema is applied there.
 */

/** A JSON object whose fields are not to be trusted. */
export type Wire = Record<string, unknown>;

/** The value if it is a JSON object, not an array and not null. */
export function readObject(value: unknown): Wire | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Wire) : undefined;
}

/** The items of an array; a single object stands for a list of one. */
export function readList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === "object" && value !== null ? [value] : [];
}

/** The objects of a list; items of other types are left out. */
export function readObjects(value: unknown): Wire[] {
  return readList(value).filter((item): item is Wire => readObject(item) !== undefined);
}

/** A string that is not empty. */
export function readString(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * An id as text. A number is taken only while JSON kept all its digits: a rounded one would name somebody else.
 */
export function readId(value: unknown): string | undefined {
  return Number.isSafeInteger(value) ? String(value) : readString(value);
}

/** Words as they came: a string or number, or the `body` or `text` of an object (as in a Text element). */
export function readText(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  if (typeof value === "number") return String(value);
  const object = readObject(value);
  return object && (readString(object.body) ?? readString(object.text));
}

/** Words with something to see in them: `undefined` for nothing but white space. */
export function readWords(value: unknown): string | undefined {
  const text = readText(value);
  return text !== undefined && /\S/.test(text) ? text : undefined;
}

/** A finite number; JSON writes one as text now and then, and can hold 1e999. */
export function readNumber(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** A reader of one enum: known names in any case become Genesys Cloud's spelling, new names stay as they are. */
export function enumReader(names: readonly string[]): (value: unknown) => string | undefined {
  const exact = new Set(names);
  const byLowerCase = new Map(names.map((name) => [name.toLowerCase(), name]));
  return (value) => {
    if (typeof value !== "string" || value === "") return undefined;
    return exact.has(value) ? value : (byLowerCase.get(value.toLowerCase()) ?? value);
  };
}

/** What Genesys Cloud writes, which needs no conversion; 29 February takes the longer way. */
const genesysTime =
  /^\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3])(?::[0-5]\d){2}\.\d{3}Z$/;
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?$/i;

/**
 * An ISO 8601 time as UTC with milliseconds, or null if it is none. Without an offset it is taken as UTC, which is what
 * Genesys Cloud writes.
 */
export function readTime(value: unknown): string | null {
  if (typeof value !== "string") return null;
  if (genesysTime.test(value)) return value;
  const match = isoTime.exec(value);
  if (!match || !isDay(value.slice(0, 10))) return null;
  const time = Date.parse(match[1] === undefined ? `${value}Z` : value);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

/** Date.parse rolls 30 February over into March. */
function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}

/** `type` of the body in lower case; empty when it is missing or no string. */
export function readType(body: Wire): string {
  return typeof body.type === "string" ? body.type.toLowerCase() : "";
}

/** Receipt statuses (SDK `ConversationNormalizedMessage.status`). */
export const readStatus = enumReader(["Sent", "Delivered", "Read", "Failed", "Published", "Removed"]);

const kindsOfWords = new Set(["text", "structured", "event"]);

/** A receipt says so in `type`; one without a type we know is told by its status, if it brings nothing else. */
export function isReceipt(body: Wire): boolean {
  const type = readType(body);
  if (type === "receipt") return true;
  if (kindsOfWords.has(type) || readString(body.status) === undefined) return false;
  return (
    readWords(body.text) === undefined && readList(body.content).length === 0 && readList(body.events).length === 0
  );
}
