/** Messages that only Genesys Cloud knows of: it could not deliver them, and they never came through the webhook. */
import { insertCaptures, insertMessages, type Arrival } from "./ingest";
import { bulk } from "./bulk";
import type { Tx } from "./database";
import { insertLedger } from "./ledger";
import { joinNotice, type NoticeJoin } from "./notices";
import { whereFound } from "./lookups";

/** An arrival whose delivery has failed already, elsewhere. */
export interface MissedArrival extends Omit<Arrival, "delivery" | "tasks"> {
  delivery: { id: string; channel: string };
  notice?: NoticeJoin;
}

const insertFailed = bulk<{ seq: number; arrival: MissedArrival }>(
  "insert into deliveries (message_seq, id, channel, lane, trigger, status, attempts, reason_code, reason_message) values {rows}",
  "(?, ?, ?, null, 'first', 'failed', 0, ?, ?)",
  ({ seq, arrival }) => [
    seq,
    arrival.delivery.id,
    arrival.delivery.channel,
    arrival.reason?.code ?? null,
    arrival.reason?.message ?? null,
  ],
);

/** Genesys Cloud need not be told what it told us. */
const insertToldReceipts = bulk<{ seq: number; arrival: MissedArrival }>(
  "insert into receipts (message_seq, status, reason_code, reason_message, at, owed_at, state, answer) values {rows}",
  "(?, 'Failed', ?, ?, ?, ?, 'skipped', 'Genesys Cloud said so itself')",
  ({ seq, arrival: { reason, receivedAt } }) => [
    seq,
    reason?.code ?? null,
    reason?.message ?? null,
    receivedAt,
    receivedAt,
  ],
);

/** Keeps them with their notice and returns how many were new; what is known already is left as it is. */
export async function saveMissed(tx: Tx, arrivals: readonly MissedArrival[], now: number): Promise<number> {
  const seqs = new Map((await insertMessages(tx.db, arrivals)).map(({ id, seq }) => [id, seq]));
  const kept = arrivals.flatMap((arrival) => {
    const seq = seqs.get(arrival.id);
    return seq === undefined ? [] : [{ arrival, seq }];
  });
  await insertCaptures(tx.db, kept);
  await insertFailed(tx.db, kept);
  await insertToldReceipts(tx.db, kept);
  await insertLedger(
    tx.db,
    kept.flatMap(({ arrival, seq }) => arrival.ledger.map((line) => ({ ...line, messageSeq: seq }))),
  );
  for (const { arrival, seq } of kept) {
    if (arrival.notice !== undefined) await joinNotice(tx, seq, arrival.notice, now);
  }
  return kept.length;
}

/** A message by Genesys Cloud's id, as far as a look-up needs it; the newest of that id. */
export interface KnownMessage {
  genesysMessageId: string;
  integration: string;
  fate: string;
  deliverySeq: number | null;
  channel: string | null;
}

/** Those of these ids that are known. */
export async function findKnown({ db }: Pick<Tx, "db">, genesysMessageIds: readonly string[]): Promise<KnownMessage[]> {
  const known: KnownMessage[] = [];
  for (const id of genesysMessageIds) {
    const row = await db
      .selectFrom("messages as m")
      .leftJoin("deliveries as d", "d.message_seq", "m.seq")
      .select(["m.integration", "m.fate", "d.seq", "d.channel"])
      .where(whereFound("genesys", id))
      .where("m.direction", "=", "outbound")
      .orderBy("m.seq", "desc")
      .orderBy("d.seq", "desc")
      .limit(1)
      .executeTakeFirst();
    if (row === undefined) continue;
    const { integration, fate, seq, channel } = row;
    known.push({ genesysMessageId: id, integration, fate, deliverySeq: seq, channel });
  }
  return known;
}

/** The integration that a conversation's messages came through, if any did. */
export async function findIntegrationOf({ db }: Pick<Tx, "db">, conversationId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("messages as m")
    .select("m.integration")
    .where(whereFound("conversation", conversationId))
    .orderBy("m.seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.integration;
}
