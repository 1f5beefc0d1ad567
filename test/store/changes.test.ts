import type { Change } from "../../src/store/change";
import { createChanges } from "../../src/store/changes";
import type { MessageState } from "../../src/store/states";
import { findMessage } from "../../src/store/messages";
import { readOwedReceipts } from "../../src/store/receipts";
import { engines } from "../helpers/stores";
import { arrivalOf, headsOf, lease, openStore, save, start } from "./open-store";

const receiptQueue = "receipts-failed:main";
const failed = { code: "ServerError", message: "it answered HTTP 500" } as const;

describe.each(engines)("on %s", (engine) => {
  async function openWithHead() {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira");
    await save(database, arrival);
    const [head] = await headsOf(database, await lease(database));
    if (head === undefined) throw new Error("there is no head");
    const change = createChanges(database, () => start);
    return { database, arrival, seq: head.delivery.seq, change };
  }

  test("state, ledger, tasks and receipt are written together", async () => {
    const { database, arrival, seq, change } = await openWithHead();
    await change({
      deliverySeq: seq,
      decide: () => ({
        lane: "release",
        delivery: { status: "failed", attempts: 1, firstAttemptAt: start, reason: failed },
        message: { fate: "failed", reason: failed },
        ledger: [{ at: start, event: "delivery.failed", detail: { code: "ServerError" } }],
        receipt: { status: "Failed", reason: failed, at: start, queue: receiptQueue },
        addTasks: [{ key: "confirm:1", queue: "confirmations", dueAt: start + 5 }],
      }),
    });

    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      item: { fate: "failed", reason: failed, delivery: { status: "failed", attempts: 1 } },
      attempts: [{ number: 1, finishedAt: null }],
      receipt: { status: "Failed", state: "queued", reason: failed },
      timeline: [{ event: "message.stored" }, { event: "delivery.failed", detail: { code: "ServerError" } }],
    });
    const tasks = await database.db.selectFrom("tasks").select(["key", "subject"]).orderBy("key").execute();
    expect(tasks).toEqual([
      { key: "confirm:1", subject: seq },
      { key: expect.stringMatching(/^receipt:/), subject: expect.any(Number) },
    ]);
  });

  test("what a change does not speak of stays as it is", async () => {
    const { database, arrival, seq, change } = await openWithHead();
    await change({
      deliverySeq: seq,
      decide: () => ({
        delivery: { providerMessageId: "p-1", acceptedAt: start, reason: failed },
        message: { reason: failed },
        ledger: [],
      }),
    });
    await change({ deliverySeq: seq, decide: () => ({ delivery: { status: "accepted" }, ledger: [] }) });
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      item: { fate: "open", reason: failed },
      deliveries: [{ status: "accepted", providerMessageId: "p-1", reason: failed, attempts: 0 }],
    });
    await change({ deliverySeq: seq, decide: () => ({ delivery: { reason: null }, ledger: [] }) });
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      deliveries: [{ status: "accepted", providerMessageId: "p-1", reason: null }],
    });
  });

  test("requests about one message in one batch are taken one after the other, each seeing what the last one left", async () => {
    const { database, arrival, seq, change } = await openWithHead();
    const seen: number[] = [];
    const count = (state: MessageState): Change => {
      seen.push(state.delivery.attempts);
      const attempts = state.delivery.attempts + 1;
      return { delivery: { attempts }, ledger: [{ at: start, event: `attempt.${attempts}` }] };
    };

    const before = await Promise.all(Array.from({ length: 5 }, () => change({ deliverySeq: seq, decide: count })));

    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(before.map((state) => state?.delivery.attempts)).toEqual([0, 1, 2, 3, 4]);
    const found = await findMessage(database.db, arrival.id);
    expect(found?.timeline.map((line) => line.event)).toEqual([
      "message.stored",
      ...[1, 2, 3, 4, 5].map((n) => `attempt.${n}`),
    ]);
  });

  test("two deliveries of one message in one batch are taken one after the other as well", async () => {
    const { database, arrival, seq, change } = await openWithHead();
    const message = await database.db.selectFrom("messages").select("seq").executeTakeFirstOrThrow();
    const second = await database.db
      .insertInto("deliveries")
      .values({
        message_seq: message.seq,
        id: "second",
        channel: "other",
        trigger: "replay",
        status: "pending",
        attempts: 0,
      })
      .returning("seq")
      .executeTakeFirstOrThrow();
    const fates: string[] = [];
    const note = (fate: string) => (state: MessageState) => {
      fates.push(state.fate);
      return { message: { fate }, ledger: [] };
    };
    await Promise.all([
      change({ deliverySeq: seq, decide: note("failed") }),
      change({ deliverySeq: second.seq, decide: note("delivered") }),
    ]);
    expect(fates).toEqual(["open", "failed"]);
    expect(await findMessage(database.db, arrival.id)).toMatchObject({ item: { fate: "delivered" } });
  });

  test("a decision that says nothing, or a delivery that is gone, changes nothing", async () => {
    const { database, arrival, seq, change } = await openWithHead();
    const before = await findMessage(database.db, arrival.id);
    expect(await change({ deliverySeq: seq, decide: () => undefined })).toMatchObject({ id: arrival.id });
    expect(
      await change({ deliverySeq: 987_654, decide: () => ({ ledger: [{ at: 1, event: "no" }] }) }),
    ).toBeUndefined();
    expect(await findMessage(database.db, arrival.id)).toEqual(before);
  });

  test("a decision that throws hurts no other one of its batch", async () => {
    const { database } = await openStore(engine);
    const arrivals = [arrivalOf("mira"), arrivalOf("noor"), arrivalOf("otto")];
    await save(database, ...arrivals);
    const heads = await headsOf(database, await lease(database));
    const change = createChanges(database, () => start);

    const results = await Promise.allSettled(
      heads.map((head) =>
        change({
          deliverySeq: head.delivery.seq,
          decide: () => {
            if (head.recipientId === "noor") throw new Error("a mistake");
            return { message: { fate: "delivered" }, ledger: [{ at: start, event: "delivery.delivered" }] };
          },
        }),
      ),
    );

    expect(results.map((one) => one.status).sort()).toEqual(["fulfilled", "fulfilled", "rejected"]);
    const found = await Promise.all(arrivals.map((arrival) => findMessage(database.db, arrival.id)));
    expect(found.map((one) => one?.item.fate)).toEqual(["delivered", "open", "delivered"]);
    expect(found.map((one) => one?.timeline.length)).toEqual([2, 1, 2]);
  });

  test("a message owes one receipt, the first", async () => {
    const { database, arrival, seq, change } = await openWithHead();
    const owe = (status: "Delivered" | "Failed") => () => ({
      ledger: [],
      receipt: { status, at: start, queue: receiptQueue },
    });
    await change({ deliverySeq: seq, decide: owe("Failed") });
    await Promise.all([
      change({ deliverySeq: seq, decide: owe("Delivered") }),
      change({ deliverySeq: seq, decide: owe("Failed") }),
    ]);

    expect(await findMessage(database.db, arrival.id)).toMatchObject({ receipt: { status: "Failed" } });
    const tasks = await database.db.selectFrom("tasks").select("subject").where("queue", "=", receiptQueue).execute();
    expect(tasks).toHaveLength(1);
    const owed = await readOwedReceipts(database.db, [tasks[0]?.subject ?? 0]);
    expect(owed).toMatchObject([
      { messageId: arrival.id, genesysMessageId: arrival.genesysMessageId, status: "Failed" },
    ]);
  });

  test("an attempt is told from its start, and closed with its answer", async () => {
    const { database, arrival, seq, change } = await openWithHead();
    await change({ deliverySeq: seq, decide: () => begin(1, start) });
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      attempts: [{ number: 1, startedAt: iso(start), finishedAt: null, durationMs: null, result: null, answer: null }],
    });
    await change({ deliverySeq: seq, decide: () => end(1, start + 40) });
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      attempts: [{ number: 1, startedAt: iso(start), durationMs: 40, result: "accepted", answer: "HTTP 200" }],
    });
  });

  test("an attempt that a crash cut off keeps its begin, beside the one that repeats it", async () => {
    const { database, arrival, seq, change } = await openWithHead();
    const cutOff = (number: number, at: number): Change => ({
      ...begin(number + 1, at),
      interrupted: { number, at },
    });
    await change({ deliverySeq: seq, decide: () => begin(1, start) });
    await change({ deliverySeq: seq, decide: () => cutOff(1, start + 100) });
    await change({ deliverySeq: seq, decide: () => cutOff(2, start + 300) });
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      attempts: [
        { number: 1, startedAt: iso(start), durationMs: 100, result: "unknown" },
        { number: 2, startedAt: iso(start + 100), durationMs: 200, result: "unknown" },
        { number: 3, startedAt: iso(start + 300), finishedAt: null, result: null },
      ],
    });
    // The first process was not gone, only slow.
    await change({ deliverySeq: seq, decide: () => end(1, start + 400) });
    await change({ deliverySeq: seq, decide: () => end(3, start + 450) });
    expect(await findMessage(database.db, arrival.id)).toMatchObject({
      attempts: [
        { number: 1, startedAt: iso(start), durationMs: 400, result: "accepted", answer: "HTTP 200" },
        { number: 2, result: "unknown" },
        { number: 3, startedAt: iso(start + 300), durationMs: 150, result: "accepted" },
      ],
    });
  });

  test("an attempt whose begin has a row, as older stores wrote it, ends in that row", async () => {
    const { database, arrival, seq, change } = await openWithHead();
    await change({
      deliverySeq: seq,
      decide: () => ({ delivery: { status: "sending", attempts: 2, firstAttemptAt: start }, ledger: [] }),
    });
    const old = { delivery_seq: seq, finished_at: null, result: null, answer: null };
    await database.db
      .insertInto("attempts")
      .values([
        { ...old, number: 1, started_at: start },
        { ...old, number: 2, started_at: start + 10 },
      ])
      .execute();
    const attempts = async () => (await findMessage(database.db, arrival.id))?.attempts;
    expect(await attempts()).toMatchObject([
      { number: 1, finishedAt: null },
      { number: 2, startedAt: iso(start + 10), finishedAt: null },
    ]);
    await change({ deliverySeq: seq, decide: () => end(2, start + 50) });
    expect(await attempts()).toMatchObject([
      { number: 1, finishedAt: null },
      { number: 2, startedAt: iso(start + 10), durationMs: 40 },
    ]);
  });
});

function begin(number: number, at: number): Change {
  const began = number === 1 ? { firstAttemptAt: at } : { attemptAt: at };
  return { delivery: { status: "sending", attempts: number, ...began }, ledger: [] };
}

function end(number: number, at: number): Change {
  return { attempt: { number, at, result: "accepted", answer: "HTTP 200" }, ledger: [] };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
