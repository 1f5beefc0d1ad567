/** Forgets what has been kept for long enough: first what messages said, later that there were any. A slice at a time. */
import { z } from "zod";
import { bulk, type Db, run } from "./bulk";
import { blankCaptures } from "./captures";
import type { Database, Tx } from "./database";
import { lookupKey } from "./lookups";
import type { Seal } from "./seals";

export interface RetentionRule {
  /** How long the text of messages is kept, from when they were stored. */
  textMs: number;
  /** How long everything else is kept. */
  messagesMs: number;
}

export interface Forgotten {
  texts: number;
  messages: number;
  /** Whether there was more than one slice holds. */
  more: boolean;
}

const atOnce = 200;
const removedSummary = "[text removed]";
const positionKey = "retention.text";

/** `upTo`: the text of every message up to this row has been looked at; `open`: those that were still open then. */
const position = z.object({ upTo: z.number().default(0), open: z.array(z.number()).default([]) });

/** Forgets one slice of each. Open messages keep their text until their fate is decided. */
export async function forgetOld(database: Database, rule: RetentionRule, now: number): Promise<Forgotten> {
  const textBefore = now - rule.textMs;
  const messagesBefore = now - rule.messagesMs;
  const texts = await database.transaction((tx) => forgetTexts(tx, textBefore));
  await database.transaction((tx) => forgetReports(tx, { textBefore, messagesBefore }));
  const messages = await database.transaction((tx) => forgetMessages(tx, messagesBefore));
  return { texts: texts.count, messages: messages.count, more: texts.more || messages.more };
}

interface Candidate {
  seq: number;
  fate: string;
  stored_at: number | null;
}

const selectFates = bulk<number, Candidate>(
  "select seq, fate, cast(null as bigint) as stored_at from messages where seq in (values {rows})",
  "(cast(? as bigint))",
  (seq) => [seq],
);
const blankSummaries = bulk<number>(
  `update messages set summary = '${removedSummary}' where seq in (values {rows})`,
  "(cast(? as bigint))",
  (seq) => [seq],
);
const blankMeanings = bulk<number>(
  "update deliveries set meaning = null where message_seq in (values {rows})",
  "(cast(? as bigint))",
  (seq) => [seq],
);

async function forgetTexts(tx: Tx, before: number): Promise<{ count: number; more: boolean }> {
  const { db } = tx;
  const [row] = await run<{ value: string }>(db, "select value from meta where key = $1", [positionKey]);
  const { upTo, open } = position.parse(row === undefined ? {} : JSON.parse(row.value));
  // When it was stored, not when it came: a capture file may bring what is old already.
  const next = await run<Candidate>(
    db,
    `select m.seq, m.fate, (select min(l.at) from ledger l where l.message_seq = m.seq) as stored_at
     from messages m where m.seq > $1 order by m.seq limit $2`,
    [upTo, atOnce],
  );
  const young = next.findIndex((one) => (one.stored_at ?? 0) >= before);
  const old = young === -1 ? next : next.slice(0, young);
  const candidates = [...(await selectFates(db, open)), ...old];
  const due = candidates.filter(({ fate }) => fate !== "open").map(({ seq }) => seq);
  const still = candidates.filter(({ fate }) => fate === "open").map(({ seq }) => seq);
  if (due.length === 0 && old.length === 0) return { count: 0, more: false };
  await blankCaptures(db, due);
  await blankSummaries(db, due);
  await blankMeanings(db, due);
  const value = JSON.stringify({ upTo: old.at(-1)?.seq ?? upTo, open: still });
  await run(
    db,
    "insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value",
    [positionKey, value],
  );
  return { count: due.length, more: old.length === atOnce };
}

/** Reports of adapters, refused webhooks, what triggers told, what was done to contacts, and replays: what stands in them as text, then they themselves. */
async function forgetReports(
  { db }: Tx,
  { textBefore, messagesBefore }: { textBefore: number; messagesBefore: number },
): Promise<void> {
  await run(db, "update callbacks set body = '{}' where received_at < $1 and state <> 'waiting' and body <> '{}'", [
    textBefore,
  ]);
  await run(db, "delete from quarantine where received_at < $1", [textBefore]);
  await run(db, "delete from callbacks where received_at < $1 and state <> 'waiting'", [messagesBefore]);
  await run(db, "delete from genesys_events where received_at < $1 and state <> 'waiting'", [textBefore]);
  await run(db, "delete from contact_proofs where created_at < $1", [textBefore]);
  await run(db, "delete from contact_journal where at < $1", [messagesBefore]);
  await run(db, "delete from replays where changed_at < $1 and state <> 'running'", [textBefore]);
}

interface Gone {
  seq: number;
  genesys_id: string | null;
  conversation_id: string | null;
  recipient_id: string;
  notice_seq: number | null;
}

const deleteOf = (table: string, column: string) =>
  bulk<number>(`delete from ${table} where ${column} in (values {rows})`, "(cast(? as bigint))", (seq) => [seq]);
const deleteAttempts = bulk<number>(
  "delete from attempts where delivery_seq in (select seq from deliveries where message_seq in (values {rows}))",
  "(cast(? as bigint))",
  (seq) => [seq],
);
const deleteDeliveries = deleteOf("deliveries", "message_seq");
const deleteReceipts = deleteOf("receipts", "message_seq");
const deleteCaptures = deleteOf("captures", "message_seq");
const deleteMessages = deleteOf("messages", "seq");
const deleteLookups = bulk<{ key: string; seq: number }>(
  "delete from lookups where (key, message_seq) in (values {rows})",
  "(cast(? as text), cast(? as bigint))",
  (one) => [one.key, one.seq],
);

/**
 * Removes the oldest sealed lines, and the messages of which no line is left. The ledger goes by whole seals: their hashes
 * stay, and the chain with them.
 */
async function forgetMessages({ db }: Tx, before: number): Promise<{ count: number; more: boolean }> {
  const [seal] = await run<Pick<Seal, "number" | "from_seq" | "to_seq">>(
    db,
    "select number, from_seq, to_seq from seals where pruned = 0 and last_at < $1 order by number limit 1",
    [before],
  );
  const [young] = await run<{ number: number }>(
    db,
    "select number from seals where pruned = 0 and last_at >= $1 order by number limit 1",
    [before],
  );
  if (seal === undefined || (young !== undefined && young.number < seal.number)) return { count: 0, more: false };
  const owners = await run<{ message_seq: number }>(
    db,
    "select distinct message_seq from ledger where seq between $1 and $2",
    [seal.from_seq, seal.to_seq],
  );
  await run(db, "delete from ledger where seq between $1 and $2", [seal.from_seq, seal.to_seq]);
  await run(db, "update seals set pruned = 1 where number = $1", [seal.number]);
  const gone = await selectForgettable(
    db,
    owners.map((row) => row.message_seq),
  );
  await deleteAll(db, gone, before);
  return { count: gone.length, more: true };
}

const selectForgettable = bulk<number, Gone>(
  `select m.seq, m.genesys_id, m.conversation_id, m.recipient_id, m.notice_seq from messages m
   where m.seq in (values {rows}) and m.fate <> 'open' and not exists (select 1 from ledger l where l.message_seq = m.seq)`,
  "(cast(? as bigint))",
  (seq) => [seq],
);

async function deleteAll(db: Db, gone: readonly Gone[], before: number): Promise<void> {
  const seqs = gone.map(({ seq }) => seq);
  await deleteAttempts(db, seqs);
  for (const remove of [deleteDeliveries, deleteReceipts, deleteCaptures, deleteMessages]) await remove(db, seqs);
  await deleteLookups(
    db,
    gone.flatMap(({ seq, genesys_id, conversation_id, recipient_id }) => [
      ...(genesys_id === null ? [] : [{ key: lookupKey("genesys", genesys_id), seq }]),
      ...(conversation_id === null ? [] : [{ key: lookupKey("conversation", conversation_id), seq }]),
      ...(recipient_id === "" ? [] : [{ key: lookupKey("recipient", recipient_id), seq }]),
    ]),
  );
  await run(
    db,
    "delete from notices where changed_at < $1 and status not in ('waiting', 'sending') and not exists (select 1 from messages m where m.notice_seq = notices.seq)",
    [before],
  );
  await run(
    db,
    "delete from notice_sends where at < $1 and not exists (select 1 from notices n where n.seq = notice_sends.notice_seq)",
    [before],
  );
}
