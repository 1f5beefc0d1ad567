import { run } from "../../src/store/bulk";
import { type ChangeRequest, createChanges, startDeliveries } from "../../src/store/changes";
import type { Database } from "../../src/store/database";
import { type HandedHead, type LaneTaker, lanesHandedOver } from "../../src/store/deliveries";
import { createIngest, saveArrivals } from "../../src/store/ingest";
import { laneOf } from "../../src/store/keys";
import { findMessage } from "../../src/store/messages";
import { type HandedReceipt, receiptsHandedOver } from "../../src/store/receipts";
import type { MessageState } from "../../src/store/states";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { arrivalOf, lease, openAgain, openStore, save, start } from "./open-store";

const leaseEnd = start + 15_000;

/** A worker of `deliver:chat` with room for so many, and what it was given. */
function offerRoom(database: Database, places: number) {
  const given: HandedHead[] = [];
  const room = { left: places };
  const taker: LaneTaker = {
    reserve(after) {
      if (room.left <= 0 || after > 2) return undefined;
      room.left -= 1;
      return { leaseEnd };
    },
    free() {
      room.left += 1;
    },
    give: (heads) => void given.push(...heads),
    start: (state) => ({
      attempt: state.delivery.attempts + 1,
      change: {
        delivery: { status: "sending", attempts: state.delivery.attempts + 1, firstAttemptAt: start },
        ledger: [{ at: start, event: "delivery.sending", detail: { attempt: state.delivery.attempts + 1 } }],
      },
    }),
  };
  database.takers.offer(lanesHandedOver, "deliver:chat", taker);
  return { given, room, taker };
}

/** What the outcome of a send says, on the state that was handed over. */
function outcomeOf({ state }: HandedHead): ChangeRequest {
  return {
    deliverySeq: state.delivery.seq,
    known: state,
    decide: () => ({
      lane: "release",
      delivery: { status: "delivered" },
      attempt: { number: state.delivery.attempts, at: start + 1, result: "delivered", answer: "200" },
      message: { fate: "delivered", reason: null },
      ledger: [{ at: start + 1, event: "delivery.delivered" }],
      receipt: { status: "Delivered", at: start + 1, queue: "receipts-delivered:main" },
    }),
  };
}

function deliver(database: Database, head: HandedHead, taker?: LaneTaker) {
  const change = createChanges(database, () => start + 1);
  return change({ ...outcomeOf(head), ...(taker && { next: { taker, after: head.after + 1 } }) });
}

const events = (database: Database) =>
  database.db
    .selectFrom("ledger as l")
    .innerJoin("messages as m", "m.seq", "l.message_seq")
    .orderBy("l.seq")
    .select(["m.id", "l.event"])
    .execute();

describe.each(engines)("on %s", (engine) => {
  test("a message whose lane is empty is begun in the commit that keeps it, and claimed", async () => {
    const { database } = await openStore(engine);
    const { given } = offerRoom(database, 8);
    const arrival = arrivalOf("mira", { headers: { "x-test": "1" } });
    await save(database, arrival);

    expect(given).toMatchObject([
      { lane: laneOf("harborline-chat", "mira"), attempt: 1, after: 0, leaseEnd, headers: { "x-test": "1" } },
    ]);
    expect(given[0]?.body?.equals(arrival.body)).toBe(true);
    const row = await database.db.selectFrom("deliveries").selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ status: "sending", attempts: 1, first_attempt_at: start });
    expect(given[0]?.state).toMatchObject({
      id: arrival.id,
      fate: "open",
      delivery: { seq: row.seq, status: "sending", attempts: 1, lane: row.lane },
    });
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      attempts: [{ number: 1, startedAt: new Date(start).toISOString(), finishedAt: null, result: null }],
    });
    expect((await events(database)).map((one) => one.event)).toEqual(["message.stored", "delivery.sending"]);
    expect(await lease(database)).toEqual([]);
    // The process is gone, or too slow: somebody else claims it, with the fence raised.
    expect(await lease(database, { now: leaseEnd })).toMatchObject([{ attempt: 2 }]);
  });

  test("what was handed over was in the store before", async () => {
    const { database } = await openStore(engine);
    const { taker } = offerRoom(database, 8);
    const found: Promise<unknown>[] = [];
    const give = taker.give;
    taker.give = (heads) => {
      for (const { state } of heads) {
        found.push(database.db.selectFrom("messages").select("id").where("id", "=", state.id).execute());
      }
      give(heads);
    };
    await save(database, arrivalOf("mira"));
    expect(await Promise.all(found)).toMatchObject([[{}]]);
  });

  test("without room a message waits for its claim, and a repeat is not handed over", async () => {
    const { database } = await openStore(engine);
    const { given, room } = offerRoom(database, 1);
    const [first, second] = [arrivalOf("mira"), arrivalOf("noor")];
    await save(database, first, second, { ...first, id: "another" });
    expect(given.map(({ state }) => state.id)).toEqual([first.id]);
    expect(room.left).toBe(0);
    expect(await lease(database)).toMatchObject([{ key: `lane:${laneOf("harborline-chat", "noor")}` }]);
  });

  test("room is free again when the transaction fails, and where the lane is not empty", async () => {
    const { database } = await openStore(engine);
    const { given, room } = offerRoom(database, 4);
    await expect(
      database.transaction(async (tx) => {
        await saveArrivals(tx, [arrivalOf("mira")], start);
        expect(room.left).toBe(3);
        throw new RangeError("made up");
      }),
    ).rejects.toThrow("made up");
    expect([given.length, room.left]).toEqual([0, 4]);
    expect(await database.db.selectFrom("tasks").selectAll().execute()).toEqual([]);

    await save(database, arrivalOf("mira"), arrivalOf("mira"));
    expect([given.length, room.left]).toEqual([1, 3]);
  });

  test("of several for one lane in one commit the first begins, and the others follow it in their order", async () => {
    const { database } = await openStore(engine);
    const { given, taker } = offerRoom(database, 8);
    const arrivals = [1, 2, 3].map(() => arrivalOf("mira"));
    const ingest = createIngest(database, () => start);
    await Promise.all(arrivals.map(ingest));
    for (const [n, arrival] of arrivals.entries()) {
      expect(given).toHaveLength(n + 1);
      const head = given[n];
      if (head === undefined) throw new Error("nobody goes on");
      expect(head).toMatchObject({ state: { id: arrival.id, delivery: { status: "sending" } }, after: n });
      expect(head.body?.equals(arrival.body)).toBe(true);
      expect(await lease(database)).toEqual([]);
      await deliver(database, head, taker);
    }
    expect(given).toHaveLength(3);
    const tasks = await database.db.selectFrom("tasks").select("queue").execute();
    expect(tasks.map((task) => task.queue)).toEqual(arrivals.map(() => "receipts-delivered:main"));
    const lines = await events(database);
    for (const { id } of arrivals) {
      expect(lines.filter((line) => line.id === id).map((line) => line.event)).toEqual([
        "message.stored",
        "delivery.sending",
        "delivery.delivered",
      ]);
    }
  });

  test("who may not go on leaves the lane to whoever claims it", async () => {
    const { database } = await openStore(engine);
    const { given, room, taker } = offerRoom(database, 1);
    const [first, second] = [arrivalOf("mira"), arrivalOf("mira")];
    await save(database, first, second);
    const [head] = given;
    if (head === undefined) throw new Error("nothing was handed over");
    await deliver(database, head, taker);
    expect([given.length, room.left]).toEqual([1, 0]);
    // The first claim and the move each counted; no earlier claim is taken for this one.
    expect(await lease(database, { now: start + 1 })).toMatchObject([{ attempt: 3 }]);
  });

  test("a claim from before somebody went on with the lane starts nothing", async () => {
    const { database } = await openStore(engine);
    const { given, taker } = offerRoom(database, 8);
    await save(database, arrivalOf("mira"), arrivalOf("mira"));
    const [head] = given;
    if (head === undefined) throw new Error("nothing was handed over");
    // Its lease has ended, and somebody else has claimed the lane; then its outcome is written after all.
    const late = await lease(database, { now: leaseEnd, leaseEnd: leaseEnd + 15_000 });
    await deliver(database, head, taker);
    expect(given).toHaveLength(2);
    const seen: MessageState[] = [];
    const started = await startDeliveries(database, [head.lane], (state) => void seen.push(state), leaseEnd, late);
    expect([late.length, started, seen]).toEqual([1, [], []]);
  });

  test("a receipt goes to the worker of its queue with the outcome, and another worker finds nothing", async () => {
    const { database } = await openStore(engine);
    const { given } = offerRoom(database, 1);
    const receipts: HandedReceipt[] = [];
    let places = 1;
    database.takers.offer(receiptsHandedOver, "receipts-delivered:main", {
      reserve: () => (places-- > 0 ? { leaseEnd } : undefined),
      free: () => void (places += 1),
      give: (handed) => void receipts.push(...handed),
    });
    await save(database, arrivalOf("mira"));
    const [head] = given;
    if (head === undefined) throw new Error("nothing was handed over");
    await deliver(database, head);
    expect(receipts).toMatchObject([
      {
        task: { key: `receipt:${head.state.seq}`, attempt: 1 },
        receipt: { messageId: head.state.id, status: "Delivered", recipientId: "mira", owedAt: start + 1 },
      },
    ]);
    const queue = "receipts-delivered:main";
    expect(await lease(database, { queue, now: start + 1 })).toEqual([]);
    expect(await lease(database, { queue, now: leaseEnd })).toMatchObject([{ attempt: 2 }]);
  });

  test("an outcome is decided anew where the state is not the one that was handed over", async () => {
    const { database } = await openStore(engine);
    const { given } = offerRoom(database, 1);
    await save(database, arrivalOf("mira"));
    const [head] = given;
    if (head === undefined) throw new Error("nothing was handed over");
    await database.db.updateTable("messages").set({ fate: "returned" }).execute();
    const seen: MessageState[] = [];
    await createChanges(
      database,
      () => start,
    )({
      deliverySeq: head.state.delivery.seq,
      known: head.state,
      decide(state) {
        seen.push(state);
        return {
          delivery: { status: "delivered" },
          message: { fate: state.fate === "open" ? "delivered" : "returned" },
          ledger: [{ at: start, event: "delivery.delivered" }],
        };
      },
    });
    expect(seen.map(({ fate }) => fate)).toEqual(["open", "returned"]);
    expect(await database.db.selectFrom("messages").select("fate").execute()).toEqual([{ fate: "returned" }]);
    expect((await events(database)).map((one) => one.event)).toEqual([
      "message.stored",
      "delivery.sending",
      "delivery.delivered",
    ]);
  });
});

test("what becomes of a message is written into no index of messages and receipts on PostgreSQL", async () => {
  const store = await openStore("postgres");
  const { database } = store;
  const { given } = offerRoom(database, 100);
  // Many at a time, as under load.
  const ingest = createIngest(database, () => start);
  await Promise.all(Array.from({ length: 60 }, (_, n) => ingest(arrivalOf(`visitor-${n}`))));
  expect(given).toHaveLength(60);
  const change = createChanges(database, () => start + 1);
  await Promise.all(given.map((head) => change(outcomeOf(head))));
  await database.db.updateTable("receipts").set({ state: "sent" }).execute();
  // Who leaves tells the server what was counted.
  await database.close();

  const { db } = openAgain(store);
  const count = () =>
    run<{ relname: string; all: number; inPlace: number }>(
      db,
      `select relname, n_tup_upd as all, n_tup_hot_upd as "inPlace" from pg_stat_user_tables
       where relname in ('messages', 'receipts') order by relname`,
    );
  const counts = await until(count, (rows) => rows.every((one) => one.all >= 60));
  expect(counts.map((one) => one.relname)).toEqual(["messages", "receipts"]);
  for (const { all, inPlace } of counts) expect(inPlace / all).toBeGreaterThan(0.9);
});
