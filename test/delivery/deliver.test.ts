import type { Channel, OutboundDelivery, Outcome } from "../../src/channels/channel";
import { deliverableKinds } from "../../src/message/message";
import { breakerRule } from "../../src/delivery/breaker";
import { createDelivery } from "../../src/delivery/deliver";
import { normalize } from "../../src/message/normalize";
import { createChanges } from "../../src/store/changes";
import type { Database } from "../../src/store/database";
import { type HandedHead, lanesHandedOver } from "../../src/store/deliveries";
import type { LeasedTask } from "../../src/store/tasks";
import { findMessage } from "../../src/store/messages";
import { engines } from "../helpers/stores";
import { arrivalOf, lease, openStore, save, start } from "../store/open-store";
import { rules } from "./states";

const accepted: Outcome = { status: "accepted", answer: "HTTP 200" };
const broken: Outcome = {
  status: "failed",
  retryable: true,
  reason: { code: "ServerError", message: "HTTP 500" },
  answer: "HTTP 500",
};

const plain: Omit<Channel, "send"> = {
  name: "chat",
  type: "test",
  accepts: { kinds: deliverableKinds },
  confirms: "delivered",
  repeatable: true,
  timeoutMs: 10_000,
  retry: rules.retry,
};

/** A delivery over a channel that answers as `send` says. */
function createTestDelivery(
  database: Database,
  send: (delivery: OutboundDelivery) => Promise<Outcome>,
  changes: Partial<Channel> = {},
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
      rulesFor: () => ({ ...rules, repeatable: channel.repeatable }),
      now: () => now,
      random: () => 0.5,
      newId: () => "new-id",
      log: {
        deliveryAttempted: ({ status, attempt }) => void log.push(`attempted ${attempt} ${status}`),
        breakerOpened: ({ count }) => void log.push(`opened ${count}`),
        breakerClosed: () => void log.push("closed"),
      },
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

type TestDelivery = ReturnType<typeof createTestDelivery>;

describe.each(engines)("on %s", (engine) => {
  test("a head is committed as being sent before it is sent, and its outcome after", async () => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira");
    await save(database, arrival);
    const seen: unknown[] = [];
    const { work, log } = createTestDelivery(database, async (outbound) => {
      const found = await findMessage(database.db, arrival.id);
      seen.push(outbound.deliveryId, outbound.attempt, outbound.original?.body, found?.item.delivery?.status);
      return accepted;
    });
    await work();
    expect(seen).toEqual([arrival.delivery?.id, 1, arrival.body, "sending"]);
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      item: { delivery: { status: "accepted", attempts: 1 } },
      attempts: [{ number: 1, result: "accepted", answer: "HTTP 200" }],
    });
    expect(log).toEqual(["attempted 1 accepted"]);
  });

  test("a channel that throws is tried again, and the breaker counts it", async () => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira");
    await save(database, arrival);
    const { work, delivery } = createTestDelivery(database, async () => {
      throw new TypeError("a mistake that quotes mira@harborline.example");
    });
    await work();
    expect(delivery.breaker().failures).toBe(1);
    const found = await findMessage(database.db, arrival.id);
    expect(found).toMatchObject({
      item: { fate: "open", delivery: { status: "pending" } },
      attempts: [{ result: "failed", answer: "error in the channel: TypeError" }],
    });
    expect(JSON.stringify(found?.attempts)).not.toContain("mira@");
  });

  test("a channel that throws and must not repeat leaves an outcome that nobody knows", async () => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira");
    await save(database, arrival);
    const fail = async () => {
      throw new TypeError("after the last byte");
    };
    const { work } = createTestDelivery(database, fail, { repeatable: false });
    await work();
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      item: { fate: "open", delivery: { status: "unknown", attempts: 1 } },
    });
  });

  test("a message that cannot be made fit for the channel is tried again, fails in time, and blocks nobody for ever", async () => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira");
    await save(database, arrival);
    await database.db
      .updateTable("captures")
      .set({ body: Buffer.from("no JSON") })
      .execute();
    const { work, at } = createTestDelivery(database, async () => accepted);
    await work();
    expect(await findMessage(database.db, arrival.id)).toMatchObject({ item: { delivery: { status: "pending" } } });
    at(start + 900_000);
    await work();
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      item: { fate: "failed", reason: { code: "ServerError" } },
    });
  });

  test("a send that a crash hid is repeated where the channel can tell, and never where it cannot", async () => {
    for (const repeatable of [true, false]) {
      const { database } = await openStore(engine);
      const arrival = arrivalOf("mira");
      await save(database, arrival);
      // The first process dies in the middle of the send.
      const dead = createTestDelivery(database, () => new Promise<never>(() => undefined), { repeatable });
      await dead.delivery.begin(await lease(database), start);
      const sent: number[] = [];
      const next = createTestDelivery(
        database,
        async ({ attempt }) => {
          sent.push(attempt);
          return accepted;
        },
        { repeatable },
      );
      next.at(start + 60_000);
      await next.work();
      const found = await findMessage(database.db, arrival.id);
      expect(sent).toEqual(repeatable ? [2] : []);
      expect(found?.item.delivery?.status).toBe(repeatable ? "accepted" : "unknown");
      expect(found?.attempts.every((attempt) => attempt.result !== null)).toBe(true);
    }
  });

  describe("a process that was held up before its send", () => {
    /** Sends of two processes; the first one is held up once its attempt is committed, until `goOn()`. */
    async function holdUp(repeatable: boolean, meanwhile: (other: TestDelivery) => Promise<void> = async () => {}) {
      const { database } = await openStore(engine);
      const sent: string[] = [];
      const process = (name: string) =>
        createTestDelivery(
          database,
          async ({ attempt, original }) => {
            sent.push(`${name} ${original?.body.toString().includes("second") ? "second" : "first"} ${attempt}`);
            if (name === "slow") await meanwhile(other);
            return accepted;
          },
          { repeatable },
        );
      const [slow, other] = [process("slow"), process("other")];
      let running: readonly Promise<void>[] = [];
      slow.delivery.offer?.({
        reserve: () => ({ leaseEnd: start + 15_000 }),
        free: () => undefined,
        run(jobs) {
          running = jobs;
        },
      });
      const taker = database.takers.find(lanesHandedOver, "deliver:chat");
      if (taker === undefined) throw new Error("nobody takes over");
      const { give } = taker;
      const held: HandedHead[] = [];
      taker.give = (heads) => void held.push(...heads);
      const arrival = arrivalOf("mira");
      await save(database, arrival);
      taker.reserve = () => undefined;
      await save(database, arrivalOf("mira", { body: Buffer.from('{"type":"Text","text":"the second"}') }));
      expect(held).toHaveLength(1);
      slow.at(start + 60_000);
      other.at(start + 60_000);
      const goOn = async () => {
        give(held);
        await Promise.all(running);
      };
      return { database, arrival, sent, slow, other, goOn };
    }

    test("goes on with a new lease while nobody has taken over", async () => {
      const { database, arrival, sent, other, goOn } = await holdUp(false);
      await goOn();
      expect(await other.work()).toBe(1);
      expect(sent).toEqual(["slow first 1", "other second 1"]);
      expect(await findMessage(database.db, arrival.id)).toMatchObject({ item: { delivery: { status: "accepted" } } });
    });

    test("keeps its message from another that had claimed the lane, and not begun", async () => {
      let claimed: LeasedTask[] = [];
      const { database, sent, other, goOn } = await holdUp(true, async () => {
        await Promise.all(await other.delivery.begin(claimed, start + 60_000));
      });
      claimed = await lease(database, { now: start + 60_000, leaseEnd: start + 75_000 });
      expect(claimed).toHaveLength(1);
      await goOn();
      await other.work();
      expect(sent).toEqual(["slow first 1", "other second 1"]);
    });

    test("holds its lane for the whole send, however late it begins", async () => {
      const { database } = await openStore(engine);
      await save(database, arrivalOf("mira"));
      const late = start + 60_000;
      const others: unknown[] = [];
      const { delivery, at } = createTestDelivery(database, async () => {
        for (const now of [late, late + plain.timeoutMs]) others.push(...(await lease(database, { now })));
        return accepted;
      });
      const claimed = await lease(database);
      at(late);
      await Promise.all(await delivery.begin(claimed, start));
      expect(claimed).toHaveLength(1);
      expect(others).toEqual([]);
    });

    test.each([true, false])("sends nothing once another has taken over (repeatable: %s)", async (repeatable) => {
      const { database, arrival, sent, slow, other, goOn } = await holdUp(repeatable);
      await other.work();
      await other.work();
      const before = [...sent];
      expect(before).toEqual(repeatable ? ["other first 2", "other second 1"] : ["other second 1"]);
      await goOn();
      expect(sent).toEqual(before);
      expect(slow.log).toEqual([]);
      const found = await findMessage(database.db, arrival.id);
      expect(found?.item.delivery?.status).toBe(repeatable ? "accepted" : "unknown");
      const detail = { attempt: 1, because: "held up before it was sent" };
      expect(found?.timeline.at(-1)).toMatchObject({ event: "attempt.superseded", detail });
    });
  });

  test("a message whose content retention removed fails instead of waiting for ever", async () => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira");
    await save(database, arrival);
    await database.db.updateTable("captures").set({ body: null }).execute();
    await createTestDelivery(database, async () => accepted).work();
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      item: { fate: "failed", reason: { code: "GeneralError" } },
    });
  });

  test("an open breaker lets one probe through at a time, and closes when one is answered", async () => {
    const { database } = await openStore(engine);
    await save(database, ...Array.from({ length: breakerRule.failures + 5 }, (_, n) => arrivalOf(`customer-${n}`)));
    let outcome: Outcome = broken;
    const { delivery, work, log, at } = createTestDelivery(database, async () => outcome);
    await work(breakerRule.failures);
    expect(log.at(-breakerRule.failures - 1)).toBe("opened 20");
    expect(delivery.permits?.(start)).toEqual({ count: 0, askAgainAt: start + 1000 });

    at(start + 1000);
    expect(delivery.permits?.(start + 1000).count).toBe(1);
    await work(1);
    expect(delivery.permits?.(start + 1000)).toEqual({ count: 0, askAgainAt: start + 3000 });

    outcome = accepted;
    at(start + 3000);
    await work(1);
    expect(delivery.permits?.(start + 3000)).toEqual({ count: Number.POSITIVE_INFINITY });
    expect(log.filter((line) => line === "closed")).toHaveLength(1);
  });

  test("a probe that finds its lane empty leaves the way free for the next one", async () => {
    const { database } = await openStore(engine);
    await save(database, ...Array.from({ length: breakerRule.failures + 1 }, (_, n) => arrivalOf(`customer-${n}`)));
    const { delivery, work, at } = createTestDelivery(database, async () => broken);
    await work(breakerRule.failures);
    await database.db.deleteFrom("deliveries").where("status", "=", "pending").where("attempts", "=", 0).execute();
    at(start + 1000);
    expect(delivery.permits?.(start + 1000).count).toBe(1);
    // Whichever lanes are claimed: the empty one is among them, alone.
    const empty = (await lease(database, { now: start, limit: 1, leaseEnd: start + 15_000 })).slice(0, 1);
    await Promise.all(await delivery.begin(empty, start + 1000));
    expect(delivery.permits?.(start + 1000).count).toBe(1);
  });

  test("tasks claimed just before the breaker opened are no probe, and do not keep the next one waiting", async () => {
    const { database } = await openStore(engine);
    await save(database, ...Array.from({ length: breakerRule.failures + 4 }, (_, n) => arrivalOf(`customer-${n}`)));
    const { delivery, work, at } = createTestDelivery(database, async () => broken);
    const first = await lease(database, { limit: 4 });
    await work(breakerRule.failures);
    await Promise.all(await delivery.begin(first, start));
    at(start + 1000);
    expect(delivery.permits?.(start + 1000).count).toBe(1);
  });
});
