import { createCallbacks, findDelivery, finishCallback, readCallback } from "../../src/store/callbacks";
import { leaseTasks } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { apply, arrivalOf, headsOf, lease, openStore, save, start } from "./open-store";

const receipt = { channel: "chat", kind: "receipts", webhookId: "w-1", receivedAt: start, body: '{"status":"read"}' };

describe.each(engines)("on %s", (engine) => {
  test("a callback is kept with one task, however often it is repeated", async () => {
    const { database } = await openStore(engine);
    const store = createCallbacks(database, () => start);
    await Promise.all([store(receipt), store(receipt)]);
    await store(receipt);
    await store({ ...receipt, channel: "other" });

    const tasks = await leaseTasks(database, {
      queue: "callbacks:receipts",
      limit: 9,
      now: start,
      leaseEnd: start + 9,
    });
    expect(tasks).toHaveLength(2);
    const kept = await Promise.all(tasks.map((task) => readCallback(database.db, task.subject ?? 0)));
    expect(kept.map((one) => one?.channel).sort()).toEqual(["chat", "other"]);
    expect(kept[0]).toMatchObject({ body: receipt.body, state: "waiting", webhook_id: "w-1" });
  });

  test("a callback that was worked off is over", async () => {
    const { database } = await openStore(engine);
    await createCallbacks(database, () => start)(receipt);
    const claim = () => leaseTasks(database, { queue: "callbacks:receipts", limit: 9, now: start, leaseEnd: start });
    const [task] = await claim();
    if (task === undefined) throw new Error("no task");
    await finishCallback(database, task, "unmatched");
    expect(await readCallback(database.db, task.subject ?? 0)).toMatchObject({ state: "unmatched" });
    expect(await claim()).toEqual([]);
  });

  test("a delivery is found by our id or the provider's, in its own channel only, the newest of several", async () => {
    const { database } = await openStore(engine);
    const long = `${"p".repeat(400)}-1`;
    const [first, second, third] = [arrivalOf("mira"), arrivalOf("noor"), arrivalOf("otto")];
    await save(database, first, second, third);
    const heads = await headsOf(database, await lease(database));
    const seqOf = (to: string) => heads.find((head) => head.recipientId === to)?.delivery.seq ?? 0;
    for (const to of ["mira", "noor"]) {
      await apply(database, seqOf(to), { delivery: { providerMessageId: long }, ledger: [] });
    }
    await apply(database, seqOf("otto"), { delivery: { providerMessageId: `${long}2` }, ledger: [] });

    const find = (by: object) => findDelivery(database.db, { channel: "chat", ...by });
    expect(await find({ deliveryId: first.delivery?.id })).toBe(seqOf("mira"));
    expect(await find({ providerMessageId: long })).toBe(seqOf("noor"));
    expect(await find({ deliveryId: "unknown", providerMessageId: `${long}2` })).toBe(seqOf("otto"));
    expect(await find({ deliveryId: "unknown" })).toBeUndefined();
    expect(await find({ providerMessageId: "unknown" })).toBeUndefined();
    expect(await find({ deliveryId: first.delivery?.id, channel: "other" })).toBeUndefined();
    expect(await find({ providerMessageId: long, channel: "other" })).toBeUndefined();
  });
});
