import type { Channel, OutboundDelivery } from "../../src/channels/channel";
import { createTyping } from "../../src/delivery/typing";
import { normalize } from "../../src/message/normalize";
import type { Database } from "../../src/store/database";
import { typingQueue } from "../../src/store/queues";
import { leaseTasks } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { notedOf, openStore, save, start } from "../store/open-store";

const typingOf = (staleAt: number) => {
  const key = `typing:${staleAt}`;
  return notedOf({ kind: "typing", tasks: [{ key, queue: typingQueue("chat"), dueAt: start, detail: { staleAt } }] });
};

function createTestTyping(database: Database, sendTyping: Channel["sendTyping"]) {
  const channel = { name: "chat", timeoutMs: 1000, ...(sendTyping && { sendTyping }) } as Channel;
  const understand = ({ body, ...ids }: { body: Buffer; id: string; integration: string; integrationId: string }) =>
    normalize(JSON.parse(body.toString("utf8")), ids);
  const work = createTyping({ database, understand, now: () => start }, channel);
  return async function workOff() {
    const tasks = await leaseTasks(database, { queue: work.queue, limit: 9, now: start, leaseEnd: start });
    await Promise.allSettled(await work.begin(tasks, start));
    return tasks.length;
  };
}

describe.each(engines)("on %s", (engine) => {
  test("a sign of typing is shown once, even where showing it fails", async () => {
    const { database } = await openStore(engine);
    const arrival = typingOf(start + 1);
    await save(database, arrival);
    const shown: OutboundDelivery[] = [];
    const workOff = createTestTyping(database, async (delivery) => {
      shown.push(delivery);
      throw new Error("the channel is away");
    });
    expect(await workOff()).toBe(1);
    expect(await workOff()).toBe(0);
    expect(shown.map(({ deliveryId, original }) => [deliveryId, original?.body])).toEqual([[arrival.id, arrival.body]]);
  });

  test("a sign of typing that has grown stale is dropped", async () => {
    const { database } = await openStore(engine);
    await save(database, typingOf(start));
    const shown: unknown[] = [];
    const workOff = createTestTyping(database, async (delivery) => void shown.push(delivery));
    expect(await workOff()).toBe(1);
    expect(await workOff()).toBe(0);
    expect(shown).toEqual([]);
  });
});
