import { createChanges } from "../../src/store/changes";
import type { Database } from "../../src/store/database";
import type { Arrival } from "../../src/store/ingest";
import { findMessage } from "../../src/store/messages";
import { loadNotice, noticeQueue, writeNotice } from "../../src/store/notices";
import { markReturned } from "../../src/store/returns";
import { leaseTasks, nextDueAt } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { arrivalOf, notedOf, openStore, save, start } from "./open-store";

const mira = { integration: "harborline-chat", recipientId: "mira" };

describe.each(engines)("on %s", (engine) => {
  test("what a customer missed ends as returned, and its notice is due at once", async () => {
    const { database } = await openStore(engine);
    const missed = [arrivalOf("mira"), arrivalOf("mira")];
    const others = [arrivalOf("noor"), arrivalOf("mira", { integration: "other" }), arrivalOf("mira")];
    await save(database, ...missed, ...others);
    await miss(database, missed, "mira");
    await miss(database, others.slice(0, 2), "others");

    await database.transaction((tx) => markReturned(tx, [mira, mira], start + 5));
    for (const { id } of missed) {
      expect(await findMessage(database.db, id)).toMatchObject({
        item: { fate: "returned" },
        timeline: expect.arrayContaining([expect.objectContaining({ event: "customer.returned" })]),
      });
    }
    for (const { id } of others) expect(await fateOf(database, id)).toBe("open");
    expect(await nextDueAt(database.db, noticeQueue)).toBe(start + 5);
    const [task] = await leaseTasks(database, { queue: noticeQueue, limit: 9, now: start + 5, leaseEnd: start + 10 });
    const notice = await database.transaction((tx) => loadNotice(tx, task?.subject ?? 0));
    expect(notice).toMatchObject({ id: "mira", status: "waiting", missed: [] });
  });

  test("a notice that is about to go out is left to who sends it", async () => {
    const { database } = await openStore(engine);
    const missed = arrivalOf("mira");
    await save(database, missed);
    await miss(database, [missed], "mira");
    const [task] = await leaseTasks(database, {
      queue: noticeQueue,
      limit: 1,
      now: start + 60_000,
      leaseEnd: start + 99_000,
    });
    let locked: () => void = () => undefined;
    const isLocked = new Promise<void>((resolve) => {
      locked = resolve;
    });
    const sending = database.transaction(async (tx) => {
      const notice = await loadNotice(tx, task?.subject ?? 0);
      if (notice === undefined) throw new Error("no notice");
      locked();
      // Long enough for the other transaction to be waiting for this one.
      await new Promise((resolve) => setTimeout(resolve, 100));
      await writeNotice(tx, notice, { status: "sending", inFlight: true, event: "notice.sending" }, start);
    });
    await isLocked;
    await database.transaction((tx) => markReturned(tx, [mira], start));
    await sending;
    expect(await fateOf(database, missed.id)).toBe("open");
  });

  test("a sign of life is stored together with what follows from it", async () => {
    const { database } = await openStore(engine);
    const missed = arrivalOf("mira\u0000");
    await save(database, missed);
    await miss(database, [missed], "mira");
    await save(database, notedOf({ recipientId: "mira\u0000", direction: "inbound", source: "chat" }));
    expect(await fateOf(database, missed.id)).toBe("open");
    await save(
      database,
      notedOf({ recipientId: "mira\u0000", direction: "inbound", source: "chat", showsPresence: true }),
    );
    expect(await fateOf(database, missed.id)).toBe("returned");
  });
});

/** Lets messages join the notice of that name, due a minute after the start. */
async function miss(database: Database, arrivals: readonly Arrival[], notice: string): Promise<void> {
  for (const { id } of arrivals) {
    const found = await database.db
      .selectFrom("deliveries as d")
      .innerJoin("messages as m", "m.seq", "d.message_seq")
      .select("d.seq")
      .where("m.id", "=", id)
      .executeTakeFirstOrThrow();
    const join = { id: notice, policy: "missed", recipientKey: notice, dueAt: start + 60_000 };
    await createChanges(
      database,
      () => start,
    )({ deliverySeq: found.seq, decide: () => ({ notice: join, ledger: [] }) });
  }
}

async function fateOf(database: Database, id: string): Promise<string | undefined> {
  return (await findMessage(database.db, id))?.item.fate;
}
