import type { Change } from "../../src/store/change";
import { createChanges, startDeliveries } from "../../src/store/changes";
import type { Database } from "../../src/store/database";
import { createIngest } from "../../src/store/ingest";
import { leaseTasks } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { arrivalOf, openAgain, openStore } from "./open-store";

/** Lanes and messages: few enough lanes that every lane is fought over. */
const lanes = 6;
const messages = 360;

describe.each(engines)("on %s", (engine) => {
  test("producers and workers that hammer the same lanes leave nothing stuck and nothing out of order", async () => {
    const store = await openStore(engine);
    const databases = engine === "postgres" ? [store.database, openAgain(store), openAgain(store)] : [store.database];
    const delivered: string[] = [];
    let left = messages;

    await Promise.all([
      ...databases.flatMap((database) => [work(database), work(database)]),
      ...databases.flatMap((database, n) => Array.from({ length: lanes }, (_, lane) => produce(database, n, lane))),
    ]);

    expect(delivered).toHaveLength(messages);
    expect(new Set(delivered).size).toBe(messages);
    // A producer stores its next message after the last was acknowledged: its own order is what has to be kept.
    const byProducer = new Map<string, number[]>();
    for (const summary of delivered) {
      const [producer = "", number] = summary.split("#");
      byProducer.set(producer, [...(byProducer.get(producer) ?? []), Number(number)]);
    }
    for (const numbers of byProducer.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(await store.database.db.selectFrom("tasks").selectAll().execute()).toEqual([]);
    const waiting = await store.database.db
      .selectFrom("deliveries")
      .select("id")
      .where("lane", "is not", null)
      .execute();
    expect(waiting).toEqual([]);

    async function produce(database: Database, process: number, lane: number) {
      const ingest = createIngest(database, Date.now);
      const count = messages / databases.length / lanes;
      for (let n = 0; n < count; n += 1) {
        await ingest(arrivalOf(`customer-${lane}`, { summary: `${process}-${lane}#${n}` }));
      }
    }

    async function work(database: Database) {
      const change = createChanges(database, Date.now);
      while (left > 0) {
        const now = Date.now();
        const tasks = await leaseTasks(database, { queue: "deliver:chat", limit: 4, now, leaseEnd: now + 60_000 });
        const keys = tasks.map((task) => task.key.slice("lane:".length));
        const sending: Change = { delivery: { status: "sending" }, ledger: [] };
        const started = await startDeliveries(database, keys, () => sending, now);
        await Promise.all(
          started.map(async ({ state }) => {
            const { summary } = await database.db
              .selectFrom("messages")
              .select("summary")
              .where("seq", "=", state.seq)
              .executeTakeFirstOrThrow();
            delivered.push(summary);
            left -= 1;
            await change({
              deliverySeq: state.delivery.seq,
              decide: () => ({ lane: "release", delivery: { status: "accepted" }, ledger: [] }),
            });
          }),
        );
        await new Promise(setImmediate);
      }
    }
  });
});
