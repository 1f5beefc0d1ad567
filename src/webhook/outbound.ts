/** `POST /genesys/{integration}/outbound`: verify the raw bytes, understand, store, then answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { BridgeError, type ErrorCode, errorBody, StoreUnavailable, statusOfCode } from "../errors";
import type { Arrival, Stored } from "../store/ingest";
import type { Refused } from "../store/quarantine";
import { planArrival, type WebhookIntegration } from "./arrival";
import { parseObject } from "./body";
import { signatureHeader, verifySignature } from "./signature";

export interface OutboundDeps {
  integrations: readonly WebhookIntegration[];
  maxBodyBytes: number;
  /** Resolves once the arrival is on disk. */
  save(arrival: Arrival): Promise<Stored>;
  /** Keeps a refused request of a known integration. */
  quarantine(refused: Refused): Promise<void>;
  now: () => number;
  newId: () => string;
  log: {
    webhookStored(facts: {
      integration: string;
      messageId: string;
      kind: string;
      bytes: number;
      durationMs: number;
    }): void;
    webhookRepeated(facts: { integration: string; kind: string }): void;
    webhookRefused(facts: { integration: string; httpStatus: number; code: string; bytes?: number }): void;
    requestFailed(facts: { path: string; error: unknown }): void;
  };
}

/** A plain listener for `http.createServer` or `app.use`; returns false when the request is not for it. */
export type OutboundListener = (req: IncomingMessage, res: ServerResponse) => boolean;

const routePattern = "/genesys/{integration}/outbound";
const route = /^\/genesys\/([^/?]+)\/outbound\/?(?:\?.*)?$/;

/**
 * Answers, in this order: 404 unknown integration, 413 body over the limit, 401 bad signature, 400 not a JSON object,
 * 200 stored (a repeat too), 503 cannot store. In an Express app it belongs ahead of every body parser.
 */
export function createOutboundListener(deps: OutboundDeps): OutboundListener {
  const integrations = new Map<string, WebhookIntegration>();
  for (const one of deps.integrations) integrations.set(one.id, one);
  for (const one of deps.integrations) integrations.set(one.name, one);

  return function outbound(req, res) {
    const match = route.exec(req.url ?? "");
    if (match === null || req.method !== "POST") return false;
    const integration = integrations.get(decode(match[1] ?? ""));
    if (integration === undefined) {
      refuse(req, res, "not_found", "no integration of this name or id is configured");
      return true;
    }
    receive(deps, integration, req, res).catch((error: unknown) => {
      deps.log.requestFailed({ path: routePattern, error });
      answerError(res, error);
    });
    return true;
  };
}

async function receive(
  deps: OutboundDeps,
  integration: WebhookIntegration,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { log } = deps;
  const { name } = integration;
  const body = await readBody(req, deps.maxBodyBytes);
  if (body === "aborted") return;
  if (body === "too large") {
    log.webhookRefused({ integration: name, httpStatus: 413, code: "too_large" });
    refuse(req, res, "too_large", `the body is larger than maxBodyBytes (${deps.maxBodyBytes})`);
    return;
  }
  const receivedAt = deps.now();
  const header = req.headers[signatureHeader];
  const valid = verifySignature(body, typeof header === "string" ? header : undefined, integration.signatureSecrets);
  if (!valid) {
    const problem =
      header === undefined ? "no X-Hub-Signature-256 header" : "X-Hub-Signature-256 does not fit the body";
    await keepRefused(problem);
    log.webhookRefused({ integration: name, httpStatus: 401, code: "unauthorized", bytes: body.length });
    answer(res, 401, errorBody({ code: "unauthorized", message: problem }));
    return;
  }
  const parsed = parseObject(body);
  if (typeof parsed === "string") {
    await keepRefused(parsed);
    log.webhookRefused({ integration: name, httpStatus: 400, code: "invalid_json", bytes: body.length });
    answer(res, 400, errorBody({ code: "invalid_json", message: parsed }));
    return;
  }
  const arrival = planArrival(parsed, { body, headers: keptHeaders(req), receivedAt }, integration, deps.newId);
  const { duplicate } = await deps.save(arrival);
  answer(res, 200, duplicate ? { status: "duplicate" } : { status: "stored", id: arrival.id });
  const { kind } = arrival;
  if (duplicate) log.webhookRepeated({ integration: name, kind });
  else {
    const durationMs = deps.now() - receivedAt;
    log.webhookStored({ integration: name, messageId: arrival.id, kind, bytes: body.length, durationMs });
  }

  /** A refusal stands whether or not it could be kept. */
  async function keepRefused(problem: string) {
    const refused = { integration: name, receivedAt, problem, headers: keptHeaders(req), body: body as Buffer };
    await deps.quarantine(refused).catch((error: unknown) => log.requestFailed({ path: routePattern, error }));
  }
}

/** The raw bytes, as they came over the wire; nothing is inflated. */
function readBody(req: IncomingMessage, limit: number): Promise<Buffer | "too large" | "aborted"> {
  if ("body" in req && req.body !== undefined) {
    throw new BridgeError(
      "internal",
      "the request body was read before the webhook listener: mount it ahead of every body parser, the signature is over the raw bytes",
    );
  }
  if (Number(req.headers["content-length"] ?? 0) > limit) return Promise.resolve("too large");
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        req.removeAllListeners("data");
        resolve("too large");
      } else chunks.push(chunk);
    });
    req.on("end", () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    req.on("error", () => resolve("aborted"));
    req.on("close", () => resolve("aborted"));
  });
}

/** All headers but credentials; a repeated one is joined as Node does. */
function keptHeaders(req: IncomingMessage): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(req.headers)) {
    if (value === undefined || name === "authorization" || name === "cookie" || name === "proxy-authorization")
      continue;
    kept[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return kept;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Refuses before the body was read: what is still coming is not waited for. */
function refuse(req: IncomingMessage, res: ServerResponse, code: ErrorCode, message: string): void {
  res.setHeader("connection", "close");
  answer(res, statusOfCode[code], errorBody({ code, message }));
  res.once("finish", () => setTimeout(() => req.destroy(), 1000).unref());
  req.resume();
}

function answerError(res: ServerResponse, error: unknown): void {
  if (res.headersSent) return;
  if (error instanceof StoreUnavailable) res.setHeader("retry-after", "5");
  const known = error instanceof BridgeError && error.code !== "internal";
  const { code, message } = known ? error : { code: "internal" as const, message: "the request could not be handled" };
  answer(res, statusOfCode[code], errorBody({ code, message }));
}

function answer(res: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  res.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  res.end(text);
}
