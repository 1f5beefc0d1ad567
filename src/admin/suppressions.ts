/** `/api/v1/suppressions`: who does not want to be written to, and who has agreed. */
import express, { type Router } from "express";
import { z } from "zod";
import { BridgeError } from "../errors";
import {
  consentChannel,
  consentPurpose,
  type ConsentRequest,
  consentRequest,
  consentState,
  type ConsentWithdrawal,
  consentWithdrawal,
} from "../message/consent";
import type { ConsentFilter, ConsentItem } from "../store/consent";
import { parseQuery } from "./messages";

export interface SuppressionDeps {
  list(
    filter: ConsentFilter,
    page: { limit: number; cursor?: number | undefined },
  ): Promise<{ items: ConsentItem[]; nextCursor: number | null }>;
  history(address: string): Promise<unknown[]>;
  add(request: ConsentRequest): Promise<{ changed: boolean; item: ConsentItem }>;
  remove(withdrawal: ConsentWithdrawal): Promise<number>;
  importCsv(text: string): Promise<{ added: number; unchanged: number; errors: { line: number; message: string }[] }>;
}

const listQuery = z.strictObject({
  address: z.string().optional(),
  channel: consentChannel.optional(),
  purpose: consentPurpose.optional(),
  state: z.enum([...consentState.options, "all"]).default("optedOut"),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  cursor: z.string().regex(/^\d+$/, "not a cursor of this list").transform(Number).optional(),
});

const longestImport = "20mb";
const importBody = z.strictObject({ csv: z.string() });

export function suppressionRoutes(deps: SuppressionDeps): Router {
  const router = express.Router();
  const json = express.json({ limit: 10_000, type: () => true });
  const fileAsJson = express.json({ limit: longestImport });
  const csv = express.text({ limit: longestImport, type: (req) => !req.headers["content-type"]?.includes("json") });

  router.get("/suppressions", async (req, res) => {
    const { state, limit, cursor, ...filter } = parseQuery(listQuery, req.query);
    const wanted = { ...filter, ...(state === "all" ? {} : { state }) };
    const { items, nextCursor } = await deps.list(wanted, { limit, cursor });
    res.json({ items, nextCursor: nextCursor === null ? null : String(nextCursor) });
  });

  router.post("/suppressions", json, async (req, res) => {
    const { changed, item } = await deps.add(parseQuery(consentRequest, req.body ?? {}));
    res.status(changed ? 201 : 200).json(item);
  });

  /** The address stands in the query or in a JSON body. */
  router.delete("/suppressions", json, async (req, res) => {
    const body: unknown = req.body ?? {};
    const removed = await deps.remove(parseQuery(consentWithdrawal, { ...req.query, ...(body as object) }));
    if (removed === 0) throw new BridgeError("not_found", "nothing of this kind is known of this address");
    res.json({ removed });
  });

  router.get("/suppressions/history", async (req, res) => {
    const { address } = parseQuery(z.strictObject({ address: z.string().min(1) }), req.query);
    res.json({ items: await deps.history(address) });
  });

  /** The file itself, or JSON `{ csv }`. */
  router.post("/suppressions/import", fileAsJson, csv, async (req, res) => {
    const text = typeof req.body === "string" ? req.body : parseQuery(importBody, req.body ?? {}).csv;
    res.json(await deps.importCsv(text));
  });

  return router;
}
