/** `/api/v1/messages`: what arrived and what became of it. */
import express, { type Router } from "express";
import { z } from "zod";
import { BridgeError } from "../errors";
import type { Message } from "../message/message";
import { writeJson } from "../message/write-json";
import type { Db } from "../store/bulk";
import type { KeptBody } from "../store/captures";
import { findMessage, listMessages, type MessageDetail, type MessageItem } from "../store/messages";

export interface MessagesDeps {
  read<T>(work: (db: Db) => Promise<T>): Promise<T>;
  understand(capture: KeptBody): Message;
}

const time = z.string().transform((value, context) => {
  const ms = Date.parse(value);
  if (Number.isNaN(ms))
    context.addIssue({ code: "custom", message: `an ISO 8601 time is expected, found ${JSON.stringify(value)}` });
  return ms;
});

/** Query parameters that choose messages, the same for lists, replays and exports. */
export const filterQuery = z.strictObject({
  fate: z.string().optional(),
  kind: z.string().optional(),
  direction: z.enum(["inbound", "outbound"]).optional(),
  integration: z.string().optional(),
  conversation: z.string().optional(),
  recipient: z.string().optional(),
  since: time.optional(),
  until: time.optional(),
  q: z.string().optional(),
});

const pageQuery = filterQuery.extend({
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  cursor: z.string().regex(/^\d+$/, "not a cursor of this list").transform(Number).optional(),
});

export function messageRoutes(deps: MessagesDeps): Router {
  const router = express.Router();

  router.get("/messages", async (req, res) => {
    res.json(await listByQuery(deps, req.query));
  });

  router.get("/messages/:id", async (req, res) => {
    res.type("application/json").send(writeJson(describeMessage(await load(req.params.id), deps.understand)));
  });

  router.get("/messages/:id/raw", async (req, res) => {
    const { body } = await load(req.params.id);
    if (body === null) throw new BridgeError("not_found", "the body was removed by retention");
    res.type("application/json").send(body);
  });

  async function load(id: string): Promise<MessageDetail> {
    const detail = await deps.read((db) => findMessage(db, id));
    if (detail === undefined) throw new BridgeError("not_found", "no message has this id, ours or Genesys Cloud's");
    return detail;
  }

  return router;
}

/** A page of items for query parameters as they came. Throws `invalid_field` naming the first that is wrong. */
export async function listByQuery(
  { read }: MessagesDeps,
  query: unknown,
): Promise<{ items: MessageItem[]; nextCursor: string | null }> {
  const { limit, cursor, ...filter } = parseQuery(pageQuery, query);
  const { items, nextCursor } = await read((db) => listMessages(db, filter, { limit, cursor }));
  return { items, nextCursor: nextCursor === null ? null : String(nextCursor) };
}

/** The item with everything known about it: what the API and `omb messages show --json` print. */
export function describeMessage(detail: MessageDetail, understand: MessagesDeps["understand"]) {
  const { item, source, body, deliveries, attempts, receipt, duplicates, timeline } = detail;
  const { id, integration, integrationId, kind } = item;
  return {
    ...item,
    duplicates,
    message: body === null ? null : understand({ body, id, integration, integrationId, kind, source }),
    deliveries,
    attempts,
    receipt,
    timeline,
  };
}

/** Throws `invalid_field` naming the first parameter that is wrong. */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const field = unknown ?? issue?.path.map(String).join(".");
  throw new BridgeError("invalid_field", issue?.message ?? "invalid", field === "" ? undefined : field);
}
