/** What adapters tell us (receipts, messages, events, responses), kept before it is answered and worked off by tasks. */
import { StoreUnavailable } from "../errors";
import { createBatcher } from "./batch";
import { bulk, type Db } from "./bulk";
import type { Database } from "./database";
import { addTasks, finishTasks, type LeasedTask } from "./tasks";

/** Each kind has its own queue. */
export function callbackQueue(kind: string): string {
  return `callbacks:${kind}`;
}

export interface Callback {
  channel: string;
  kind: string;
  /** The adapter's `webhook-id`: a repeat of it is the same callback. */
  webhookId: string;
  receivedAt: number;
  /** JSON text. */
  body: string;
}

const insertCallbacks = bulk<Callback, { seq: number; kind: string }>(
  "insert into callbacks (channel, kind, webhook_id, received_at, body) values {rows} on conflict (channel, kind, webhook_id) do nothing returning seq, kind",
  "(?, ?, ?, ?, ?)",
  (one) => [one.channel, one.kind, one.webhookId, one.receivedAt, one.body],
);

/** Returns `saveCallback(callback)`, which resolves once it is on disk with the task that works it off. */
export function createCallbacks(database: Database, now: () => number) {
  return createBatcher<Callback, void>({
    async run(callbacks) {
      await database.transaction(async (tx) => {
        const at = now();
        const added = await insertCallbacks(tx.db, callbacks);
        const tasks = added.map(({ seq, kind }) => ({
          key: `callback:${seq}`,
          queue: callbackQueue(kind),
          dueAt: at,
          subject: seq,
        }));
        await addTasks(tx, tasks, at);
      });
      return callbacks.map(() => undefined);
    },
    maxBatch: 256,
    maxWaiting: 10_000,
    overloaded: () => new StoreUnavailable("the store is behind: too many callbacks are waiting to be kept"),
    retrySingly: (error) => !(error instanceof StoreUnavailable),
  });
}

export async function readCallback(db: Db, seq: number) {
  return db.selectFrom("callbacks").selectAll().where("seq", "=", seq).executeTakeFirst();
}

/** Ends a callback: `done`, or `unmatched` when what it speaks of never turned up. */
export async function finishCallback(database: Database, task: LeasedTask, state: "done" | "unmatched"): Promise<void> {
  await database.transaction(async (tx) => {
    await finishTasks(tx, [task]);
    if (task.subject !== null)
      await tx.db.updateTable("callbacks").set({ state }).where("seq", "=", task.subject).execute();
  });
}

/** The delivery a callback speaks of, by our id or the provider's. */
export async function findDelivery(
  db: Db,
  by: { deliveryId?: string; providerMessageId?: string; channel: string },
): Promise<number | undefined> {
  if (by.deliveryId !== undefined) {
    const row = await db
      .selectFrom("deliveries")
      .select("seq")
      .where("id", "=", by.deliveryId)
      .where("channel", "=", by.channel)
      .executeTakeFirst();
    if (row !== undefined) return row.seq;
  }
  if (by.providerMessageId === undefined) return undefined;
  const id = by.providerMessageId;
  const row = await db
    .selectFrom("deliveries")
    .select("seq")
    .where((eb) => eb(eb.fn<string>("substr", ["provider_message_id", eb.val(1), eb.val(200)]), "=", id.slice(0, 200)))
    .where("provider_message_id", "=", id)
    .where("channel", "=", by.channel)
    .orderBy("seq", "desc")
    .executeTakeFirst();
  return row?.seq;
}
