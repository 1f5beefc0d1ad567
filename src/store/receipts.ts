/** Receipts owed to Genesys Cloud: at most one per message, sent by a task. */
import { StoreUnavailable } from "../errors";
import { createBatcher } from "./batch";
import { bulk, type Db, together } from "./bulk";
import type { Database, Tx } from "./database";
import type { HandOver, Taker } from "./handover";
import { insertLedger } from "./ledger";
import { addTasks, finishTasks, type LeasedTask, type NewTask, postponeTasks } from "./tasks";

export interface OwedReceipt {
  messageSeq: number;
  messageId: string;
  status: "Delivered" | "Failed";
  reason: { code: string; message: string } | null;
  /** When it happened, as the channel says. */
  at: number;
  /** Since when it waits to be sent. */
  owedAt: number;
  integration: string;
  integrationId: string;
  genesysMessageId: string | null;
  recipientId: string;
  recipientIdType: string;
  receivedAt: number;
}

const selectOwed = bulk<
  number,
  {
    message_seq: number;
    id: string;
    status: "Delivered" | "Failed";
    reason_code: string | null;
    reason_message: string | null;
    at: number;
    owed_at: number;
    integration: string;
    integration_id: string;
    genesys_id: string | null;
    recipient_id: string;
    recipient_id_type: string;
    received_at: number;
  }
>(
  `select r.message_seq, m.id, r.status, r.reason_code, r.reason_message, r.at, r.owed_at, m.integration, m.integration_id, m.genesys_id,
     m.recipient_id, m.recipient_id_type, m.received_at
   from receipts r join messages m on m.seq = r.message_seq where r.state = 'queued' and r.message_seq in (values {rows})`,
  "(cast(? as bigint))",
  (seq) => [seq],
);

export async function readOwedReceipts(db: Db, messageSeqs: readonly number[]): Promise<OwedReceipt[]> {
  const rows = await selectOwed(db, messageSeqs);
  return rows.map((row) => ({
    messageSeq: row.message_seq,
    messageId: row.id,
    status: row.status,
    reason: row.reason_code === null ? null : { code: row.reason_code, message: row.reason_message ?? "" },
    at: row.at,
    owedAt: row.owed_at,
    integration: row.integration,
    integrationId: row.integration_id,
    genesysMessageId: row.genesys_id,
    recipientId: row.recipient_id,
    recipientIdType: row.recipient_id_type,
    receivedAt: row.received_at,
  }));
}

/** A receipt with the task that this process has claimed in making it. */
export interface HandedReceipt {
  task: LeasedTask;
  receipt: OwedReceipt;
}

export const receiptsHandedOver: HandOver<Taker<HandedReceipt>> = { name: "receipts" };

/** Makes receipts due that have just been written. */
export function queueReceipts(tx: Tx, receipts: readonly { queue: string; owed: OwedReceipt }[], now: number): void {
  const tasks: NewTask[] = receipts.map(({ queue, owed }) => {
    const key = `receipt:${owed.messageSeq}`;
    const taker = tx.takers.find(receiptsHandedOver, queue);
    const room = taker && tx.reserve(taker);
    const subject = owed.messageSeq;
    if (room === undefined) return { key, queue, dueAt: now, subject };
    const { leaseEnd } = room;
    room.item = { task: { key, attempt: 1, leaseEnd, subject, detail: null }, receipt: owed };
    return { key, queue, dueAt: leaseEnd, subject, leased: 1 };
  });
  if (tasks.length > 0) tx.last(addTasks(tx, tasks, now));
}

/** How a try to send a receipt ended. */
export interface ReceiptResult {
  task: LeasedTask;
  messageSeq: number;
  status: string;
  at: number;
  /** `sent`, `refused` or `skipped` end it; `later` tries again at `dueAt`. */
  state: "sent" | "refused" | "skipped" | "later";
  dueAt?: number;
  answer: string;
}

const updateReceipts = bulk<ReceiptResult>(
  "update receipts set state = v.column2, answer = v.column3 from (values {rows}) as v where receipts.message_seq = v.column1",
  "(cast(? as bigint), cast(? as text), cast(? as text))",
  (one) => [one.messageSeq, one.state === "later" ? "queued" : one.state, one.answer],
);

/** Returns `recordReceipt(result)`, which resolves once it is on disk; results that arrive together share a commit. */
export function createReceiptRecorder(database: Database) {
  return createBatcher<ReceiptResult, void>({
    async run(results) {
      await database.transaction((tx) => recordReceipts(tx, results));
      return results.map(() => undefined);
    },
    maxBatch: 256,
    rests: database.engine === "postgres",
    maxWaiting: 100_000,
    overloaded: () => new StoreUnavailable("the store is behind: too many receipts are waiting to be recorded"),
    retrySingly: (error) => !(error instanceof StoreUnavailable),
  });
}

/** Results with their ledger lines; those whose task was claimed by somebody else meanwhile are left to them. */
async function recordReceipts(tx: Tx, results: ReceiptResult[]): Promise<void> {
  const later = results.filter((one) => one.state === "later");
  const [, ours] = await together(
    postponeTasks(
      tx,
      later.map(({ task, dueAt, at }) => ({ task, dueAt: dueAt ?? at })),
    ),
    finishTasks(
      tx,
      results.filter((one) => one.state !== "later").map((one) => one.task),
    ),
  );
  const ended = results.filter((one) => ours.has(one.task.key));
  tx.last(updateReceipts(tx.db, [...ended, ...later]));
  const lines = insertLedger(
    tx.db,
    ended.map((one) => ({
      messageSeq: one.messageSeq,
      at: one.at,
      event: `receipt.${one.state}`,
      detail: one.state === "sent" ? { status: one.status } : { status: one.status, answer: one.answer },
    })),
  );
  tx.last(lines);
}
