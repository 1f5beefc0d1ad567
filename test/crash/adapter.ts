/** An adapter with moods, and a memory of everything it was ever sent. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { decodeStandardWebhooksSecret, signStandardWebhook, verifyStandardWebhook } from "../../src/standard-webhooks";
import { drawFor } from "./chance";
import { channelSecret } from "./messages";

/** How it answers; the last four bring another try. */
export type Mood = "delivered" | "accepted" | "refused" | "error" | "busy" | "nonsense" | "silence";

/** What it reports later of a message that it accepted. */
export type News = "delivered" | "failed" | "none";

/** One call of a delivery. Times are milliseconds since the epoch. */
export interface Sighting {
  /** Genesys Cloud's id. */
  messageId: string;
  webhookId: string;
  attempt: number;
  arrivedAt: number;
  /** When it was answered, or given up by the other side. */
  answeredAt: number | null;
  mood: Mood;
}

export interface Adapter {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>;
  sightings: Sighting[];
  /** Typing signs shown, by their `deliveryId`. */
  typings: Map<string, number>;
  /** Calls whose signature was wrong. */
  forged(): number;
  /** Reports that the bridge answered with a 4xx. */
  refusedReports(): number;
  /** Reports that the bridge has not taken yet. */
  waitingReports(): number;
}

const moods: [number, Mood][] = [
  [0.7, "delivered"],
  [0.84, "accepted"],
  [0.88, "refused"],
  [0.94, "error"],
  [0.96, "busy"],
  [0.98, "nonsense"],
  [1, "silence"],
];

/** @param bridgeUrls where reports go, any of them */
export function createAdapter(bridgeUrls: readonly string[]): Adapter {
  const sightings: Sighting[] = [];
  const typings = new Map<string, number>();
  const decided = new Map<string, Mood>();
  const tries = new Map<string, number>();
  const key = decodeStandardWebhooksSecret(channelSecret);
  let forged = 0;
  let waiting = 0;
  let refusedReports = 0;

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const arrivedAt = Date.now();
    const body = await buffer(req);
    const verdict = verifyStandardWebhook({ secret: key, headers: req.headers, body, now: new Date() });
    if (!verdict.ok) {
      forged += 1;
      res.writeHead(401).end();
      return;
    }
    const { type, deliveryId, attempt, message } = JSON.parse(body.toString()) as {
      type: string;
      deliveryId: string;
      attempt: number;
      message: { genesysMessageId: string };
    };
    if (type === "typing") {
      typings.set(deliveryId, (typings.get(deliveryId) ?? 0) + 1);
      res.writeHead(200).end();
      return;
    }
    const { genesysMessageId: messageId } = message;
    const mood = chooseMood(messageId);
    const sighting: Sighting = { messageId, webhookId: verdict.id, attempt, arrivedAt, answeredAt: null, mood };
    sightings.push(sighting);
    res.on("close", () => {
      sighting.answeredAt ??= Date.now();
    });
    // Some channels are slow: a few sends are always under way.
    const delayMs = 60 * drawFor("delay", messageId, attempt) ** 3;
    await new Promise((done) => setTimeout(done, delayMs));
    if (mood === "silence") return;
    if (mood === "accepted" && decided.get(messageId) === undefined) reportLater(messageId, deliveryId);
    if (mood === "delivered" || mood === "accepted" || mood === "refused") decided.set(messageId, mood);
    answer(res, mood);
    sighting.answeredAt = Date.now();
  }

  /** What it once decided, it says again: the same `webhook-id` is the same delivery. */
  function chooseMood(messageId: string): Mood {
    const known = decided.get(messageId);
    if (known !== undefined) return known;
    const count = (tries.get(messageId) ?? 0) + 1;
    tries.set(messageId, count);
    const draw = drawFor("mood", messageId, count);
    return moods.find(([limit]) => draw < limit)?.[1] ?? "delivered";
  }

  function reportLater(messageId: string, deliveryId: string): void {
    const news = newsOf(messageId);
    if (news === "none") return;
    const body = JSON.stringify({
      deliveryId,
      status: news,
      ...(news === "failed" && { reason: { code: "GeneralError", message: "the customer has left" } }),
    });
    const copies = drawFor("copies", messageId) < 0.1 ? 2 : 1;
    const webhookId = randomUUID();
    for (let copy = 0; copy < copies; copy += 1) {
      waiting += 1;
      setTimeout(() => void report(webhookId, body), 1500 * drawFor("report", messageId, copy));
    }
  }

  async function report(webhookId: string, body: string): Promise<void> {
    for (let tried = 0; ; tried += 1) {
      const signed = signStandardWebhook({ key, id: webhookId, at: new Date(), body });
      try {
        const url = `${bridgeUrls[tried % bridgeUrls.length]}/channels/chat/receipts`;
        const headers = { "content-type": "application/json", ...signed };
        const { status } = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(5000) });
        if (status === 202) break;
        if (status < 500) {
          refusedReports += 1;
          break;
        }
      } catch {
        // The bridge is being restarted.
      }
      await new Promise((done) => setTimeout(done, 200));
    }
    waiting -= 1;
  }

  return {
    handle,
    sightings,
    typings,
    forged: () => forged,
    refusedReports: () => refusedReports,
    waitingReports: () => waiting,
  };
}

/** What is reported of a message that was accepted. */
export function newsOf(messageId: string): News {
  const draw = drawFor("news", messageId);
  if (draw < 0.75) return "delivered";
  return draw < 0.9 ? "failed" : "none";
}

function answer(res: ServerResponse, mood: Exclude<Mood, "silence">): void {
  const say = (status: number, body: object | string, headers: Record<string, string> = {}) =>
    void res
      .writeHead(status, { "content-type": "application/json", ...headers })
      .end(typeof body === "string" ? body : JSON.stringify(body));
  switch (mood) {
    case "delivered":
    case "accepted":
      say(200, { status: mood });
      return;
    case "refused":
      say(422, { code: "InvalidDestination", message: "nobody of this name" });
      return;
    case "error":
      say(500, "");
      return;
    case "busy":
      say(429, "", { "retry-after": "1" });
      return;
    case "nonsense":
      say(200, "<html>");
      return;
    default:
      mood satisfies never;
  }
}
