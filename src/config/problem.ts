import type { z } from "zod";

/** One thing wrong with the settings. None of the three carries the value of a secret. */
export interface Problem {
  /** Where: a path in the settings file (`channels.chat.secret`), a variable (`PORT`), or the file itself. */
  path: string;
  found: string;
  allowed: string;
}

export type Path = readonly PropertyKey[];

/** Writes a path as people write it: `integrations[0].name`, `addressOf["a b"]`. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = String(part);
    if (!/^[\w$-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

/** The keys whose values are secrets or personal data, wherever they stand. */
const hiddenKeys = new Set([
  "secret",
  "signatureSecrets",
  "webhookSecret",
  "token",
  "smtp",
  "privateKey",
  "imap",
  "email",
  "phone",
]);

/**
 * Says what stands at a path, without giving a secret away: the value of a hidden key, of a variable or file that
 * stands for one (`fromElsewhere`), and whatever looks like a secret in the wrong place, show as their length only.
 */
export function describeFound(value: unknown, path: Path, fromElsewhere = false): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  if (typeof value !== "string") return String(value);
  if (value === "") return "an empty text";
  const key = path.findLast((part) => typeof part !== "number");
  const hidden = fromElsewhere || hiddenKeys.has(String(key)) || looksSecret(value);
  if (hidden) return `a text of ${value.length} characters`;
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
}

function looksSecret(value: string): boolean {
  return value.startsWith("whsec_") || /:\/\/[^/]*@/.test(value);
}

/** The candidate that `word` was most likely meant to be: few letters apart, or none. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.ceil(word.length / 3);
  return candidates
    .map((candidate) => ({ candidate, distance: countEdits(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** `one of chat, sms`, led by the likeliest when a word was given. */
export function nameChoices(candidates: readonly string[], word?: unknown): string {
  const choices = candidates.length === 0 ? "none is defined" : `one of ${candidates.join(", ")}`;
  const meant = typeof word === "string" ? suggest(word, candidates) : undefined;
  return meant === undefined ? choices : `did you mean ${meant}? ${choices}`;
}

/** Levenshtein distance, one row at a time. */
function countEdits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/**
 * Turns what a schema refused into problems. The schemas' messages say what is allowed; for unknown keys there is one
 * line per key.
 */
export function listProblems(error: z.ZodError, input: unknown, isFromElsewhere: (path: Path) => boolean): Problem[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      const lines = issue.message.split("\n");
      return issue.keys.map((key, index) => ({
        path: formatPath([...issue.path, key]),
        found: "an unknown key",
        allowed: lines[index] ?? issue.message,
      }));
    }
    const value = valueAt(input, issue.path);
    const found = describeFound(value, issue.path, isFromElsewhere(issue.path));
    const choices = choicesOf(issue);
    const allowed = choices && typeof value === "string" ? nameChoices(choices, value) : issue.message;
    return [{ path: formatPath(issue.path), found, allowed }];
  });
}

function choicesOf(issue: z.core.$ZodIssue): string[] | undefined {
  if (issue.code === "invalid_value") return issue.values.map(String);
  if (issue.code === "invalid_union" && "options" in issue) return issue.options?.map(String);
  return undefined;
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, part)
        ? (value as Record<PropertyKey, unknown>)[part]
        : undefined,
    input,
  );
}
