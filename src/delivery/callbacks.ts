/** Works off what adapters told us of deliveries. */
import { type AdapterReceipt, adapterReceipt } from "../message/adapter";
import { callbackQueue, finishCallback, findDelivery, readCallback } from "../store/callbacks";
import type { ChangeRequest } from "../store/changes";
import type { MessageState } from "../store/states";
import type { Database } from "../store/database";
import { type LeasedTask, postponeTasks } from "../store/tasks";
import type { Rules } from "./rules";
import { decideConfirmation } from "./status";
import type { QueueWork } from "./worker";

export interface CallbackDeps {
  database: Database;
  change(request: ChangeRequest): Promise<MessageState | undefined>;
  rulesOf(integration: string, channel: string): Rules;
  /** Applies the report to the notice that it speaks of; false when there is none. */
  reportNotice(
    send: { channel: string; deliveryId: string | undefined; providerMessageId: string | undefined },
    receipt: AdapterReceipt,
  ): Promise<boolean>;
  now: () => number;
  random: () => number;
  newId: () => string;
}

/** An adapter may report before we have recorded its answer; after this long nobody will claim the report. */
const unmatchedAfterMs = 3_600_000;

export function createReceiptCallbacks(deps: CallbackDeps): QueueWork {
  return {
    queue: callbackQueue("receipts"),
    concurrency: 64,
    leaseMs: 30_000,
    begin: async (tasks) => tasks.map((task) => handle(deps, task)),
  };
}

async function handle(deps: CallbackDeps, task: LeasedTask): Promise<void> {
  const { database, now } = deps;
  const callback = task.subject === null ? undefined : await readCallback(database.db, task.subject);
  if (callback === undefined) return finishCallback(database, task, "done");
  const receipt = adapterReceipt.parse(JSON.parse(callback.body));
  const { deliveryId, providerMessageId } = receipt;
  const deliverySeq = await findDelivery(database.db, {
    channel: callback.channel,
    ...(deliveryId === undefined ? {} : { deliveryId }),
    ...(providerMessageId === undefined ? {} : { providerMessageId }),
  });
  if (deliverySeq === undefined) {
    if (await deps.reportNotice({ channel: callback.channel, deliveryId, providerMessageId }, receipt)) {
      return finishCallback(database, task, "done");
    }
    if (now() - callback.received_at > unmatchedAfterMs) {
      return finishCallback(database, task, "unmatched");
    }
    const dueAt = now() + Math.min(60_000, 100 * 2 ** Math.min(task.attempt, 10));
    return database.transaction((tx) => postponeTasks(tx, [{ task, dueAt }]));
  }
  await deps.change({
    deliverySeq,
    decide: (state) =>
      decideConfirmation(
        state,
        {
          status: receipt.status,
          reason: receipt.reason,
          at: receipt.at === undefined ? callback.received_at : Date.parse(receipt.at),
        },
        {
          now: now(),
          rules: deps.rulesOf(state.integration, state.delivery.channel),
          random: deps.random,
          newId: deps.newId,
        },
      ),
  });
  return finishCallback(database, task, "done");
}
