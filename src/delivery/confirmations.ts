/** Deliveries that were accepted and never confirmed. */
import type { ChangeRequest } from "../store/changes";
import type { MessageState } from "../store/states";
import type { Rules } from "./rules";
import { confirmQueue, decideUnconfirmed } from "./status";
import type { QueueWork } from "./worker";

export interface ConfirmationDeps {
  change(request: ChangeRequest): Promise<MessageState | undefined>;
  rulesOf(integration: string, channel: string): Rules;
  now: () => number;
  random: () => number;
  newId: () => string;
}

export function createConfirmations(deps: ConfirmationDeps): QueueWork {
  return {
    queue: confirmQueue,
    concurrency: 256,
    leaseMs: 30_000,
    begin: async (tasks) =>
      tasks.map(async ({ subject }) => {
        if (subject === null) return;
        await deps.change({
          deliverySeq: subject,
          decide: (state) =>
            decideUnconfirmed(state, {
              now: deps.now(),
              rules: deps.rulesOf(state.integration, state.delivery.channel),
              random: deps.random,
              newId: deps.newId,
            }),
        });
      }),
  };
}
