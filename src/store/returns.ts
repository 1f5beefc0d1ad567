/** Customers who come back before they were told what they missed. */
import { bulk } from "./bulk";
import { customerKeyOf } from "./customers";
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

function selectOpenOn(engine: Engine) {
  return bulk<string, { seq: number; status: string }>(
    `select n.seq, n.status from notices n where n.customer_key in (values {rows}) and n.status in ('waiting', 'sending', 'accepted')
     order by n.seq${forUpdate(engine, "n")}`,
    "(cast(? as text))",
    (key) => [key],
  );
}
const selectOpen = { sqlite: selectOpenOn("sqlite"), postgres: selectOpenOn("postgres") };

/**
 * Ends what those customers missed as `returned`, as far as no notice of it has reached them. A notice that is about to go out at this
 * moment cannot be held back: it decides when its outcome is known, and nothing follows it. Call it in the transaction that stores the
 * sign of life.
 */
export async function markReturned(tx: Tx, present: readonly Presence[], at: number): Promise<void> {
  const keys = [...new Set(present.map((one) => customerKeyOf(one.integration, one.recipientId)))].sort();
  if (keys.length === 0) return;
  // The notices are locked first, as their sender does.
  const open = await selectOpen[tx.engine](tx.db, keys);
  for (const { seq, status } of open) {
    if (status === "sending") {
      await tx.db.updateTable("notices").set({ returned_at: at }).where("seq", "=", seq).execute();
      continue;
    }
    const returned = await tx.db
      .updateTable("messages")
      .set({ fate: "returned" })
      .where("notice_seq", "=", seq)
      .where("fate", "=", "open")
      .returning("seq")
      .execute();
    if (returned.length === 0) {
      // Its messages count as told. Should it come back undelivered, no further step is needed.
      const unseen = tx.db.updateTable("notices").set({ returned_at: at });
      await unseen.where("seq", "=", seq).where("returned_at", "is", null).execute();
      continue;
    }
    await insertLedger(
      tx.db,
      returned.map((one) => ({ messageSeq: one.seq, at, event: "customer.returned" })),
    );
    await hastenTask(tx, noticeTaskKey(seq), at);
  }
}
