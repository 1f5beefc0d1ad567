/** Stored webhooks chosen by id or filter, in the order of storing, a page at a time. */
import { type Db, run } from "./bulk";
import { bytes } from "./engine";
import { findSeq, type MessageFilter, matching } from "./messages";

export interface Selection {
  /** Row numbers in ascending order; then the filter is not looked at. */
  seqs?: readonly number[] | undefined;
  filter?: MessageFilter | undefined;
  /** The newest row that belongs to it: what a replay itself stores does not. */
  upTo: number;
}

export interface SelectedMessage {
  seq: number;
  id: string;
  integration: string;
  integrationId: string;
  genesysMessageId: string | null;
  direction: string;
  kind: string;
  /** The channel whose adapter brought it in; null for what Genesys Cloud sent. */
  source: string | null;
  conversationId: string | null;
  recipientId: string;
  recipientIdType: string;
  receivedAt: number;
  sentAt: number | null;
  summary: string;
  fate: string;
  reasonCode: string | null;
  headers: Record<string, string>;
  /** Null when retention or an erasure has removed it. */
  body: Buffer | null;
  /** A digest of what was understood, where it is known. */
  meaning: string | null;
  /** Its first delivery. */
  delivery: { channel: string; status: string; reasonCode: string | null; answer: string | null } | null;
  /** The policy of its notice. */
  noticePolicy: string | null;
}

/** The next messages of a selection after row `after`, at most `limit`. */
export async function readSelected(
  db: Db,
  selection: Selection,
  { after, limit }: { after: number; limit: number },
): Promise<SelectedMessage[]> {
  let query = db
    .selectFrom("messages as m")
    .leftJoin("captures as c", "c.message_seq", "m.seq")
    .leftJoin("deliveries as d", (join) =>
      join.on("d.seq", "=", (eb) =>
        eb
          .selectFrom("deliveries as oldest")
          .select((sub) => sub.fn.min("oldest.seq").as("seq"))
          .whereRef("oldest.message_seq", "=", "m.seq"),
      ),
    )
    .leftJoin("attempts as a", (join) =>
      join.onRef("a.delivery_seq", "=", "d.seq").onRef("a.number", "=", "d.attempts"),
    )
    .leftJoin("notices as n", "n.seq", "m.notice_seq")
    .select([
      "m.seq",
      "m.id",
      "m.integration",
      "m.integration_id",
      "m.genesys_id",
      "m.direction",
      "m.kind",
      "m.source",
      "m.conversation_id",
      "m.recipient_id",
      "m.recipient_id_type",
      "m.received_at",
      "m.sent_at",
      "m.summary",
      "m.fate",
      "m.reason_code",
      "c.headers",
      "c.body",
      "c.meaning",
      "d.meaning as delivery_meaning",
      "d.channel",
      "d.status",
      "d.reason_code as delivery_reason_code",
      "a.answer",
      "n.policy",
    ])
    .where("m.seq", ">", after)
    .where("m.seq", "<=", selection.upTo)
    .orderBy("m.seq")
    .limit(limit);
  if (selection.seqs !== undefined) {
    const next = selection.seqs.filter((seq) => seq > after).slice(0, limit);
    if (next.length === 0) return [];
    query = query.where("m.seq", "in", next);
  } else if (selection.filter !== undefined) {
    const { filter } = selection;
    query = query.where((eb) => matching(eb, filter));
  }
  const rows = await query.execute();
  return rows.map((row) => ({
    seq: row.seq,
    id: row.id,
    integration: row.integration,
    integrationId: row.integration_id,
    genesysMessageId: row.genesys_id,
    direction: row.direction,
    kind: row.kind,
    source: row.source,
    conversationId: row.conversation_id,
    recipientId: row.recipient_id,
    recipientIdType: row.recipient_id_type,
    receivedAt: row.received_at,
    sentAt: row.sent_at,
    summary: row.summary,
    fate: row.fate,
    reasonCode: row.reason_code,
    headers: row.headers === null ? {} : (JSON.parse(row.headers) as Record<string, string>),
    body: row.body === null ? null : bytes(row.body),
    meaning: row.delivery_meaning ?? row.meaning,
    delivery:
      row.channel === null || row.status === null
        ? null
        : { channel: row.channel, status: row.status, reasonCode: row.delivery_reason_code, answer: row.answer },
    noticePolicy: row.policy,
  }));
}

export async function countSelected(db: Db, selection: Selection): Promise<number> {
  if (selection.seqs !== undefined) return selection.seqs.length;
  const { filter = {} } = selection;
  const row = await db
    .selectFrom("messages as m")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("m.seq", "<=", selection.upTo)
    .where((eb) => matching(eb, filter))
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

/** The row of the newest message there is; 0 in an empty store. */
export async function newestSeq(db: Db): Promise<number> {
  const [row] = await run<{ seq: number | null }>(db, "select max(seq) as seq from messages");
  return row?.seq ?? 0;
}

/** Rows of ids, ours or Genesys Cloud's, ascending and each once; `missing` are those that nothing has. */
export async function resolveIds(db: Db, ids: readonly string[]): Promise<{ seqs: number[]; missing: string[] }> {
  const seqs = new Set<number>();
  const missing: string[] = [];
  for (const id of ids) {
    const seq = await findSeq(db, id);
    if (seq === undefined) missing.push(id);
    else seqs.add(seq);
  }
  return { seqs: [...seqs].sort((a, b) => a - b), missing };
}
