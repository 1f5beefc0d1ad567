/** `POST /genesys/events`: what a trigger's data action tells us, checked, stored, then answered. */
import { createHash, timingSafeEqual } from "node:crypto";
import express, { type Router } from "express";
import { BridgeError } from "../errors";
import { readGenesysEvent } from "../message/genesys-event";
import type { EventArrival } from "../store/genesys-events";

export interface EventDeps {
  /** What the data action shows as `Authorization: Bearer`; undefined: no events are taken. */
  eventToken: string | undefined;
  maxBodyBytes: number;
  /** How long after the customer has left the conversation is looked at. */
  customerEndDelayMs: number;
  /** Resolves once the event is on disk. */
  save(arrival: EventArrival): Promise<void>;
  now: () => number;
  log: { eventStored(facts: { kind: string; conversationId?: string }): void };
}

/** Events of the same moment about one conversation share a look-up. */
const gatherMs = 1000;

/** Answers, in this order: 404 no event token is set, 413, 401, 400 with the field, 202 stored (a repeat too), 503. */
export function eventRoutes(deps: EventDeps): Router {
  const { eventToken } = deps;
  const router = express.Router();
  if (eventToken === undefined) return router;
  const expected = digest(eventToken);
  const raw = express.raw({ type: () => true, inflate: false, limit: deps.maxBodyBytes });

  router.post("/genesys/events", raw, async (req, res) => {
    const [scheme = "", given = ""] = (req.headers.authorization ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer" || !timingSafeEqual(digest(given), expected)) {
      res.setHeader("www-authenticate", 'Bearer realm="open-messaging-bridge"');
      throw new BridgeError("unauthorized", "this needs `Authorization: Bearer` with the event token");
    }
    const read = readGenesysEvent(parseJson(req.body));
    if (!read.ok) throw new BridgeError("invalid_field", read.problem, read.field);
    const { event } = read;
    // Counted from our clock: Genesys Cloud's may be ahead or behind.
    const receivedAt = deps.now();
    const delayMs = event.type === "customerEnd" ? deps.customerEndDelayMs : gatherMs;
    await deps.save({ event, receivedAt, dueAt: receivedAt + delayMs });
    const { conversationId } = event;
    deps.log.eventStored({ kind: event.type, ...(conversationId === null ? {} : { conversationId }) });
    res.status(202).json({ status: "stored" });
  });
  return router;
}

function parseJson(body: unknown): unknown {
  try {
    return JSON.parse(Buffer.isBuffer(body) ? body.toString("utf8") : "");
  } catch {
    throw new BridgeError("invalid_json", "the body is not JSON");
  }
}

/** Equal lengths for the comparison, whatever was given. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
