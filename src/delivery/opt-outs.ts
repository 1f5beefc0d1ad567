/** Hands opt-outs that a flow heard to the consent list. */
import type { Database, Tx } from "../store/database";
import { finishOptOut, optOutQueue, readOptOut } from "../store/genesys-events";
import { finishTasks, type LeasedTask } from "../store/tasks";
import type { QueueWork } from "./worker";

export interface OptOutDeps {
  database: Database;
  /** Writes the opt-out in the transaction that ends the event. `at` is milliseconds UTC. */
  recordOptOut(
    tx: Tx,
    optOut: { address: string; channel: "email" | "sms" | "*"; conversationId: string | null; at: number },
  ): Promise<void>;
}

export function createOptOuts(deps: OptOutDeps): QueueWork {
  return {
    queue: optOutQueue,
    concurrency: 8,
    leaseMs: 30_000,
    begin: async (tasks) => tasks.map((task) => record(deps, task)),
  };
}

async function record({ database, recordOptOut }: OptOutDeps, task: LeasedTask): Promise<void> {
  await database.transaction(async (tx) => {
    const found = task.subject === null ? undefined : await readOptOut(tx, task.subject);
    if (found === undefined) return void (await finishTasks(tx, [task]));
    const { address, channel, conversationId, at } = found.event;
    // A time ahead of ours comes from another clock.
    await recordOptOut(tx, {
      address,
      channel,
      conversationId,
      at: Math.min(at ?? found.receivedAt, found.receivedAt),
    });
    await finishOptOut(tx, task, found.seq);
  });
}
