/** `/api/v1/replays`: what came in, once more. */
import express, { type Router } from "express";
import { z } from "zod";
import { BridgeError } from "../errors";
import { filterQuery, parseQuery } from "./messages";

const options = z.strictObject({
  to: z.string(),
  rate: z.number().positive().max(10_000).optional(),
  originalSpacing: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  keepDedup: z.boolean().default(false),
  signature: z.enum(["fresh", "original"]).default("fresh"),
  reason: z.string().max(1000).optional(),
  by: z.string().max(200).optional(),
});
const mostIds = 10_000;
const replayBody = options.extend({
  ids: z.array(z.string().min(1)).min(1).max(mostIds, `at most ${mostIds} ids in one replay`).optional(),
  filter: filterQuery.optional(),
});
const replayOne = options.extend({ to: z.string().default("self") });

export interface ReplaysDeps {
  /** Keeps the replay; throws `invalid_field` or `not_found`. */
  request(wanted: z.infer<typeof replayBody>): Promise<{ id: string; total: number }>;
  find(id: string): Promise<object | undefined>;
  /** The newest first. */
  list(limit: number): Promise<object[]>;
  /** undefined: none has this id; false: it has ended. */
  steer(id: string, state: "paused" | "running" | "cancelled"): Promise<boolean | undefined>;
}

const orders = { pause: "paused", resume: "running", cancel: "cancelled" } as const;

export function replayRoutes({ request, find, list, steer }: ReplaysDeps): Router {
  const router = express.Router();
  const json = express.json({ limit: "1mb", type: () => true });

  router.post("/replays", json, async (req, res) => {
    res.status(202).json(await request(parseQuery(replayBody, req.body ?? {})));
  });

  router.post("/messages/:id/replay", json, async (req, res) => {
    const wanted = parseQuery(replayOne, req.body ?? {});
    res.status(202).json(await request({ ...wanted, ids: [String(req.params.id)] }));
  });

  router.get("/replays", async (_req, res) => {
    res.json({ items: await list(50) });
  });

  router.get("/replays/:id", async (req, res) => {
    res.json(await load(String(req.params.id)));
  });

  for (const [order, state] of Object.entries(orders)) {
    router.post(`/replays/:id/${order}`, async (req, res) => {
      const id = String(req.params.id);
      const steered = await steer(id, state);
      if (steered === false) throw new BridgeError("conflict", "this replay has ended");
      res.json(await load(id));
    });
  }

  async function load(id: string): Promise<object> {
    const found = await find(id);
    if (found === undefined) throw new BridgeError("not_found", "no replay has this id");
    return found;
  }

  return router;
}
