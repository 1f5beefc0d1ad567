/** What was understood of a message, as digests: enough to tell later what is understood differently, and nothing to read. Pure. */
import { hash } from "node:crypto";
import type { Message } from "../message/message";

/** The kind in clear; of every other field a digest. `parts` says how a channel was to show it. */
export type Meaning = Record<string, string>;

/** Our own ids and the body itself say nothing of what was understood. */
const notMeaning = new Set(["id", "kind", "integration", "integrationId", "raw"]);

/** Fields that are absent have no digest. */
export function digestMessage(message: Message): Meaning {
  const meaning: Meaning = { kind: message.kind };
  for (const [field, value] of Object.entries(message)) {
    if (value !== undefined && !notMeaning.has(field)) meaning[field] = digest(value);
  }
  return meaning;
}

/** How a channel was to show a message: the kinds of its parts, and a digest of all of them. */
export function digestParts(parts: readonly { kind: string }[]): string {
  return `${parts.map(({ kind }) => kind).join("+")}:${digest(parts)}`;
}

/** Ten characters of SHA-256 over the value with its keys in one order; enough to tell two values apart. */
function digest(value: unknown): string {
  try {
    return hash("sha256", typeof value === "string" ? value : write(value), "base64url").slice(0, 10);
  } catch (error) {
    // Values nested tens of thousands of levels deep overflow the stack.
    if (error instanceof RangeError) return "too-deep";
    throw error;
  }
}

/** JSON with sorted keys; by hand, because a replacer makes JSON.stringify several times slower. */
function write(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(write).join()}]`;
  const keys = Object.keys(value).sort();
  let text = "{";
  for (const key of keys) {
    const inner = (value as Record<string, unknown>)[key];
    if (inner !== undefined) text += `${JSON.stringify(key)}:${write(inner)},`;
  }
  return `${text}}`;
}
