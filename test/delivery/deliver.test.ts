import type { Outcome } from "../../src/channels/channel";
import { StoreUnavailable } from "../../src/errors";
import type { Database } from "../../src/store/database";
import { breakerRule } from "../../src/delivery/breaker";
import { findMessage } from "../../src/store/messages";
import { engines } from "../helpers/stores";
import { arrivalOf, lease, openStore, save, start } from "../store/open-store";
import { accepted, broken, createTestDelivery } from "./deliver-lab";

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

  test("what was begun is sent, even where an empty lane beside it cannot be dropped", async () => {
    const { database } = await openStore(engine);
    const [gone, there] = [arrivalOf("noor"), arrivalOf("mira")];
    await save(database, gone, there);
    await database.db
      .deleteFrom("deliveries")
      .where("id", "=", gone.delivery?.id ?? "")
      .execute();
    let transactions = 0;
    const faulty: Database = {
      ...database,
      transaction: (work) => {
        transactions += 1;
        return transactions === 2 ? Promise.reject(new StoreUnavailable("made up")) : database.transaction(work);
      },
    };
    const sent: string[] = [];
    const { delivery } = createTestDelivery(faulty, async ({ deliveryId }) => {
      sent.push(deliveryId);
      return accepted;
    });
    const tasks = await lease(database);
    const jobs = await delivery.begin(tasks, start);
    const ends = await Promise.allSettled(jobs);
    expect([tasks.length, jobs.length, sent]).toEqual([2, 2, [there.delivery?.id]]);
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(await findMessage(database.db, there.id)).toMatchObject({ item: { delivery: { status: "accepted" } } });
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
