/** Whether this process is alive and the store takes writes, and details for those who may see them. */
import express, { type RequestHandler, type Router } from "express";
import type { Registry } from "prom-client";
import { StoreUnavailable } from "../errors";

export interface HealthDeps {
  /** Throws StoreUnavailable, saying why, when the store is not migrated or takes no writes. */
  probe(): Promise<void>;
  describe(): Promise<Record<string, unknown>>;
  registry: Registry;
  admin: RequestHandler;
}

export function healthRoutes({ probe, describe, registry, admin }: HealthDeps): Router {
  const router = express.Router();
  router.get("/health/live", (_req, res) => {
    res.json({ status: "live" });
  });
  router.get("/health/ready", async (_req, res) => {
    try {
      await probe();
      res.json({ status: "ready" });
    } catch (error) {
      const why = error instanceof StoreUnavailable ? error.message : "the store cannot be used";
      res.status(503).json({ status: "not ready", why });
    }
  });
  router.get("/health/details", admin, async (_req, res) => {
    res.json(await describe());
  });
  router.get("/metrics", admin, async (_req, res) => {
    res.type(registry.contentType).send(await registry.metrics());
  });
  return router;
}
