/** `GET /api/v1/stream`: what happens, as server-sent events (WHATWG HTML). */
import { once } from "node:events";
import express, { type Response, type Router } from "express";
import { z } from "zod";
import { BridgeError } from "../errors";
import type { Db } from "../store/bulk";
import { readCapture } from "../store/captures";
import { findItems } from "../store/messages";
import { createFollower, newestLine, readLinesAfter, type StreamedLine } from "../store/stream";
import { parseQuery } from "./messages";

export interface StreamDeps {
  read<T>(work: (db: Db) => Promise<T>): Promise<T>;
  now: () => number;
  /** True once the process is ending. */
  isStopping: () => boolean;
}

const streamQuery = z.strictObject({
  integration: z.string().optional(),
  /** `1` adds events `capture`: the webhook as it came, for those who pass it on. */
  captures: z.enum(["0", "1"]).default("0"),
});

const pollMs = 200;
const heartbeatMs = 15_000;
const pageSize = 200;
const mostListeners = 100;

/**
 * Events: `message`, an item when it is stored and whenever its state has changed; `ledger`, each line of its timeline;
 * `capture`, on request. `Last-Event-ID` goes on where a connection ended.
 */
export function streamRoutes({ read, now, isStopping }: StreamDeps): Router {
  const router = express.Router();
  let listeners = 0;

  router.get("/stream", async (req, res) => {
    const wanted = parseQuery(streamQuery, req.query);
    if (listeners >= mostListeners)
      throw new BridgeError("rate_limited", `at most ${mostListeners} may listen at once`);
    const last = Number(req.headers["last-event-id"]);
    const start = Number.isSafeInteger(last) && last > 0 ? last : await read(newestLine);
    res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", connection: "close" });
    res.write(": listening\n\n");
    listeners += 1;
    try {
      await follow(res, start, wanted);
    } finally {
      listeners -= 1;
      res.end();
    }
  });

  async function follow(res: Response, start: number, wanted: z.infer<typeof streamQuery>): Promise<void> {
    const follower = createFollower(start);
    let saidAt = now();
    while (!isStopping() && !res.destroyed && !res.writableEnded) {
      const lines = await read((db) => readLinesAfter(db, follower.after(), pageSize)).catch(() => []);
      const fresh = follower.take(lines, now());
      const text = fresh.length === 0 ? "" : await write(fresh, wanted);
      if (text !== "" || now() - saidAt > heartbeatMs) {
        saidAt = now();
        // A listener that reads slowly is written to no faster.
        if (!res.write(text === "" ? ": still here\n\n" : text))
          await Promise.race([once(res, "drain"), once(res, "close")]);
      }
      if (fresh.length < pageSize) await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async function write(lines: readonly StreamedLine[], { integration, captures }: z.infer<typeof streamQuery>) {
    const items = new Map(
      (await read((db) => findItems(db, [...new Set(lines.map(({ messageSeq }) => messageSeq))])))
        .filter(
          ({ item }) =>
            integration === undefined || item.integration === integration || item.integrationId === integration,
        )
        .map(({ seq, item }) => [seq, item]),
    );
    const said = new Set<number>();
    const texts: string[] = [];
    for (const { seq, messageSeq, messageId, at, event, detail } of lines) {
      const item = items.get(messageSeq);
      if (item === undefined) continue;
      texts.push(eventText(seq, "ledger", { at: new Date(at).toISOString(), messageId, event, detail }));
      if (captures === "1" && event === "message.stored") {
        const capture = await read((db) => readCapture(db, messageSeq));
        if (capture?.body != null && capture.source === null) {
          const { id, headers, body } = capture;
          const { integration: name, receivedAt, kind } = item;
          const sent = { id, integration: name, receivedAt, kind, headers, bodyBase64: body.toString("base64") };
          texts.push(eventText(seq, "capture", sent));
        }
      }
      if (said.has(messageSeq)) continue;
      said.add(messageSeq);
      texts.push(eventText(seq, "message", item));
    }
    return texts.join("");
  }

  return router;
}

function eventText(seq: number, event: string, data: unknown): string {
  return `id: ${seq}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
