/** Deliveries at the end of their lanes. */
import { bulk } from "./bulk";
import type { Tx } from "./database";
import { joinLanes } from "./tasks";

export interface NewDelivery {
  messageSeq: number;
  id: string;
  channel: string;
  lane: string;
  /** What set it off: `first` or `replay`. */
  trigger: string;
}

const insertDeliveries = bulk<NewDelivery>(
  "insert into deliveries (message_seq, id, channel, lane, trigger, status, attempts) values {rows}",
  "(?, ?, ?, ?, ?, 'pending', 0)",
  (one) => [one.messageSeq, one.id, one.channel, one.lane, one.trigger],
);

/** Adds deliveries, which are sent once everything before them in their lanes has left it. */
export async function addDeliveries(tx: Tx, deliveries: readonly NewDelivery[], now: number): Promise<void> {
  if (deliveries.length === 0) return;
  await insertDeliveries(tx.db, deliveries);
  await joinLanes(tx, deliveries, now);
}
