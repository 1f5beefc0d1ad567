/** `/api/v1/audit` and `/api/v1/stats`: figures over the whole store. */
import express, { type Router } from "express";
import type { AuditResult } from "../store/audit";
import type { Db } from "../store/bulk";
import { countFates } from "../store/messages";
import { readQueues } from "../store/tasks";

export interface AuditDeps {
  read<T>(work: (db: Db) => Promise<T>): Promise<T>;
  audit(): Promise<AuditResult>;
  now: () => number;
}

export function auditRoutes({ read, audit, now }: AuditDeps): Router {
  const router = express.Router();
  router.get("/audit", async (_req, res) => {
    res.json(await audit());
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
