import type { Problem } from "./problem";
import { nameFailure, type Sources } from "./references";

export type ReadSettings = { ok: true; settings: Record<string, unknown> } | { ok: false; problem: Problem };

/** Reads the settings file as JSON. What is wrong is placed but never quoted: it may hold a secret. */
export function readSettings(path: string, readFile: Sources["readFile"]): ReadSettings {
  const refuse = (found: string, allowed: string): ReadSettings => ({ ok: false, problem: { path, found, allowed } });
  let text: string;
  try {
    text = readFile(path).replace(/^\uFEFF/, "");
  } catch (error) {
    return refuse(`no readable file (${nameFailure(error)})`, "a settings file; OMB_CONFIG names another");
  }
  try {
    const settings: unknown = JSON.parse(text);
    return isObject(settings) ? { ok: true, settings } : refuse("JSON, but no object", "an object");
  } catch {
    return refuse(`no JSON: ${sayPlace(text)}`, "JSON, without comments and without a comma before } or ]");
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sayPlace(text: string): string {
  if (text.trim() === "") return "it is empty";
  const lines = text.slice(0, findBreak(text)).split("\n");
  return `it breaks off at line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}`;
}

/** The offset of the first token that JSON (RFC 8259) has no place for: JSON.parse tells it only for some mistakes. */
function findBreak(text: string): number {
  let at = 0;
  const take = (form: RegExp): boolean => {
    const sticky = new RegExp(form, `${form.flags}y`);
    sticky.lastIndex = at;
    const found = sticky.test(text);
    if (found) at = sticky.lastIndex;
    return found;
  };
  const skip = () => take(/[ \t\n\r]*/);
  const string = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/u;
  const isString = () => skip() && take(string);
  const isValue = (): boolean => {
    skip();
    if (take(/\{/)) return isSeries(/\}/, () => isString() && skip() && take(/:/) && isValue());
    if (take(/\[/)) return isSeries(/\]/, isValue);
    return take(string) || take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/);
  };
  const isSeries = (end: RegExp, isItem: () => boolean): boolean => {
    skip();
    if (take(end)) return true;
    do {
      if (!isItem()) return false;
      skip();
    } while (take(/,/));
    return take(end);
  };
  if (isValue()) skip();
  return at;
}
