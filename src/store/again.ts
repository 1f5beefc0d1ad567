/** What replays and imports write about messages that came before. */
import { bulk } from "./bulk";
import type { Tx } from "./database";

const selectUnderWay = bulk<number, { message_seq: number }>(
  `select d.message_seq from deliveries d where d.message_seq in (values {rows}) and (d.lane is not null
     or exists (select 1 from tasks t where t.key = 'confirm:' || d.seq))`,
  "(cast(? as bigint))",
  (seq) => [seq],
);

/** Those of the messages that are on their way: in their lane, or waiting for a confirmation. */
export async function findUnderWay(tx: Tx, messageSeqs: readonly number[]): Promise<Set<number>> {
  if (messageSeqs.length === 0) return new Set();
  return new Set((await selectUnderWay(tx.db, messageSeqs)).map((row) => row.message_seq));
}

const copyReceipts = bulk<{ id: string; of: number }>(
  `insert into receipts (message_seq, status, reason_code, reason_message, at, owed_at, state, answer)
   select m.seq, r.status, r.reason_code, r.reason_message, r.at, r.owed_at, 'skipped', 'Genesys Cloud was told of the message that this one repeats'
   from (values {rows}) as v join messages m on m.id = v.column1 join receipts r on r.message_seq = v.column2`,
  "(cast(? as text), cast(? as bigint))",
  (one) => [one.id, one.of],
);

/** Genesys Cloud hears of a message at most once: what repeats one it was told of takes over what it was told. */
export async function inheritReceipts(tx: Tx, repeats: readonly { id: string; of: number }[]): Promise<void> {
  if (repeats.length > 0) await copyReceipts(tx.db, repeats);
}

const setMeanings = bulk<{ id: string; meaning: string }>(
  `update captures set meaning = v.column2 from (values {rows}) as v join messages m on m.id = v.column1
   where captures.message_seq = m.seq`,
  "(cast(? as text), cast(? as text))",
  (one) => [one.id, one.meaning],
);

/** Keeps what a capture file says was understood of imported messages. */
export async function keepMeanings(tx: Tx, imported: readonly { id: string; meaning: string }[]): Promise<void> {
  if (imported.length > 0) await setMeanings(tx.db, imported);
}
