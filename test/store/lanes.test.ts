import { array, constantFrom, sample, tuple } from "fast-check";
import { run } from "../../src/store/bulk";
import { startDeliveries } from "../../src/store/changes";
import type { Database } from "../../src/store/database";
import { createIngest, saveArrivals } from "../../src/store/ingest";
import { laneOf } from "../../src/store/keys";
import { dropEmptyLanes, headsOf, laneTaskKey } from "../../src/store/lanes";
import type { MessageState } from "../../src/store/states";
import { nextDueAt, readQueues } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { apply, arrivalOf, headsOf as headsOfClaimed, lease, openStore, released, save, start } from "./open-store";

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
      const [head] = await headsOfClaimed(database, tasks);
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
    expect((await headsOfClaimed(database, tasks)).map((head) => head.recipientId)).toEqual(["early"]);
    const others = await lease(database, { now: start + 5, limit: 1 });
    expect((await headsOfClaimed(database, others)).map((head) => head.recipientId)).toEqual(["late"]);
  });

  test("a head that is to be tried again keeps its lane until its time has come", async () => {
    const { database } = await openStore(engine);
    const arrivals = [arrivalOf("mira"), arrivalOf("mira")];
    await save(database, ...arrivals);
    const [head] = await headsOfClaimed(database, await lease(database));
    await apply(database, head?.delivery.seq ?? 0, {
      lane: { retryAt: start + 500 },
      delivery: { status: "pending" },
      ledger: [],
    });

    expect(await lease(database, { now: start + 499 })).toEqual([]);
    expect(await nextDueAt(database.db, "deliver:chat")).toBe(start + 500);
    const [again] = await headsOfClaimed(database, await lease(database, { now: start + 500 }));
    expect(again?.id).toBe(arrivals[0]?.id);
  });

  test("a delivery that joins while the lane is leased waits its turn and is not forgotten", async () => {
    const { database } = await openStore(engine);
    const [first, second] = [arrivalOf("mira"), arrivalOf("mira")];
    await save(database, first);
    const [head] = await headsOfClaimed(database, await lease(database));
    await save(database, second);
    expect(await lease(database)).toEqual([]);
    await apply(database, head?.delivery.seq ?? 0, released);
    const [next] = await headsOfClaimed(database, await lease(database));
    expect(next?.id).toBe(second.id);
  });

  test("deliveries that join while their lane is emptied are never stranded", async () => {
    const { database } = await openStore(engine);
    const ingest = createIngest(database, () => start);
    let left = 0;
    for (let round = 0; round < 40; round += 1) {
      const [head] = await headsOfClaimed(database, await lease(database));
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
    const [head] = await headsOfClaimed(database, await lease(database));
    expect(head?.delivery).toMatchObject({ status: "sending", attempts: 1 });
  });

  test("a lane finds its next across thousands of deliveries that are not its own", async () => {
    const { database } = await openStore(engine);
    const arrivals = [1, 2, 3].map(() => arrivalOf("mira"));
    await save(database, arrivalOf("stuck"));
    for (const arrival of arrivals) {
      await fill(database, 1600);
      await save(database, arrival);
    }
    for (const { id } of arrivals) {
      const head = await headOf(database, "mira");
      expect(head?.id).toBe(id);
      await apply(database, head?.delivery.seq ?? 0, released);
    }
    expect(await headOf(database, "mira")).toBeUndefined();
    expect((await headOf(database, "stuck"))?.recipientId).toBe("stuck");
  });

  test("a delivery that leaves from the middle of its lane takes nobody with it", async () => {
    const { database } = await openStore(engine);
    const [first, middle, last] = [arrivalOf("mira"), arrivalOf("mira"), arrivalOf("mira")];
    for (const arrival of [first, middle, last]) {
      await save(database, arrival);
      await fill(database, 1100);
    }
    const { seq } = await database.db
      .selectFrom("deliveries")
      .select("seq")
      .where("id", "=", middle.delivery?.id ?? "")
      .executeTakeFirstOrThrow();
    await apply(database, seq, released);
    for (const { id } of [first, last]) {
      const head = await headOf(database, "mira");
      expect(head?.id).toBe(id);
      await apply(database, head?.delivery.seq ?? 0, released);
    }
  });

  test("every lane keeps its order, however messages come and go", async () => {
    const names = ["mira", "noor", "otto", "pia"];
    const { database } = await openStore(engine);
    const waiting = new Map(names.map((name) => [name, [] as string[]]));
    const expected: (string | undefined)[] = [];
    const found: (string | undefined)[] = [];
    const steps = {
      fill: () => fill(database, 300),
      async join(name: string) {
        const arrival = arrivalOf(name);
        waiting.get(name)?.push(arrival.id);
        await save(database, arrival);
      },
      async leave(name: string) {
        const head = await headOf(database, name);
        expected.push(waiting.get(name)?.shift());
        found.push(head?.id);
        if (head !== undefined) await apply(database, head.delivery.seq, released);
      },
    };
    const seed = Date.now();
    const kinds = constantFrom<(keyof typeof steps)[]>("join", "join", "leave", "fill");
    const [plan = []] = sample(array(tuple(kinds, constantFrom(...names)), { minLength: 150 }), { numRuns: 1, seed });
    for (const [kind, name] of plan) await steps[kind](name);
    for (const name of names) for (const _ of [...(waiting.get(name) ?? []), "none"]) await steps.leave(name);
    expect({ seed, found }).toEqual({ seed, found: expected });
    expect(found.filter((id) => id !== undefined).length).toBeGreaterThan(20);
  });

  test("queues are told with their number of tasks and the oldest due time", async () => {
    const { database } = await openStore(engine);
    await save(database, arrivalOf("mira"), arrivalOf("noor"));
    expect(await readQueues(database.db)).toEqual([{ queue: "deliver:chat", tasks: 2, oldestDueAt: start }]);
  });
});

async function headOf(database: Database, recipient: string): Promise<MessageState | undefined> {
  const [head] = await startDeliveries(database, [laneOf("harborline-chat", recipient)], () => undefined, start);
  return head?.state;
}

/** Deliveries of many others, those of each tenth still waiting. */
async function fill(database: Database, count: number): Promise<void> {
  const others = Array.from({ length: count }, (_, n) => arrivalOf(`other-${n}`));
  await database.transaction((tx) => saveArrivals(tx, others, start));
  const gone = others.flatMap(({ delivery }, n) => (n % 10 === 0 || !delivery ? [] : [delivery.id]));
  await database.db.updateTable("deliveries").set({ lane: null }).where("id", "in", gone).execute();
}

test("SQLite looks for heads in its index of lanes only", async () => {
  const { database } = await openStore("sqlite");
  await save(database, arrivalOf("mira"));
  const query = headsOf.sqlite.replace("{rows}", "('a'), ('b')");
  const plan = await run<{ detail: string }>(database.db, `explain query plan ${query}`);
  const reads = plan.map(({ detail }) => detail).filter((detail) => detail.includes("deliveries"));
  expect(reads.length).toBeGreaterThan(0);
  for (const read of reads) expect(read).toMatch(/^SEARCH deliveries USING COVERING INDEX deliveries_lane/);
});

test("no two recipients share a lane, whatever their names", () => {
  expect(laneOf("a", 'b","c')).not.toBe(laneOf('a","b', "c"));
  expect(laneOf("a", "x".repeat(500))).not.toBe(laneOf("a", `${"x".repeat(499)}y`));
  expect(laneOf("a", "x".repeat(500)).length).toBeLessThanOrEqual(200);
});
