/** `POST /channels/{channel}/…`: what adapters tell us, verified, stored, then answered. */
import express, { type Router } from "express";
import { BridgeError } from "../errors";
import { type AdapterBodyKind, adapterBodies } from "../message/adapter";
import { verifyStandardWebhook } from "../standard-webhooks";
import type { Callback } from "../store/callbacks";

export interface CallbackDeps {
  /** Channels whose adapters may call, with their Standard Webhooks secret. */
  channels: readonly { name: string; secret: string }[];
  maxBodyBytes: number;
  /** Resolves once the callback is on disk. */
  save(callback: Callback): Promise<void>;
  now: () => number;
}

/** Standard Webhooks: older or newer requests may be replays. */
const toleranceSeconds = 300;

export function callbackRoutes(deps: CallbackDeps): Router {
  const secrets = new Map(deps.channels.map((channel) => [channel.name, channel.secret]));
  const router = express.Router();
  const raw = express.raw({ type: () => true, inflate: false, limit: deps.maxBodyBytes });

  router.post("/channels/:channel/:kind", raw, async (req, res) => {
    const { channel, kind } = req.params;
    const secret = secrets.get(String(channel));
    if (secret === undefined) throw new BridgeError("not_found", "no channel of this name takes callbacks");
    if (!isKind(String(kind)))
      throw new BridgeError("not_found", `callbacks are ${Object.keys(adapterBodies).join(", ")}`);
    const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
    const receivedAt = deps.now();
    const verdict = verifyStandardWebhook({
      secret,
      headers: req.headers,
      body,
      now: new Date(receivedAt),
      toleranceSeconds,
    });
    if (!verdict.ok) throw new BridgeError("unauthorized", verdict.problem);
    const valid = adapterBodies[kind as AdapterBodyKind].safeParse(parseJson(body));
    if (!valid.success) {
      const issue = valid.error.issues[0];
      const field = issue?.path.map(String).join(".") ?? "";
      throw new BridgeError("invalid_field", issue?.message ?? "invalid", field === "" ? undefined : field);
    }
    await deps.save({
      channel: String(channel),
      kind: String(kind),
      webhookId: verdict.id.slice(0, 500),
      receivedAt,
      body: JSON.stringify(valid.data),
    });
    res.status(202).json({ status: "stored" });
  });
  return router;
}

function isKind(kind: string): boolean {
  return Object.hasOwn(adapterBodies, kind);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new BridgeError("invalid_json", "the body is not JSON");
  }
}
