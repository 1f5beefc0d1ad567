/** The bridge repeats what it is unsure of, under the same webhook-id: customers see everything once. */
import { type Check, doubtful, failed, passed, unseen, type Verdict } from "../check";
import { type Called, describeCall, isTaken, type Kit, providerIdOf } from "../kit";
import { webhookId, writeBody } from "../../channels/http";

const remember =
  "Remember the answer to each webhook-id before the customer is shown anything, and give a repeat the same answer.";
const nameOutbox = "Name a list of what customers were shown with --outbox: then this can be seen.";
const cannotSee = `Answer with a providerMessageId. ${nameOutbox}`;

export const repeatChecks: readonly Check[] = [
  {
    name: "repeat.after-answer",
    expected: "a repeat under the same webhook-id gets the same answer and is shown once",
    async run(kit) {
      const message = kit.samples.text("Adapter test: sent three times, to be shown once.");
      const deliveryId = kit.newDeliveryId();
      const calls = [];
      for (const attempt of [1, 2, 3]) calls.push(await kit.send(message, { deliveryId, attempt }));
      return judgeOnce(kit, deliveryId, calls);
    },
  },
  {
    name: "repeat.at-once",
    expected: "repeats that come while the first is at work are shown once",
    async run(kit) {
      const message = kit.samples.text("Adapter test: sent four times at once, to be shown once.");
      const deliveryId = kit.newDeliveryId();
      const calls = await Promise.all([1, 2, 3, 4].map((attempt) => kit.send(message, { deliveryId, attempt })));
      return judgeOnce(kit, deliveryId, [...calls, await kit.send(message, { deliveryId, attempt: 5 })]);
    },
  },
  {
    name: "repeat.after-hang-up",
    expected: "a repeat after the bridge gave up waiting is taken, and shown once",
    async run(kit) {
      const message = kit.samples.text("Adapter test: given up on, then sent again.");
      const delivery = { deliveryId: kit.newDeliveryId(), attempt: 1, message };
      await kit.call({ id: webhookId(delivery), body: writeBody("message.outbound", delivery), timeoutMs: 3 });
      const again = await kit.send(message, { deliveryId: delivery.deliveryId, attempt: 2 });
      if (!isTaken(again)) return failed(describeCall(again), remember);
      const shown = await kit.countShown(delivery.deliveryId);
      if (shown === undefined)
        return unseen(`${describeCall(again)}; how often it was shown cannot be seen`, nameOutbox);
      return shown === 1 ? passed(describeCall(again)) : failed(`shown ${shown} times`, remember);
    },
  },
  {
    name: "repeat.own-delivery",
    expected: "the same message under another webhook-id (a replay) is a delivery of its own",
    async run(kit) {
      const message = kit.samples.text("Adapter test: delivered twice on purpose.");
      const first = await kit.send(message);
      return judgeApart(
        kit,
        [first, await kit.send(message)],
        "Tell repeats by webhook-id, not by the message's id or its text.",
      );
    },
  },
  {
    name: "parts.each",
    expected:
      "each part of a message that goes out in several is shown, in order; later parts have a webhook-id of their own",
    async run(kit) {
      const deliveryId = kit.newDeliveryId();
      const calls = [];
      for (const { message, part } of kit.samples.parts()) calls.push(await kit.send(message, { deliveryId, part }));
      return judgeApart(
        kit,
        calls,
        "Tell repeats by webhook-id, not by deliveryId: all parts of a message share that.",
      );
    },
  },
];

async function judgeOnce(kit: Kit, deliveryId: string, calls: readonly Called[]): Promise<Verdict> {
  const taken = calls.filter(isTaken);
  const [first] = taken;
  const last = calls.at(-1);
  if (!first || !last || !isTaken(last)) return failed(last ? describeCall(last) : "no answer", remember);
  const ids = new Set(taken.map(providerIdOf));
  const shown = await kit.countShown(deliveryId);
  if (shown !== undefined && shown !== 1) return failed(`shown ${shown} times`, remember);
  if (ids.size > 1) return failed(`${ids.size} providerMessageIds for one delivery: shown more than once`, remember);
  const answers = new Set(taken.map(({ outcome }) => outcome.status));
  if (answers.size > 1) return doubtful(`answered ${[...answers].join(", then ")}`, remember);
  const told = `${calls.length} requests, ${taken.length} taken`;
  if (shown === undefined && ids.has(undefined)) return unseen(`${told}, all with the same answer`, cannotSee);
  return passed(`${told}, one providerMessageId`);
}

async function judgeApart(
  kit: Kit,
  calls: readonly (Called & { deliveryId: string })[],
  mend: string,
): Promise<Verdict> {
  const refused = calls.find((one) => !isTaken(one));
  if (refused) return failed(describeCall(refused), mend);
  const deliveries = [...new Set(calls.map(({ deliveryId }) => deliveryId))];
  const counts = await Promise.all(deliveries.map(kit.countShown));
  const shown = counts.reduce((sum, count) => (sum === undefined || count === undefined ? undefined : sum + count), 0);
  if (shown !== undefined && shown !== calls.length) return failed(`${shown} of ${calls.length} shown`, mend);
  const ids = calls.map(providerIdOf).filter((id) => id !== undefined);
  if (new Set(ids).size < ids.length) return failed("the same providerMessageId for all: taken for repeats", mend);
  if (shown === undefined && ids.length === 0)
    return unseen(`${calls.length} taken; whether shown cannot be seen`, cannotSee);
  return passed(`${calls.length} sent, ${shown ?? ids.length} shown`);
}
