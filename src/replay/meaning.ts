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
    return hash("sha256", JSON.stringify(value, inOneOrder), "base64url").slice(0, 10);
  } catch (error) {
    // JSON.stringify gives up where values are nested tens of thousands of levels deep.
    if (error instanceof RangeError) return "too-deep";
    throw error;
  }
}

function inOneOrder(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const keys = Object.keys(value);
  if (keys.length < 2) return value;
  return Object.fromEntries(keys.sort().map((key) => [key, (value as Record<string, unknown>)[key]]));
}
