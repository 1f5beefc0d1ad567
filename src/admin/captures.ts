/** `POST /api/v1/captures`: webhooks of a capture file, kept for replay. */
import express, { type Router } from "express";
import { BridgeError } from "../errors";

export interface CapturesDeps {
  maxBodyBytes: number;
  /** Keeps the lines of a capture file; refused ones by their place. */
  keep(lines: string[]): Promise<{ stored: number; known: number; refused: { index: number; problem: string }[] }>;
}

const mostLines = 1000;

export function captureRoutes({ keep, maxBodyBytes }: CapturesDeps): Router {
  const router = express.Router();
  // Base64 adds a third, and a request carries many lines.
  const text = express.text({ type: () => true, limit: 2 * maxBodyBytes + 8_388_608 });
  router.post("/captures", text, async (req, res) => {
    const lines = (typeof req.body === "string" ? req.body : "").split("\n").filter((line) => line !== "");
    if (lines.length > mostLines)
      throw new BridgeError("too_large", `at most ${mostLines} lines in one request: send more requests`);
    res.json(await keep(lines));
  });
  return router;
}
