import { startDeliveries } from "../../src/store/changes";
import { createIngest } from "../../src/store/ingest";
import { laneOf } from "../../src/store/keys";
import { dropEmptyLanes, laneTaskKey, nextDueAt, readQueues } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { apply, arrivalOf, headsOf, lease, openStore, released, save, start } from "./open-store";

const mira = laneOf("harborline-chat", "mira");

describe.each(engines)("on %s", (engine) => {
  test("a lane hands out its oldest delivery, and the next one only after that has left", async () => {
    const { database } = await openStore(engine);
    const arrivals = [arrivalOf("mira"), arrivalOf("mira"), arrivalOf("mira")];
    await save(database, ...arrivals);

    for (const arrival of arrivals) {
      const tasks = await lease(database);
      expect(tasks.map((task) => task.key)).toEqual([laneTaskKey(mira)]);
      expect(await lease(database)).toEqual([]);
      const [head] = await headsOf(database, tasks);
      expect(head?.id).toBe(arrival.id);
      await apply(database, head?.delivery.seq ?? 0, released);
    }
    expect(await database.db.selectFrom("tasks").selectAll().execute()).toEqual([]);
  });

  test("lanes do not wait for each other, and those due longest come first", async () => {
    const { database } = await openStore(engine);
    const ingest = (at: number) => createIngest(database, () => at);
    await ingest(start + 2)(arrivalOf("late"));
    await ingest(start + 1)(arrivalOf("early"));
    const tasks = await lease(database, { now: start + 5, limit: 1 });
    expect((await headsOf(database, tasks)).map((head) => head.recipientId)).toEqual(["early"]);
    const others = await lease(database, { now: start + 5, limit: 1 });
    expect((await headsOf(database, others)).map((head) => head.recipientId)).toEqual(["late"]);
  });

  test("a head that is to be tried again keeps its lane until its time has come", async () => {
    const { database } = await openStore(engine);
    const arrivals = [arrivalOf("mira"), arrivalOf("mira")];
    await save(database, ...arrivals);
    const [head] = await headsOf(database, await lease(database));
    await apply(database, head?.delivery.seq ?? 0, {
      lane: { retryAt: start + 500 },
      delivery: { status: "pending" },
      ledger: [],
    });

    expect(await lease(database, { now: start + 499 })).toEqual([]);
    expect(await nextDueAt(database.db, "deliver:chat")).toBe(start + 500);
    const [again] = await headsOf(database, await lease(database, { now: start + 500 }));
    expect(again?.id).toBe(arrivals[0]?.id);
  });

  test("a delivery that joins while the lane is leased waits its turn and is not forgotten", async () => {
    const { database } = await openStore(engine);
    const [first, second] = [arrivalOf("mira"), arrivalOf("mira")];
    await save(database, first);
    const [head] = await headsOf(database, await lease(database));
    await save(database, second);
    expect(await lease(database)).toEqual([]);
    await apply(database, head?.delivery.seq ?? 0, released);
    const [next] = await headsOf(database, await lease(database));
    expect(next?.id).toBe(second.id);
  });

  test("deliveries that join while their lane is emptied are never stranded", async () => {
    const { database } = await openStore(engine);
    const ingest = createIngest(database, () => start);
    let left = 0;
    for (let round = 0; round < 40; round += 1) {
      const [head] = await headsOf(database, await lease(database));
      await Promise.all([
        ingest(arrivalOf("mira")),
        head === undefined ? undefined : apply(database, head.delivery.seq, released),
      ]);
      left += head === undefined ? 1 : 0;
      const [task] = await database.db.selectFrom("tasks").select("pending").execute();
      expect(task?.pending).toBe(left);
    }
  });

  test("a lane whose deliveries were erased is dropped, one that has some stays", async () => {
    const { database } = await openStore(engine);
    await save(database, arrivalOf("mira"), arrivalOf("noor"));
    await database.db.deleteFrom("deliveries").where("lane", "=", mira).execute();
    await dropEmptyLanes(database, [mira, laneOf("harborline-chat", "noor")]);
    const tasks = await database.db.selectFrom("tasks").select("key").execute();
    expect(tasks).toEqual([{ key: laneTaskKey(laneOf("harborline-chat", "noor")) }]);
  });

  test("the start of a head comes with what was captured of it", async () => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira", { headers: { "x-test": "1" }, body: Buffer.from([123, 0, 125]) });
    await save(database, arrival);
    const [started] = await startDeliveries(
      database,
      [mira],
      () => ({ delivery: { status: "sending", attempts: 1 }, ledger: [{ at: start, event: "delivery.sending" }] }),
      start,
    );
    expect(started).toMatchObject({ lane: mira, headers: { "x-test": "1" }, receivedAt: arrival.receivedAt });
    expect(started?.body).toEqual(Buffer.from([123, 0, 125]));
    expect(started?.state.delivery).toMatchObject({ status: "sending", attempts: 1 });
    const [head] = await headsOf(database, await lease(database));
    expect(head?.delivery).toMatchObject({ status: "sending", attempts: 1 });
  });

  test("queues are told with their number of tasks and the oldest due time", async () => {
    const { database } = await openStore(engine);
    await save(database, arrivalOf("mira"), arrivalOf("noor"));
    expect(await readQueues(database.db)).toEqual([{ queue: "deliver:chat", tasks: 2, oldestDueAt: start }]);
  });
});

test("no two recipients share a lane, whatever their names", () => {
  expect(laneOf("a", 'b","c')).not.toBe(laneOf('a","b', "c"));
  expect(laneOf("a", "x".repeat(500))).not.toBe(laneOf("a", `${"x".repeat(499)}y`));
  expect(laneOf("a", "x".repeat(500)).length).toBeLessThanOrEqual(200);
});
