/** What the adapter reports is signed, true, and reported until the bridge has it. */
import { type Check, doubtful, failed, passed, unseen, type Verdict } from "../check";
import type { Callback, Trouble } from "../callbacks";
import { isTaken, type Kit, providerIdOf } from "../kit";

export const receiptChecks: readonly Check[] = [
  {
    name: "receipt.arrives",
    expected: "what became of an accepted delivery is reported to /channels/{channel}/receipts",
    async run(kit) {
      const startedAt = performance.now();
      const sent = await kit.send(kit.samples.text("Adapter test: to be reported."));
      if (!isTaken(sent)) return failed("the delivery was not taken", "See the checks of kinds first.");
      if (sent.outcome.status === "delivered") return passed("delivered at once, in the answer");
      const has = () => receiptsOf(kit, sent.deliveryId, providerIdOf(sent)).length > 0;
      if (!(await kit.callbacks.until(has, kit.settings.waitMs))) return noReceipt(kit);
      return passed(`a receipt came ${Math.round(performance.now() - startedAt)} ms after the message was sent`);
    },
  },
  {
    name: "receipt.after-503",
    expected: "a receipt answered 503 is sent again, under the same webhook-id",
    run: (kit) => repeatAfter(kit, "refuse"),
  },
  {
    name: "receipt.after-hang-up",
    expected: "a receipt that got no answer is sent again, under the same webhook-id",
    run: (kit) => repeatAfter(kit, "hang up"),
  },
  {
    name: "callback.path",
    expected: "callbacks go to receipts, messages, responses or events of the channel",
    run: async (kit) => judgeProblems(kit, "path", "POST to {bridge}/channels/{channel}/receipts and its neighbours."),
  },
  {
    name: "callback.signature",
    expected: "every callback is signed with the shared secret, over its own bytes, now",
    run: async (kit) =>
      judgeProblems(kit, "signature", "Sign `id.timestamp.body` with the same whsec_ secret, each time anew."),
  },
  {
    name: "callback.body",
    expected: "every callback has the fields the bridge takes",
    run: async (kit) =>
      judgeProblems(kit, "body", "See `omb schema receipts`: the bridge answers 400 with the field, and forgets it."),
  },
  {
    name: "receipt.known",
    expected: "every receipt names a delivery that was sent, by deliveryId or providerMessageId",
    async run(kit) {
      const receipts = kit.callbacks.received.flatMap(({ receipt }) => receipt ?? []);
      if (receipts.length === 0) return noReceipt(kit);
      const strangers = receipts.filter((receipt) => !kit.isKnown(receipt));
      if (strangers.length === 0) return passed(`${receipts.length} receipts`);
      const mend = "Send back deliveryId as it came (not message.id), or the providerMessageId that was answered.";
      return failed(`${strangers.length} of ${receipts.length} name a delivery that was never sent`, mend);
    },
  },
  {
    name: "receipt.consistent",
    expected: "no delivery is reported both as delivered and as failed",
    async run(kit) {
      const statuses = new Map<string, Set<string>>();
      for (const { receipt } of kit.callbacks.received) {
        if (!receipt) continue;
        const key = receipt.deliveryId ?? receipt.providerMessageId ?? "";
        statuses.set(key, (statuses.get(key) ?? new Set()).add(receipt.status));
      }
      if (statuses.size === 0) return noReceipt(kit);
      const torn = [...statuses.values()].filter((one) => one.has("failed") && one.size > 1).length;
      if (torn === 0) return passed(`${statuses.size} deliveries`);
      const mend = "Report failed only when nothing more will come: a customer may be notified in other ways at once.";
      return failed(`${torn} of ${statuses.size} deliveries have both`, mend);
    },
  },
  {
    name: "receipt.once",
    expected: "each status of a delivery is reported once; its repeats have the same webhook-id",
    async run(kit) {
      const ids = new Map<string, { webhookIds: Set<string>; parts: number }>();
      for (const { receipt, webhookId } of kit.callbacks.received) {
        if (!receipt) continue;
        const { deliveryId, providerMessageId, status } = receipt;
        const key = `${deliveryId ?? providerMessageId} ${status}`;
        const known = ids.get(key) ?? { webhookIds: new Set(), parts: kit.countParts(deliveryId ?? "") };
        known.webhookIds.add(webhookId);
        ids.set(key, known);
      }
      if (ids.size === 0) return noReceipt(kit);
      const doubled = [...ids.values()].filter(({ webhookIds, parts }) => webhookIds.size > parts).length;
      if (doubled === 0) return passed(`${ids.size} receipts`);
      const mend = "Give a repeat the webhook-id of the first: one made of deliveryId and status, for example.";
      return doubtful(`${doubled} of ${ids.size} came under several webhook-ids`, mend);
    },
  },
];

/** Deliveries in parts have several receipts, told apart by the provider's ids. */
function receiptsOf(kit: Kit, deliveryId: string, providerMessageId: string | undefined): Callback[] {
  return kit.callbacks.received.filter(
    ({ receipt }) =>
      receipt?.deliveryId === deliveryId ||
      (providerMessageId !== undefined && receipt?.providerMessageId === providerMessageId),
  );
}

async function repeatAfter(kit: Kit, trouble: Trouble): Promise<Verdict> {
  const deliveryId = kit.newDeliveryId();
  kit.callbacks.trouble(deliveryId, trouble);
  const sent = await kit.send(kit.samples.text("Adapter test: its receipt meets trouble."), { deliveryId });
  const all = () => receiptsOf(kit, deliveryId, providerIdOf(sent));
  if (!(await kit.callbacks.until(() => all().length > 0, kit.settings.waitMs))) return noReceipt(kit);
  const mend =
    "Send a receipt again, with growing waits, until it is answered 2xx or a 4xx: else the bridge never knows.";
  if (!(await kit.callbacks.until(() => all().length > 1, kit.settings.waitMs))) {
    return failed(`not sent again within ${kit.settings.waitMs} ms`, mend);
  }
  const [first, second] = all();
  if (first?.webhookId === second?.webhookId) return passed("sent again under the same webhook-id");
  return doubtful(
    "sent again under another webhook-id",
    "Keep the webhook-id over repeats, and the bridge stores it once.",
  );
}

/** Whether silence is a fault depends on what the channel says it confirms. */
function noReceipt(kit: Kit): Verdict {
  const { confirms, waitMs } = kit.settings;
  const found = `no receipt within ${waitMs} ms`;
  const mend = `Start the adapter with ${kit.callbacks.url} as the URL of the bridge`;
  if (confirms === "accepted") return unseen(found, `${mend}, if it reports at all.`);
  return failed(found, `${mend}; the channel's confirms promises "${confirms}".`);
}

function judgeProblems(kit: Kit, kind: "path" | "signature" | "body", mend: string): Verdict {
  const { received } = kit.callbacks;
  if (received.length === 0) return noReceipt(kit);
  const wrong = received.filter(({ problem }) => problem?.kind === kind);
  if (wrong.length === 0) return passed(`${received.length} callbacks`);
  return failed(`${wrong.length} of ${received.length}: ${wrong[0]?.problem?.message}`, mend);
}
