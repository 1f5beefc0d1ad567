/** `POST /channels/{channel}/…`: what adapters tell us, verified, stored, then answered. */
import type { IncomingHttpHeaders } from "node:http";
import express, { type Request, type RequestHandler, type Router } from "express";
import { BridgeError } from "../errors";
import { hasPrivateHost } from "../media/private-address";
import { type AdapterBodyKind, type AdapterMessage, adapterBodies } from "../message/adapter";
import type { AdapterCall } from "../message/inbound";
import { verifyStandardWebhook } from "../standard-webhooks";
import type { Callback } from "../store/callbacks";
import type { Arrival, Stored } from "../store/ingest";
import { type InboundIntegration, planInbound } from "./inbound";

export interface CallbackDeps {
  /** Channels whose adapters may call: with their Standard Webhooks secret, and the URL their deliveries go to. */
  channels: readonly { name: string; secret: string; url: string }[];
  integrations: readonly InboundIntegration[];
  maxBodyBytes: number;
  /** Resolves once a receipt of an adapter is on disk. */
  saveReceipt(callback: Callback): Promise<void>;
  /** Resolves once what a customer did is on disk. */
  saveArrival(arrival: Arrival): Promise<Stored>;
  now: () => number;
  newId: () => string;
  log: {
    callbackStored(facts: { channel: string; kind: string; status: string }): void;
    callbackRefused(facts: { channel: string; path: string; httpStatus: number; code: string }): void;
  };
}

/** Standard Webhooks: older or newer requests may be replays. */
const toleranceSeconds = 300;

const routePattern = "/channels/:channel/:kind";

export function callbackRoutes(deps: CallbackDeps): Router {
  const channels = new Map(deps.channels.map((channel) => [channel.name, channel]));
  const integrations = new Map<string, InboundIntegration>();
  for (const one of deps.integrations) integrations.set(one.id, one);
  for (const one of deps.integrations) integrations.set(one.name, one);
  const router = express.Router();
  const raw = express.raw({ type: () => true, inflate: false, limit: deps.maxBodyBytes });

  function findRoute({ params }: Request) {
    const channel = channels.get(String(params.channel));
    const kind = String(params.kind);
    if (channel === undefined) throw new BridgeError("not_found", "no channel of this name takes callbacks");
    if (!isKind(kind)) throw new BridgeError("not_found", `callbacks are ${Object.keys(adapterBodies).join(", ")}`);
    return { channel, kind };
  }
  /** Before the body is read. */
  const checkRoute: RequestHandler = (req, _res, next) => {
    findRoute(req);
    next();
  };

  router.post(routePattern, checkRoute, raw, async (req, res) => {
    const { channel, kind } = findRoute(req);
    const { name, secret } = channel;
    const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
    const receivedAt = deps.now();
    const now = new Date(receivedAt);
    const verdict = verifyStandardWebhook({ secret, headers: req.headers, body, now, toleranceSeconds });
    if (!verdict.ok) {
      deps.log.callbackRefused({ channel: name, path: routePattern, httpStatus: 401, code: "unauthorized" });
      throw new BridgeError("unauthorized", verdict.problem);
    }
    const webhookId = verdict.id.slice(0, 500);
    const parsed = parseJson(body);
    if (kind === "receipts") {
      const receipt = parseBody(kind, parsed);
      await deps.saveReceipt({ channel: name, kind, webhookId, receivedAt, body: JSON.stringify(receipt) });
      res.status(202).json({ status: "stored" });
      return;
    }
    const call = { route: kind, body: parseBody(kind, parsed) } as AdapterCall;
    const integration = integrations.get(call.body.integration);
    if (integration === undefined) {
      throw new BridgeError("invalid_field", "no integration of this name or id is configured", "integration");
    }
    if (call.route === "messages") checkAttachments(call.body, channel.url);
    const headers = keepHeaders(req.headers);
    const request = { channel: name, webhookId, call, parsed, body, headers, receivedAt };
    const arrival = planInbound(request, integration, deps.newId);
    const { duplicate } = await deps.saveArrival(arrival);
    const status = duplicate ? "duplicate" : "stored";
    res.status(202).json(duplicate ? { status } : { status, id: arrival.id });
    deps.log.callbackStored({ channel: name, kind: arrival.kind, status });
  });
  return router;
}

function isKind(kind: string): kind is AdapterBodyKind {
  return Object.hasOwn(adapterBodies, kind);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new BridgeError("invalid_json", "the body is not JSON");
  }
}

/** The body as its schema has it. Throws `invalid_field` naming the first that is wrong: `attachments.0.url`. */
function parseBody(kind: AdapterBodyKind, parsed: unknown) {
  const valid = adapterBodies[kind].safeParse(parsed);
  if (valid.success) return valid.data;
  const issue = valid.error.issues[0];
  const field = issue?.path.map(String).join(".") ?? "";
  throw new BridgeError("invalid_field", issue?.message ?? "invalid", field === "" ? undefined : field);
}

/**
 * Genesys Cloud fetches attachments itself, so an address of a private network is of no use to it, and may be meant to be
 * fetched by whoever opens the conversation. Where the adapter itself has one, as on a developer's machine, they pass.
 */
function checkAttachments({ attachments = [] }: AdapterMessage, channelUrl: string): void {
  if (hasPrivateHost(channelUrl)) return;
  const index = attachments.findIndex(({ url }) => hasPrivateHost(url));
  if (index < 0) return;
  throw new BridgeError(
    "invalid_field",
    "a URL that can be fetched from the Internet is expected, found one of a private network",
    `attachments.${index}.url`,
  );
}

/** What may help to find out where a request came from; its signature, but no credentials. */
function keepHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ["content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"]) {
    const value = headers[name];
    if (typeof value === "string") kept[name] = value;
  }
  return kept;
}
