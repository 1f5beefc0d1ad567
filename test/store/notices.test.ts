import { createChanges } from "../../src/store/changes";
import type { Database } from "../../src/store/database";
import type { Arrival } from "../../src/store/ingest";
import { findMessage } from "../../src/store/messages";
import { loadNotice, noticeQueue, readNotice, writeNotice } from "../../src/store/notices";
import { leaseTasks, nextDueAt } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { arrivalOf, openStore, save, start } from "./open-store";

describe.each(engines)("on %s", (engine) => {
  test("messages missed by one recipient join the notice that waits, which is due once", async () => {
    const { database } = await openStore(engine);
    const arrivals = [arrivalOf("mira"), arrivalOf("mira"), arrivalOf("mira")];
    await save(database, ...arrivals);

    await miss(database, arrivals.slice(0, 2), { id: "notice-1", recipientKey: "mira", dueAt: start + 60_000 });
    await miss(database, arrivals.slice(2), { id: "notice-2", recipientKey: "mira", dueAt: start + 90_000 });

    const [task] = await leaseNotices(database, start + 60_000);
    const notice = await database.transaction((tx) => loadNotice(tx, task?.subject ?? 0));
    expect(notice).toMatchObject({ id: "notice-1", status: "waiting", attempts: 0, inFlight: false });
    expect(notice?.missed.map((one) => one.id)).toEqual(arrivals.map((one) => one.id));
    expect(notice?.missed[0]?.body).toEqual(arrivals[0]?.body);
    expect(await leaseNotices(database, start + 90_000)).toEqual([]);
    expect(await findMessage(database.db, arrivals[2]?.id ?? "")).toMatchObject({
      item: { notice: { id: "notice-1", status: "waiting" } },
      timeline: [{}, { event: "notice.joined", detail: { notice: "notice-1", policy: "missed" } }],
    });
  });

  test("recipients have a notice each", async () => {
    const { database } = await openStore(engine);
    const [mira, noor] = [arrivalOf("mira"), arrivalOf("noor")];
    await save(database, mira, noor);
    await miss(database, [mira], { id: "notice-1", recipientKey: "mira", dueAt: start });
    await miss(database, [noor], { id: "notice-2", recipientKey: "noor", dueAt: start });
    expect(await leaseNotices(database, start)).toHaveLength(2);
  });

  test("a message missed while the notice is being sent starts the next one", async () => {
    const { database } = await openStore(engine);
    const [first, second] = [arrivalOf("mira"), arrivalOf("mira")];
    await save(database, first, second);
    await miss(database, [first], { id: "notice-1", recipientKey: "mira", dueAt: start });
    const [task] = await leaseNotices(database, start);
    await database.transaction(async (tx) => {
      const notice = await loadNotice(tx, task?.subject ?? 0);
      if (notice) await writeNotice(tx, notice, { status: "sending", inFlight: true, event: "notice.sending" }, start);
    });
    await miss(database, [second], { id: "notice-2", recipientKey: "mira", dueAt: start + 5 });
    expect(await nextDueAt(database.db, noticeQueue)).toBe(start + 5);
    expect(await findMessage(database.db, second.id)).toMatchObject({ item: { notice: { id: "notice-2" } } });
  });

  test("a notice tells only of what is still missed, and decides the fate of that alone", async () => {
    const { database } = await openStore(engine);
    const [missed, arrived] = [arrivalOf("mira"), arrivalOf("mira")];
    await save(database, missed, arrived);
    await miss(database, [missed, arrived], { id: "notice-1", recipientKey: "mira", dueAt: start });
    await change(database, arrived, { message: { fate: "delivered" }, ledger: [] });
    const [task] = await leaseNotices(database, start);

    const notice = await database.transaction(async (tx) => {
      const found = await loadNotice(tx, task?.subject ?? 0);
      if (found === undefined) throw new Error("the notice is gone");
      await writeNotice(
        tx,
        found,
        {
          status: "accepted",
          channel: "email",
          attempts: 1,
          answer: "250",
          fate: "notified",
          event: "notice.accepted",
        },
        start + 1,
      );
      return found;
    });

    expect(notice.missed.map((one) => one.id)).toEqual([missed.id]);
    expect(await readNotice(database.db, notice.seq)).toMatchObject({
      status: "accepted",
      channel: "email",
      attempts: 1,
      answer: "250",
      in_flight: 0,
      changed_at: start + 1,
    });
    expect(await findMessage(database.db, missed.id)).toMatchObject({ item: { fate: "notified" } });
    const other = await findMessage(database.db, arrived.id);
    expect(other?.item.fate).toBe("delivered");
    expect(other?.timeline.map((line) => line.event)).not.toContain("notice.accepted");
  });

  test("a notice is hastened when one of its messages counts as missed no longer", async () => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira");
    await save(database, arrival);
    await miss(database, [arrival], { id: "notice-1", recipientKey: "mira", dueAt: start + 60_000 });
    await change(database, arrival, { message: { fate: "delivered" }, ledger: [] });
    expect(await nextDueAt(database.db, noticeQueue)).toBe(start);
  });
});

type Join = { id: string; recipientKey: string; dueAt: number };

/** All of them in one batch. */
async function miss(database: Database, arrivals: readonly Arrival[], join: Join): Promise<void> {
  const notice = { ...join, policy: "missed" };
  await Promise.all(arrivals.map((arrival) => change(database, arrival, { notice, ledger: [] })));
}

const changers = new WeakMap<Database, ReturnType<typeof createChanges>>();

async function change(database: Database, arrival: Arrival, what: Parameters<typeof asDecision>[0]): Promise<void> {
  const submit = changers.get(database) ?? createChanges(database, () => start);
  changers.set(database, submit);
  const { seq } = await database.db
    .selectFrom("deliveries")
    .select("seq")
    .where("id", "=", arrival.delivery?.id ?? "")
    .executeTakeFirstOrThrow();
  await submit({ deliverySeq: seq, decide: asDecision(what) });
}

function asDecision(what: ReturnType<Parameters<ReturnType<typeof createChanges>>[0]["decide"]>) {
  return () => what;
}

function leaseNotices(database: Database, now: number) {
  return leaseTasks(database, { queue: noticeQueue, limit: 10, now, leaseEnd: now + 900_000 });
}
