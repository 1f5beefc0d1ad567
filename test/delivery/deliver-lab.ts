/** A delivery over a channel of the test's own. */
import type { Channel, OutboundDelivery, Outcome } from "../../src/channels/channel";
import { deliverableKinds } from "../../src/message/message";
import { createDelivery, type DeliverDeps } from "../../src/delivery/deliver";
import { normalize } from "../../src/message/normalize";
import { createChanges } from "../../src/store/changes";
import type { Database } from "../../src/store/database";
import { lease, start } from "../store/open-store";
import { rules } from "./states";

export const accepted: Outcome = { status: "accepted", answer: "HTTP 200" };
export const broken: Outcome = {
  status: "failed",
  retryable: true,
  reason: { code: "ServerError", message: "HTTP 500" },
  answer: "HTTP 500",
};

export const refused: Outcome = {
  status: "failed",
  retryable: false,
  reason: { code: "InvalidDestination", message: "nobody" },
  answer: "HTTP 400",
};

export const plain: Omit<Channel, "send"> = {
  name: "chat",
  type: "test",
  accepts: { kinds: deliverableKinds },
  confirms: "delivered",
  repeatable: true,
  timeoutMs: 10_000,
  retry: rules.retry,
};

/** A delivery over a channel that answers as `send` says. */
export function createTestDelivery(
  database: Database,
  send: (delivery: OutboundDelivery) => Promise<Outcome>,
  changes: Partial<Channel> = {},
  more: Partial<DeliverDeps> = {},
) {
  let now = start;
  const log: string[] = [];
  const channel: Channel = { ...plain, send, ...changes };
  const delivery = createDelivery(
    {
      database,
      change: createChanges(database, () => now),
      persist: (write) => write(),
      understand: ({ body, ...ids }) => normalize(JSON.parse(body.toString("utf8")), ids),
      rulesFor: () => ({ ...rules, repeatable: channel.repeatable, confirms: channel.confirms }),
      now: () => now,
      random: () => 0.5,
      newId: () => "new-id",
      log: {
        deliveryAttempted: ({ status, attempt }) => void log.push(`attempted ${attempt} ${status}`),
        breakerOpened: ({ count }) => void log.push(`opened ${count}`),
        breakerClosed: () => void log.push("closed"),
      },
      ...more,
    },
    channel,
  );
  return {
    delivery,
    log,
    at: (ms: number) => {
      now = ms;
    },
    /** Claims what is due and waits until it is done. */
    async work(limit = 100) {
      const tasks = await lease(database, { now, leaseEnd: now + 15_000, limit });
      await Promise.all(await delivery.begin(tasks, now));
      return tasks.length;
    },
  };
}

export type TestDelivery = ReturnType<typeof createTestDelivery>;
