/** `/api/v1/audit` and `/api/v1/stats`: figures over the whole store. */
import express, { type Router } from "express";
import { z } from "zod";
import type { AuditResult } from "../store/audit";
import type { Db } from "../store/bulk";
import { countFates } from "../store/messages";
import { readQueues } from "../store/tasks";
import { filterQuery, parseQuery } from "./messages";

const auditQuery = filterQuery.pick({ since: true }).extend({ chain: z.enum(["0", "1"]).default("0") });

export interface AuditDeps {
  read<T>(work: (db: Db) => Promise<T>): Promise<T>;
  audit(options: { since?: number | undefined; chain: boolean }): Promise<AuditResult>;
  now: () => number;
}

export function auditRoutes({ read, audit, now }: AuditDeps): Router {
  const router = express.Router();
  router.get("/audit", async (req, res) => {
    const { since, chain } = parseQuery(auditQuery, req.query);
    res.json(await audit({ since, chain: chain === "1" }));
  });
  router.get("/stats", async (_req, res) => {
    const stats = await read(async (db) => ({ fates: await countFates(db), queues: await readQueues(db) }));
    const at = now();
    res.json({
      fates: stats.fates,
      queues: stats.queues.map(({ queue, tasks, oldestDueAt }) => ({
        queue,
        tasks,
        overdueMs: Math.max(0, at - oldestDueAt),
      })),
    });
  });
  return router;
}
