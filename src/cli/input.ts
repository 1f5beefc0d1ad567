/** What commands read: a file or stdin, and secrets that need not stand on the command line. */
import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { StartError } from "../errors";

/** The bytes of a file, or of stdin for `-`. Throws StartError. */
export async function readInput(path: string, stdin: NodeJS.ReadableStream): Promise<Buffer> {
  if (path === "-") return buffer(stdin);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StartError(`${path} cannot be read (${codeOf(error)})`, { cause: error });
  }
}

/** A secret as given: itself, `env:NAME`, or `file:/path` without the line break at its end. Throws StartError. */
export function readSecret(given: string, env: NodeJS.ProcessEnv): string {
  const secret = resolveSecret(given, env);
  if (secret === "") throw new StartError("the secret is empty");
  return secret;
}

function resolveSecret(given: string, env: NodeJS.ProcessEnv): string {
  if (given.startsWith("env:")) {
    const name = given.slice("env:".length);
    const value = env[name];
    if (value === undefined) throw new StartError(`the variable ${name} is not set`);
    return value;
  }
  if (!given.startsWith("file:")) return given;
  const path = given.slice("file:".length);
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new StartError(`${path} cannot be read (${codeOf(error)})`, { cause: error });
  }
}

/** For options that may be given several times. */
export function collect(value: string, known: string[] = []): string[] {
  return [...known, value];
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? "unknown");
}
