/** Capture files: NDJSON, one webhook a line, so that what came in can travel. Pure; reading and writing are streams elsewhere. */
import { createHash } from "node:crypto";
import { z } from "zod";

/** A webhook as a file holds it: the bytes as they came. */
export interface Capture {
  integration: string;
  receivedAt: number;
  headers: Record<string, string>;
  body: Buffer;
  /** What was understood of it, as digests (see meaning.ts). */
  meaning?: Record<string, string>;
}

/** Files written by a bridge that knows more say so by a higher number. */
const version = 1;

export const captureLine = z.strictObject({
  version: z.number().optional(),
  integration: z.string().min(1),
  receivedAt: z.iso.datetime({ offset: true }),
  headers: z.record(z.string(), z.string()),
  bodyBase64: z.string(),
  /** Hex, of the body: an edit by hand shows. */
  sha256: z.string().optional(),
  meaning: z.record(z.string(), z.string()).optional(),
});

export function writeLine({ integration, receivedAt, headers, body, meaning }: Capture): string {
  return `${JSON.stringify({
    integration,
    receivedAt: new Date(receivedAt).toISOString(),
    headers,
    bodyBase64: body.toString("base64"),
    sha256: sha256(body),
    ...(meaning === undefined ? {} : { meaning }),
  })}\n`;
}

/** A line as it was read, or what is wrong with it. */
export type Line = { ok: true; capture: Capture } | { ok: false; problem: string };

/** What stands in for what a body alone does not say. */
export interface Defaults {
  /** Every capture goes to this integration, whatever the file says. */
  integration?: string | undefined;
  /** The name of an integration by its id in Genesys Cloud, which bodies carry as `channel.id`. */
  nameOf(integrationId: string): string | undefined;
  /** For bodies without a valid `channel.time`. */
  now: number;
}

/** Reads one line: a capture, or a webhook body alone. Never throws. */
export function readLine(text: string, defaults: Defaults): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: "not JSON: the line may be cut short" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { ok: false, problem: "not a JSON object" };
  }
  const isCapture = "bodyBase64" in value || "version" in value || "receivedAt" in value;
  return isCapture ? readCapture(value, defaults) : readBody(Buffer.from(text), defaults);
}

function readCapture(value: object, defaults: Defaults): Line {
  if ("version" in value && typeof value.version === "number" && value.version > version) {
    return {
      ok: false,
      problem: `written by a newer bridge (version ${value.version} of the file, known is ${version})`,
    };
  }
  const parsed = captureLine.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const newer = issue?.code === "unrecognized_keys" ? " (written by a newer bridge, or edited)" : "";
    const path = issue?.path.map(String).join(".") ?? "";
    return { ok: false, problem: `${path === "" ? "" : `${path}: `}${issue?.message ?? "invalid"}${newer}` };
  }
  const { integration, receivedAt, headers, bodyBase64, sha256: expected, meaning } = parsed.data;
  const body = Buffer.from(bodyBase64, "base64");
  if (body.toString("base64") !== bodyBase64) return { ok: false, problem: "bodyBase64: not canonical base64" };
  if (expected !== undefined && expected !== sha256(body)) {
    return { ok: false, problem: "the body was changed: sha256 does not fit it" };
  }
  const problem = judgeBody(body);
  if (problem !== undefined) return { ok: false, problem };
  const capture = {
    integration: defaults.integration ?? integration,
    receivedAt: Date.parse(receivedAt),
    headers,
    body,
  };
  return { ok: true, capture: meaning === undefined ? capture : { ...capture, meaning } };
}

/** A body alone, such as another tool has recorded: its integration and time are its own. */
export function readBody(body: Buffer, { integration, nameOf, now }: Defaults): Line {
  const problem = judgeBody(body);
  if (problem !== undefined) return { ok: false, problem };
  const { channel } = JSON.parse(body.toString("utf8")) as { channel?: { id?: unknown; time?: unknown } };
  const name = integration ?? (typeof channel?.id === "string" ? nameOf(channel.id) : undefined);
  if (name === undefined) {
    return { ok: false, problem: "a body alone whose channel.id is no integration of these settings: name one" };
  }
  const sentAt = typeof channel?.time === "string" ? Date.parse(channel.time) : Number.NaN;
  const receivedAt = Number.isNaN(sentAt) ? now : sentAt;
  return {
    ok: true,
    capture: { integration: name, receivedAt, headers: { "content-type": "application/json" }, body },
  };
}

function judgeBody(body: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? undefined
      : "the body is not a JSON object";
  } catch {
    return "the body is not JSON";
  }
}

function sha256(body: Buffer): string {
  return createHash("sha256").update(body).digest("hex");
}
