/** Customers who come back before they were told what they missed. */
import { bulk, type Db, run } from "./bulk";
import type { Tx } from "./database";
import { type Engine, forUpdate } from "./engine";
import { insertLedger } from "./ledger";
import { noticeTaskKey } from "./notices";
import { hastenTask } from "./tasks";

/** A customer of an integration who has just shown to be there. */
export interface Presence {
  integration: string;
  recipientId: string;
}

function selectWaitingOn(engine: Engine) {
  return bulk<Presence, { seq: number }>(
    `select n.seq from notices n where n.status = 'waiting' and n.seq in (
       select m.notice_seq from messages m join (values {rows}) as v
         on substr(m.recipient_id, 1, 200) = substr(v.column2, 1, 200) and m.recipient_id = v.column2 and m.integration = v.column1
       where m.notice_seq is not null and m.fate = 'open')
     order by n.seq${forUpdate(engine, "n")}`,
    "(cast(? as text), cast(? as text))",
    (one) => [one.integration, one.recipientId],
  );
}
const selectWaiting = { sqlite: selectWaitingOn("sqlite"), postgres: selectWaitingOn("postgres") };

/**
 * Ends what those customers missed as `returned`, as far as no notice of it has gone out; a notice with nothing left to
 * tell is due at once, to be cancelled. Call it in the transaction that stores the sign of life.
 */
export async function markReturned(tx: Tx, present: readonly Presence[], at: number): Promise<void> {
  const customers = new Map(present.map((one) => [JSON.stringify([one.integration, one.recipientId]), one]));
  if (customers.size === 0) return;
  // The notices are locked first, as their sender does: one that is about to go out is decided there, not here.
  const waiting = await selectWaiting[tx.engine](tx.db, [...customers.values()]);
  const seqs = [...new Set(waiting.map((one) => one.seq))];
  for (const seq of seqs) {
    const missed = await readMissed(tx.db, seq);
    const theirs = missed.filter((one) => customers.has(JSON.stringify([one.integration, one.recipient_id])));
    if (theirs.length === 0) continue;
    const seqsOfTheirs = theirs.map((one) => one.seq);
    const returned = await tx.db
      .updateTable("messages")
      .set({ fate: "returned" })
      .where("seq", "in", seqsOfTheirs)
      .where("fate", "=", "open")
      .returning("seq")
      .execute();
    await insertLedger(
      tx.db,
      returned.map((one) => ({ messageSeq: one.seq, at, event: "customer.returned" })),
    );
    await hastenTask(tx, noticeTaskKey(seq), at);
  }
}

function readMissed(db: Db, noticeSeq: number) {
  return run<{ seq: number; integration: string; recipient_id: string }>(
    db,
    "select seq, integration, recipient_id from messages where notice_seq = $1 and fate = 'open' order by seq",
    [noticeSeq],
  );
}
