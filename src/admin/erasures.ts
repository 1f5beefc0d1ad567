/** `POST /api/v1/erasures`: forgets one recipient. */
import express, { type Router } from "express";
import { z } from "zod";
import { parseQuery } from "./messages";

const erasureBody = z.strictObject({
  /** The recipient's id, exactly as messages name it. */
  recipient: z.string().min(1),
  /** Name or id; absent: every integration. */
  integration: z.string().optional(),
});

export interface ErasuresDeps {
  /** Says what was blanked. */
  erase(erasure: z.infer<typeof erasureBody>): Promise<object>;
}

export function erasureRoutes({ erase }: ErasuresDeps): Router {
  const router = express.Router();
  router.post("/erasures", express.json({ limit: "64kb", type: () => true }), async (req, res) => {
    res.json(await erase(parseQuery(erasureBody, req.body ?? {})));
  });
  return router;
}
