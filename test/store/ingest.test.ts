import { createBatcher } from "../../src/store/batch";
import { run } from "../../src/store/bulk";
import { createIngest, saveArrivals } from "../../src/store/ingest";
import { laneOf } from "../../src/store/keys";
import { laneTaskKey } from "../../src/store/lanes";
import { findMessage } from "../../src/store/messages";
import { engines } from "../helpers/stores";
import { arrivalOf, notedOf, openAgain, openStore, type Store, start } from "./open-store";

describe.each(engines)("on %s", (engine) => {
  test("what is stored together is all there: message, capture, delivery, ledger and lane", async () => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira", { headers: { "x-test": "1" }, body: Buffer.from([0, 255, 10]) });

    expect(await createIngest(database, () => start)(arrival)).toEqual({ duplicate: false });

    const found = await findMessage(database.db, arrival.id);
    expect(found).toMatchObject({
      item: { id: arrival.id, fate: "open", kind: "text", recipient: { id: "mira", idType: "Opaque" } },
      body: Buffer.from([0, 255, 10]),
      deliveries: [{ id: arrival.delivery?.id, channel: "chat", status: "pending", attempts: 0 }],
      timeline: [{ event: "message.stored" }],
    });
    const tasks = await database.db.selectFrom("tasks").selectAll().execute();
    expect(tasks).toMatchObject([{ key: `lane:${arrival.delivery?.lane}`, queue: "deliver:chat", pending: 1 }]);
  });

  test("requests that arrive while a commit runs share the next one, each is answered, and a recipient's keep their order", async () => {
    const { database } = await openStore(engine);
    const ingest = createIngest(database, () => start);
    const arrivals = Array.from({ length: 300 }, (_, n) => arrivalOf(`customer-${n % 7}`));

    const stored = await Promise.all(arrivals.map((arrival) => ingest(arrival)));

    expect(stored).toEqual(arrivals.map(() => ({ duplicate: false })));
    const rows = await database.db.selectFrom("messages").select(["id", "recipient_id"]).orderBy("seq").execute();
    expect(rows).toHaveLength(300);
    for (const recipient of new Set(arrivals.map(({ recipientId }) => recipientId))) {
      const kept = rows.filter((row) => row.recipient_id === recipient).map(({ id }) => id);
      expect(kept).toEqual(arrivals.filter((one) => one.recipientId === recipient).map(({ id }) => id));
    }
    const tasks = await database.db.selectFrom("tasks").select("pending").execute();
    expect(tasks).toHaveLength(7);
    expect(tasks.reduce((sum, task) => sum + task.pending, 0)).toBe(300);
  });

  test("a repeat is counted and leads to nothing, inside one batch and later", async () => {
    const { database } = await openStore(engine);
    const ingest = createIngest(database, () => start);
    const first = arrivalOf("mira");
    const again = () => ({ ...arrivalOf("mira"), dedupKey: first.dedupKey });

    const together = await Promise.all([ingest(first), ingest(again()), ingest(arrivalOf("mira"))]);
    const later = await ingest(again());

    expect(together).toEqual([{ duplicate: false }, { duplicate: true }, { duplicate: false }]);
    expect(later).toEqual({ duplicate: true });
    expect(await findMessage(database.db, first.id)).toMatchObject({ duplicates: 2 });
    const count = (table: "messages" | "captures" | "deliveries" | "ledger") =>
      database.db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll<number>().as("n"))
        .executeTakeFirst()
        .then((row) => Number(row?.n));
    expect(await Promise.all((["messages", "captures", "deliveries", "ledger"] as const).map(count))).toEqual([
      2, 2, 2, 2,
    ]);
    expect(await database.db.selectFrom("tasks").select("pending").execute()).toEqual([{ pending: 2 }]);
  });

  test("a repeat in the batch of its original is counted however many there are", async () => {
    const { database } = await openStore(engine);
    const ingest = createIngest(database, () => start);
    const first = arrivalOf("mira");
    const copies = Array.from({ length: 5 }, () => ({ ...arrivalOf("mira"), dedupKey: first.dedupKey }));

    await Promise.all([first, ...copies].map((arrival) => ingest(arrival)));

    expect(await findMessage(database.db, first.id)).toMatchObject({ duplicates: 5 });
  });

  test("one that the database refuses fails alone, and its neighbours are stored in order", async () => {
    const { database } = await openStore(engine);
    const ingest = createIngest(database, () => start);
    const before = arrivalOf("mira");
    // A fate that is no text breaks the constraint of the whole statement.
    const bad = arrivalOf("mira", { fate: null as unknown as string });
    const after = arrivalOf("mira");

    const results = await Promise.allSettled([before, bad, after].map((arrival) => ingest(arrival)));

    expect(results.map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    const rows = await database.db.selectFrom("messages").select("id").orderBy("seq").execute();
    expect(rows.map((row) => row.id)).toEqual([before.id, after.id]);
    expect(await database.db.selectFrom("tasks").select("pending").execute()).toEqual([{ pending: 2 }]);
  });

  test.each([
    ["NUL", "a\u0000b", "a\uFFFDb"],
    ["an unpaired surrogate", "a\ud800b", "a\uFFFDb"],
    ["a very long one", "x".repeat(100_000), "x".repeat(100_000)],
    ["another script", "Καλημέρα 👋🏽", "Καλημέρα 👋🏽"],
  ])("a text from outside may hold anything: %s", async (_, text, kept) => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf(text, {
      genesysMessageId: text,
      conversationId: text,
      recipientIdType: text,
      summary: text,
    });

    await createIngest(database, () => start)(arrival);

    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      item: {
        genesysMessageId: kept,
        conversationId: kept,
        summary: kept,
        recipient: { id: kept, idType: kept },
      },
    });
  });

  test("what is not delivered is kept without a lane", async () => {
    const { database } = await openStore(engine);
    const arrival = notedOf();
    await createIngest(database, () => start)(arrival);
    expect(await findMessage(database.db, arrival.id)).toMatchObject({ item: { fate: "noted" }, deliveries: [] });
    expect(await database.db.selectFrom("tasks").selectAll().execute()).toEqual([]);
  });

  test("nothing is taken once the store is closed", async () => {
    const { database } = await openStore(engine);
    await database.close();
    await expect(createIngest(database, () => start)(arrivalOf("mira"))).rejects.toMatchObject({
      code: "store_unavailable",
    });
  });

  test("a batch wakes those who wait for its queue, after the commit", async () => {
    const { database } = await openStore(engine);
    const found: Promise<number>[] = [];
    database.onWork((queue) => {
      expect(queue).toBe("deliver:chat");
      found.push(
        database.db
          .selectFrom("messages")
          .select("seq")
          .execute()
          .then((rows) => rows.length),
      );
    });
    await createIngest(database, () => start)(arrivalOf("mira"));
    expect(await Promise.all(found)).toEqual([1]);
  });
});

test("a commit in one process wakes the workers of another on PostgreSQL", async () => {
  const store = await openStore("postgres");
  const other = openAgain(store, { listen: true });
  const woken = new Promise<string>((resolve) => other.onWork(resolve));
  // The listener connects in its own time: what is committed before that is found by the poll.
  const ingest = createIngest(store.database, () => start);
  let heard = false;
  void woken.then(() => {
    heard = true;
  });
  for (let n = 1; !heard; n += 1) {
    await ingest(arrivalOf(`customer-${n}`));
    await new Promise(setImmediate);
  }
  expect(await woken).toBe("deliver:chat");
});

describe("on PostgreSQL, what another process holds", () => {
  /** Holds the rows that `sql` selects until `release()`. */
  async function hold(store: Store, sql: string, parameters: unknown[]) {
    let release = () => {};
    let isHeld = () => {};
    const held = new Promise<void>((resolve) => {
      isHeld = resolve;
    });
    const ended = openAgain(store).transaction(async (tx) => {
      expect(await run(tx.db, `${sql} for update`, parameters)).toHaveLength(1);
      isHeld();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    await held;
    return async () => {
      release();
      await ended;
    };
  }

  test("one recipient's lane keeps nobody else waiting", async () => {
    const store = await openStore("postgres");
    const ingest = createIngest(store.database, () => start);
    await ingest(arrivalOf("mira"));
    const lane = laneTaskKey(laneOf("harborline-chat", "mira"));
    const release = await hold(store, "select key from tasks where key = $1", [lane]);
    let isThere = false;
    const held = ingest(arrivalOf("mira")).then(() => {
      isThere = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.all([ingest(arrivalOf("noor")), ingest(arrivalOf("ilja"))]);
    expect(isThere).toBe(false);
    await release();
    await held;
  });

  test("a repeated message with a new one of its recipient waits for the message, and holds no lane meanwhile", async () => {
    const store = await openStore("postgres");
    const { database } = store;
    const first = arrivalOf("mira");
    await database.transaction((tx) => saveArrivals(tx, [first], start));
    const release = await hold(store, "select seq from messages where id = $1", [first.id]);
    const again = { ...first, id: arrivalOf("mira").id };
    const both = database.transaction((tx) => saveArrivals(tx, [again, arrivalOf("mira")], start));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const lanes = await openAgain(store).transaction((tx) =>
      run(tx.db, "select key from tasks where key like 'lane:%' for update skip locked"),
    );
    expect(lanes).toHaveLength(1);
    await release();
    expect(await both).toEqual([{ duplicate: true }, { duplicate: false }]);
  });
});

describe("a batcher", () => {
  const options = {
    maxBatch: 3,
    maxWaiting: 4,
    overloaded: () => new Error("overloaded"),
    retrySingly: () => true,
  };

  test("takes what has gathered, up to its limit, in order", async () => {
    const batches: number[][] = [];
    const submit = createBatcher<number, number>({
      ...options,
      run: async (items) => {
        batches.push(items);
        return items.map((item) => item * 10);
      },
    });
    expect(await Promise.all([1, 2, 3, 4].map(submit))).toEqual([10, 20, 30, 40]);
    expect(batches).toEqual([[1, 2, 3], [4]]);
  });

  test("refuses what is beyond its limit at once and goes on with the rest", async () => {
    const submit = createBatcher<number, number>({ ...options, run: async (items) => items });
    const results = await Promise.allSettled([1, 2, 3, 4, 5].map(submit));
    expect(results.map((one) => one.status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "fulfilled", "rejected"]);
    expect(await submit(6)).toBe(6);
  });

  test("has a second batch under way only while many wait, and never with a key of the first", async () => {
    const batches: { items: string[]; end(): void }[] = [];
    const submit = createBatcher<string, void>({
      ...options,
      maxBatch: 100,
      maxWaiting: 1000,
      atOnce: 2,
      keyOf: (item) => item.slice(0, item.indexOf(" ")),
      run: (items) =>
        new Promise((resolve) => void batches.push({ items, end: () => resolve(items.map(() => undefined)) })),
    });
    const turns = async () => {
      for (let n = 0; n < 5; n += 1) await new Promise(setImmediate);
    };
    const done = [submit("mira 1"), submit("noor 1")];
    await turns();
    done.push(submit("otto 1"));
    await turns();
    expect(batches.map(({ items }) => items)).toEqual([["mira 1", "noor 1"]]);

    done.push(submit("mira 2"), submit("mira 3"));
    done.push(...Array.from({ length: 30 }, (_, n) => submit(`customer-${n} 1`)));
    await turns();
    expect(batches).toHaveLength(2);
    expect(batches[1]?.items).toHaveLength(31);
    expect(batches[1]?.items).not.toEqual(expect.arrayContaining([expect.stringMatching(/^mira/)]));

    for (let n = 0; n < 3; n += 1) {
      batches[n]?.end();
      await turns();
    }
    expect(batches[2]?.items).toEqual(["mira 2", "mira 3"]);
    await Promise.all(done);
    expect(batches).toHaveLength(3);
  });

  test("lets a small batch gather for as long as the one before took", async () => {
    const batches: number[] = [];
    const submit = createBatcher<number, void>({
      ...options,
      maxBatch: 100,
      maxWaiting: 100,
      rests: true,
      async run(items) {
        batches.push(items.length);
        await new Promise((resolve) => setTimeout(resolve, 20));
        return items.map(() => undefined);
      },
    });
    const done = [submit(1)];
    await new Promise((resolve) => setTimeout(resolve, 10));
    done.push(submit(2));
    await done[0];
    await new Promise((resolve) => setTimeout(resolve, 2));
    done.push(submit(3));
    await Promise.all(done);
    expect(batches).toEqual([1, 2]);
  });

  test("fails a whole batch when trying singly would not help", async () => {
    const runs: number[] = [];
    const submit = createBatcher<number, number>({
      ...options,
      retrySingly: () => false,
      run: async (items) => {
        runs.push(items.length);
        throw new Error("away");
      },
    });
    const results = await Promise.allSettled([1, 2].map(submit));
    expect(results.map((one) => one.status)).toEqual(["rejected", "rejected"]);
    expect(runs).toEqual([2]);
  });
});
