/** What is done to bodies on their way: each change turned back, so that a signature over the original can be found. Pure. */

/** What was signed, if this is what happened to it. */
export interface BodyStory {
  body: Buffer;
  flaws: { where: "body"; found: string; mend: string }[];
}

const keepRaw = "Keep the raw bytes of the request and check those, before any parser or proxy rewrites them.";

/** All others that may have been signed in place of `body`, each once. */
export function listBodyStories(body: Buffer): BodyStory[] {
  const stories: BodyStory[] = [];
  const add = (found: string, changed: Buffer | string | undefined, mend = keepRaw) => {
    if (changed === undefined) return;
    const bytes = Buffer.from(changed as Buffer);
    if (bytes.equals(body) || stories.some((story) => story.body.equals(bytes))) return;
    stories.push({ body: bytes, flaws: [{ where: "body", found, mend }] });
  };
  const text = body.toString("utf8");
  const newline = "Save and send the body without one: editors and echo add it, curl needs --data-binary.";

  add("a line break at the end that was not signed", text.replace(/(?:\r?\n)+$/, ""), newline);
  add("a line break at the end was signed and is missing", `${text}\n`, newline);
  add("a line break (CR LF) at the end was signed and is missing", `${text}\r\n`, newline);
  add("a byte order mark in front that was not signed", text.replace(/^\uFEFF/, ""));
  add("white space around the body that was not signed", text.trim(), newline);
  add("line breaks turned from LF to CR LF", text.replaceAll("\r\n", "\n"));
  add("line breaks turned from CR LF to LF", text.replaceAll("\r\n", "\n").replaceAll("\n", "\r\n"));
  add("a byte order mark was signed and is missing", `\uFEFF${text}`);
  add("UTF-8 read as Latin-1 and written as UTF-8 again", unreadLatin1(text));
  add("UTF-8 read as Windows-1252 and written as UTF-8 again", unreadWindows1252(body));
  add("a body in Latin-1 that was signed as UTF-8", recode(body));
  add("a body in UTF-8 that was signed as Latin-1", Buffer.from(text, "latin1"));
  addRewritten(text, add);
  return stories;
}

/** The ways in which JSON is parsed and written again. */
function addRewritten(text: string, add: (found: string, changed: string | undefined) => void): void {
  const value = parseJson(text);
  if (value === undefined) return;
  try {
    addWritings(value, add);
  } catch (error) {
    // Nested deeper than what can be written again, by us or by anybody who would have.
    if (!(error instanceof RangeError)) throw error;
  }
}

function addWritings(value: unknown, add: (found: string, changed: string | undefined) => void): void {
  const compact = JSON.stringify(value);
  const rewritten = "JSON that was parsed and written again:";
  add(`${rewritten} it was signed compact`, compact);
  add(`${rewritten} it was signed with \\u escapes`, escapeUnicode(compact));
  add(`${rewritten} it was signed compact, with \\/ for /`, compact.replaceAll("/", "\\/"));
  add(`${rewritten} it was signed with \\/ and \\u escapes`, escapeUnicode(compact).replaceAll("/", "\\/"));
  add(`${rewritten} it was signed with < > & escaped`, compact.replace(/[<>&\u2028\u2029]/g, escapeUnit));
  for (const indent of [2, 4, "\t"] as const) {
    add(`${rewritten} it was signed indented`, JSON.stringify(value, null, indent));
  }
  const spaced = writeSpaced(value);
  add(`${rewritten} it was signed with spaces after : and ,`, spaced);
  add(`${rewritten} it was signed with spaces after : and , and \\u escapes`, escapeUnicode(spaced));
  add(`${rewritten} it was signed with its keys sorted`, JSON.stringify(sortKeys(value)));
  add("JSON written as a text inside JSON", typeof value === "string" ? value : undefined);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
}

function escapeUnicode(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** As Python's json.dumps writes by default. */
function writeSpaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeSpaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${writeSpaced(member)}`);
  return `{${members.join(", ")}}`;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, member]) => [name, sortKeys(member)]));
}

/** Undefined when a character is beyond Latin-1: then it was not read so. */
function unreadLatin1(text: string): Buffer | undefined {
  return /[^\0-\xff]/.test(text) || !/[\x80-\xff]/.test(text) ? undefined : Buffer.from(text, "latin1");
}

/** The characters of Windows-1252 that are not those of Latin-1, from 0x80 on; 0 for none. */
const windows1252 =
  "\u20ac\0\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\0\u017d\0\0\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\0\u017e\u0178";

function unreadWindows1252(body: Buffer): Buffer | undefined {
  const bytes: number[] = [];
  for (const character of body.toString("utf8")) {
    const special = character === "\0" ? -1 : windows1252.indexOf(character);
    const code = special >= 0 ? 0x80 + special : (character.codePointAt(0) ?? 0);
    if (code > 0xff) return undefined;
    bytes.push(code);
  }
  return Buffer.from(bytes);
}

/** A body that is no UTF-8, read as Latin-1. */
function recode(body: Buffer): Buffer | undefined {
  const isUtf8 = Buffer.from(body.toString("utf8")).equals(body);
  return isUtf8 ? undefined : Buffer.from(body.toString("latin1"));
}
