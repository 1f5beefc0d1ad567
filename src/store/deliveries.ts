/** Deliveries at the end of their lanes. */
import { bulk } from "./bulk";
import type { Tx } from "./database";
import { joinLanes } from "./tasks";

export interface NewDelivery {
  messageSeq: number;
  id: string;
  channel: string;
  lane: string;
  trigger: Trigger;
}

/** What set a delivery off. */
export type Trigger = "first" | "replay";

/** A statement for each trigger: a parameter more would cost every webhook. */
const insertOf = (trigger: Trigger) =>
  bulk<NewDelivery>(
    "insert into deliveries (message_seq, id, channel, lane, trigger, status, attempts) values {rows}",
    `(?, ?, ?, ?, '${trigger}', 'pending', 0)`,
    (one) => [one.messageSeq, one.id, one.channel, one.lane],
  );
const insert = { first: insertOf("first"), replay: insertOf("replay") };

/** Adds deliveries, which are sent once everything before them in their lanes has left it. */
export async function addDeliveries(tx: Tx, deliveries: readonly NewDelivery[], now: number): Promise<void> {
  if (deliveries.length === 0) return;
  for (const trigger of ["first", "replay"] as const) {
    const ofTrigger = deliveries.filter((one) => one.trigger === trigger);
    if (ofTrigger.length > 0) await insert[trigger](tx.db, ofTrigger);
  }
  await joinLanes(tx, deliveries, now);
}
