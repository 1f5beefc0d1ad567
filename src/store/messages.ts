/** Reading messages as operators see them. */
import { type ExpressionBuilder, sql } from "kysely";
import { readAttempts } from "./attempts";
import type { Db } from "./bulk";
import { bytes } from "./engine";
import { type LedgerLine, readTimeline } from "./ledger";
import { whereFound } from "./lookups";
import type { Tables } from "./tables";

/** Filters of lists, replays and exports. Times are milliseconds UTC; ids are compared exactly. */
export interface MessageFilter {
  fate?: string | undefined;
  kind?: string | undefined;
  direction?: string | undefined;
  /** Name or id. */
  integration?: string | undefined;
  conversation?: string | undefined;
  recipient?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
  /** Found in the summary, the ids or the recipient. */
  q?: string | undefined;
}

/** One message in a list (DESIGN section 4, "An item"). */
export interface MessageItem {
  id: string;
  genesysMessageId: string | null;
  integration: string;
  integrationId: string;
  direction: string;
  kind: string;
  conversationId: string | null;
  recipient: { id: string; idType: string };
  receivedAt: string;
  sentAt: string | null;
  fate: string;
  reason: { code: string; message: string } | null;
  delivery: { channel: string; status: string; attempts: number; providerMessageId: string | null } | null;
  notice: { id: string; channel: string | null; status: string; at: string } | null;
  summary: string;
}

/** Keys of what a file of captures told. */
const imported = "%|import:%";

/** The newest messages first, at most `limit`, older than the message `cursor` names. */
export async function listMessages(
  db: Db,
  filter: MessageFilter,
  page: { limit: number; cursor?: number | undefined },
): Promise<{ items: MessageItem[]; nextCursor: number | null }> {
  let query = selectItems(db)
    .orderBy("m.seq", "desc")
    .limit(page.limit + 1);
  if (page.cursor !== undefined) query = query.where("m.seq", "<", page.cursor);
  const rows = await query.where((eb) => matching(eb, filter)).execute();
  const more = rows.length > page.limit;
  const shown = more ? rows.slice(0, page.limit) : rows;
  return { items: shown.map(itemOf), nextCursor: more ? (shown.at(-1)?.seq ?? null) : null };
}

export interface MessageDetail {
  item: MessageItem;
  seq: number;
  duplicates: number;
  /** The channel whose adapter brought it in; null for what Genesys Cloud sent. */
  source: string | null;
  /** Null when retention has removed it. */
  body: Buffer | null;
  deliveries: DeliveryDetail[];
  attempts: AttemptDetail[];
  receipt: {
    status: string;
    reason: { code: string; message: string } | null;
    state: string;
    at: string;
    answer: string | null;
  } | null;
  timeline: { at: string; messageId: string; event: string; detail: LedgerLine["detail"] | null }[];
}

export interface DeliveryDetail {
  id: string;
  channel: string;
  trigger: string;
  status: string;
  attempts: number;
  firstAttemptAt: string | null;
  acceptedAt: string | null;
  providerMessageId: string | null;
  reason: { code: string; message: string } | null;
}

export interface AttemptDetail {
  deliveryId: string;
  number: number;
  startedAt: string;
  finishedAt: string | null;
  durationMs: number | null;
  result: string | null;
  answer: string | null;
}

/** Everything about one message, by our id or Genesys Cloud's (then what a customer sent before a receipt for it, and the newest). */
export async function findMessage(db: Db, id: string): Promise<MessageDetail | undefined> {
  const row =
    (await selectItems(db).where("m.id", "=", id).executeTakeFirst()) ??
    (await selectItems(db)
      .where(whereFound("genesys", id))
      // What a customer sent has the same id as the receipts for it, and what came the same as its copy from a file.
      .orderBy((eb) => eb("m.source", "is", null))
      .orderBy((eb) => eb("m.dedup_key", "like", imported))
      .orderBy("m.seq", "desc")
      .executeTakeFirst());
  if (row === undefined) return undefined;
  const capture = await db.selectFrom("captures").select("body").where("message_seq", "=", row.seq).executeTakeFirst();
  const deliveries = await db
    .selectFrom("deliveries")
    .selectAll()
    .where("message_seq", "=", row.seq)
    .orderBy("seq")
    .execute();
  const attempts = await readAttempts(db, deliveries);
  const deliveryIds = new Map(deliveries.map((one) => [one.seq, one.id]));
  const receipt = await db.selectFrom("receipts").selectAll().where("message_seq", "=", row.seq).executeTakeFirst();
  const timeline = await readTimeline(db, row.seq);
  return {
    item: itemOf(row),
    seq: row.seq,
    duplicates: row.duplicates,
    source: row.source,
    body: capture?.body == null ? null : bytes(capture.body),
    deliveries: deliveries.map((one) => ({
      id: one.id,
      channel: one.channel,
      trigger: one.trigger,
      status: one.status,
      attempts: one.attempts,
      firstAttemptAt: timeOf(one.first_attempt_at),
      acceptedAt: timeOf(one.accepted_at),
      providerMessageId: one.provider_message_id,
      reason: reasonOf(one),
    })),
    attempts: attempts.map((one) => ({
      deliveryId: deliveryIds.get(one.delivery_seq) ?? "",
      number: one.number,
      startedAt: new Date(one.started_at).toISOString(),
      finishedAt: timeOf(one.finished_at),
      durationMs: one.finished_at === null ? null : one.finished_at - one.started_at,
      result: one.result,
      answer: one.answer,
    })),
    receipt:
      receipt === undefined
        ? null
        : {
            status: receipt.status,
            reason: reasonOf(receipt),
            state: receipt.state,
            at: new Date(receipt.at).toISOString(),
            answer: receipt.answer,
          },
    timeline: timeline.map((line) => ({
      at: new Date(line.at).toISOString(),
      messageId: row.id,
      event: line.event,
      detail: line.detail ?? null,
    })),
  };
}

/** Items by their rows, in no order. */
export async function findItems(db: Db, seqs: readonly number[]): Promise<{ seq: number; item: MessageItem }[]> {
  if (seqs.length === 0) return [];
  const rows = await selectItems(db).where("m.seq", "in", seqs).execute();
  return rows.map((row) => ({ seq: row.seq, item: itemOf(row) }));
}

/** The row of a message by our id or Genesys Cloud's (then the newest of that id). */
export async function findSeq(db: Db, id: string): Promise<number | undefined> {
  const rows = db.selectFrom("messages as m").select("m.seq");
  const row =
    (await rows.where("m.id", "=", id).executeTakeFirst()) ??
    (await rows
      .where(whereFound("genesys", id))
      .orderBy((eb) => eb("m.dedup_key", "like", imported))
      .orderBy("m.seq", "desc")
      .executeTakeFirst());
  return row?.seq;
}

/** How many messages ended how; `open` ones included. */
export async function countFates(db: Db): Promise<Record<string, number>> {
  const rows = await db
    .selectFrom("messages")
    .select((eb) => ["fate", eb.fn.countAll<number>().as("count")])
    .groupBy("fate")
    .execute();
  return Object.fromEntries(rows.map((row) => [row.fate, Number(row.count)]));
}

function selectItems(db: Db) {
  return db
    .selectFrom("messages as m")
    .leftJoin("deliveries as d", (join) =>
      join.on("d.seq", "=", (eb) =>
        eb
          .selectFrom("deliveries as newest")
          .select((sub) => sub.fn.max("newest.seq").as("seq"))
          .whereRef("newest.message_seq", "=", "m.seq"),
      ),
    )
    .leftJoin("notices as n", "n.seq", "m.notice_seq")
    .select([
      "m.seq",
      "m.id",
      "m.genesys_id",
      "m.integration",
      "m.integration_id",
      "m.direction",
      "m.kind",
      "m.conversation_id",
      "m.recipient_id",
      "m.recipient_id_type",
      "m.received_at",
      "m.sent_at",
      "m.fate",
      "m.reason_code",
      "m.reason_message",
      "m.summary",
      "m.duplicates",
      "m.source",
      "d.channel",
      "d.status",
      "d.attempts",
      "d.provider_message_id",
      "n.id as notice_id",
      "n.channel as notice_channel",
      "n.status as notice_status",
      "n.changed_at as notice_at",
    ]);
}

type ItemRow = Awaited<ReturnType<ReturnType<typeof selectItems>["execute"]>>[number];

function itemOf(row: ItemRow): MessageItem {
  return {
    id: row.id,
    genesysMessageId: row.genesys_id,
    integration: row.integration,
    integrationId: row.integration_id,
    direction: row.direction,
    kind: row.kind,
    conversationId: row.conversation_id,
    recipient: { id: row.recipient_id, idType: row.recipient_id_type },
    receivedAt: new Date(row.received_at).toISOString(),
    sentAt: timeOf(row.sent_at),
    fate: row.fate,
    reason: reasonOf(row),
    delivery:
      row.channel === null || row.status === null
        ? null
        : {
            channel: row.channel,
            status: row.status,
            attempts: row.attempts ?? 0,
            providerMessageId: row.provider_message_id,
          },
    notice:
      row.notice_id === null || row.notice_status === null
        ? null
        : {
            id: row.notice_id,
            channel: row.notice_channel,
            status: row.notice_status,
            at: new Date(row.notice_at ?? 0).toISOString(),
          },
    summary: row.summary,
  };
}

type MessagesAliased = ExpressionBuilder<Tables & { m: Tables["messages"] }, "m">;

/** Fates that few messages have, and that have an index: those of the column `trouble`. */
const troubles = new Set(["failed", "notified", "suppressed", "unreachable", "exhausted", "returned", "unknown"]);

/** The condition of a filter on messages aliased `m`. */
export function matching(builder: unknown, filter: MessageFilter) {
  const eb = builder as MessagesAliased;
  const conditions = [];
  if (filter.fate !== undefined)
    conditions.push(eb(troubles.has(filter.fate) ? "m.trouble" : "m.fate", "=", filter.fate));
  if (filter.kind !== undefined) conditions.push(eb("m.kind", "=", filter.kind));
  if (filter.direction !== undefined) conditions.push(eb("m.direction", "=", filter.direction));
  if (filter.integration !== undefined) {
    conditions.push(
      eb.or([eb("m.integration", "=", filter.integration), eb("m.integration_id", "=", filter.integration)]),
    );
  }
  if (filter.conversation !== undefined) conditions.push(whereFound("conversation", filter.conversation));
  if (filter.recipient !== undefined) conditions.push(whereFound("recipient", filter.recipient));
  if (filter.since !== undefined) conditions.push(eb("m.received_at", ">=", filter.since));
  if (filter.until !== undefined) conditions.push(eb("m.received_at", "<", filter.until));
  if (filter.q !== undefined) {
    const like = `%${filter.q.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`;
    const columns = ["m.summary", "m.recipient_id", "m.genesys_id", "m.conversation_id", "m.id"] as const;
    conditions.push(eb.or(columns.map((column) => sql<boolean>`lower(${eb.ref(column)}) like ${like} escape '\\'`)));
  }
  return eb.and(conditions);
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function reasonOf(row: { reason_code: string | null; reason_message: string | null }) {
  return row.reason_code === null ? null : { code: row.reason_code, message: row.reason_message ?? "" };
}
