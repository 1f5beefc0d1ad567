/** `POST /api/v1/bounces`: a mail that came back, as a mail server's pipe or a provider hands it on. */
import express, { type Router } from "express";
import { z } from "zod";
import { parseQuery } from "./messages";

export interface BounceRouteDeps {
  takeMail(mail: string): Promise<{ result: string; suppressed: boolean }>;
}

const longestMail = "10mb";
const asJson = z.strictObject({ mail: z.string().min(1) });

/** The mail itself, headers included, or JSON `{ mail }`. */
export function bounceRoutes({ takeMail }: BounceRouteDeps): Router {
  const router = express.Router();
  const json = express.json({ limit: longestMail });
  const raw = express.text({ limit: longestMail, type: (req) => !req.headers["content-type"]?.includes("json") });
  router.post("/bounces", json, raw, async (req, res) => {
    const mail = typeof req.body === "string" ? req.body : parseQuery(asJson, req.body ?? {}).mail;
    res.json(await takeMail(mail));
  });
  return router;
}
