/** `env:NAME` and `file:/path`: texts in the settings that stand for a value kept elsewhere. */
import { formatPath, type Path, type Problem } from "./problem";

/** Where values may come from. `readFile` throws when there is no such file. */
export interface Sources {
  env: Readonly<Record<string, string | undefined>>;
  readFile: (path: string) => string;
}

type Read = { ok: true; value: string } | { ok: false; found: string; allowed: string };

/** What a settings tree reads once every reference in it is replaced. */
export interface Resolved {
  value: unknown;
  /** The paths whose value came from elsewhere. */
  replaced: ReadonlySet<string>;
  problems: Problem[];
}

const reference = /^(env:[A-Za-z_]\w*|file:.+)$/;

/** Replaces every reference in a settings tree; one that leads nowhere stays, and is a problem. */
export function resolveReferences(settings: unknown, sources: Sources): Resolved {
  const replaced = new Set<string>();
  const problems: Problem[] = [];
  const resolve = (value: unknown, path: Path): unknown => {
    if (typeof value === "string" && reference.test(value)) {
      const read = readReference(value, sources);
      replaced.add(formatPath(path));
      if (read.ok) return read.value;
      problems.push({ path: formatPath(path), found: read.found, allowed: read.allowed });
      return value;
    }
    if (Array.isArray(value)) return value.map((item, index) => resolve(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, [...path, key])]));
  };
  return { value: resolve(settings, []), replaced, problems };
}

/** Reads one reference. A variable may itself say `file:/path`; a file's last line break is no part of its value. */
export function readReference(text: string, { env, readFile }: Sources): Read {
  if (text.startsWith("env:")) {
    const name = text.slice("env:".length);
    const value = env[name];
    if (typeof value !== "string" || value === "")
      return { ok: false, found: `${text}, which is not set`, allowed: `set the variable ${name}` };
    return value.startsWith("file:") ? readReference(value, { env, readFile }) : { ok: true, value };
  }
  const path = text.slice("file:".length);
  try {
    const value = readFile(path).replace(/\r?\n$/, "");
    if (value !== "") return { ok: true, value };
    return { ok: false, found: `${text}, which is empty`, allowed: "a file with the value in it" };
  } catch (error) {
    return { ok: false, found: `${text}, which cannot be read (${nameFailure(error)})`, allowed: "a readable file" };
  }
}

/** The system's code (`ENOENT`), which carries nothing of the file. */
export function nameFailure(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "error";
}
