/** Several processes change the same messages of one PostgreSQL: whoever had to wait decides on what the others left. */
import { StoreUnavailable } from "../../src/errors";
import { run } from "../../src/store/bulk";
import { createChanges, startDeliveries } from "../../src/store/changes";
import type { MessageState } from "../../src/store/states";
import type { Database, Tx } from "../../src/store/database";
import { until } from "../helpers/until";
import { arrivalOf, headsOf, lease, openAgain, openStore, save, start } from "./open-store";

/** A message, in a lane with one more behind it, and the transaction of another process that holds it. */
async function holdHead() {
  const store = await openStore("postgres");
  await save(store.database, arrivalOf("mira"), arrivalOf("mira"));
  const tasks = await lease(store.database);
  const [head] = await headsOf(store.database, tasks);
  if (head === undefined) throw new Error("there is no head");
  const other = openAgain(store);
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let isHeld = false;
  const held = other.transaction(async (tx) => {
    await acceptAndRelease(tx, head);
    isHeld = true;
    await gate;
  });
  await until(async () => isHeld);
  return {
    database: store.database,
    lane: head.delivery.lane ?? "",
    seq: head.delivery.seq,
    async letGoOnceWaitedFor() {
      await until(() => isWaitedFor(other));
      letGo();
      await held;
    },
  };
}

/** What the outcome of a send writes. */
async function acceptAndRelease(tx: Tx, { seq, delivery }: MessageState): Promise<void> {
  await run(tx.db, "select seq from messages where seq = $1 for update", [seq]);
  await run(tx.db, "update deliveries set status = 'accepted', lane = null where seq = $1", [delivery.seq]);
}

async function isWaitedFor(database: Database): Promise<boolean> {
  const rows = await database.read((db) => run(db, "select 1 from pg_locks where not granted"));
  return rows.length > 0;
}

test("news that waited for the outcome of the send decides on what the outcome left", async () => {
  const { database, seq, letGoOnceWaitedFor } = await holdHead();
  let found: MessageState | undefined;
  const changed = createChanges(
    database,
    () => start,
  )({
    deliverySeq: seq,
    decide(state) {
      found = state;
      return { delivery: { status: "delivered" }, ledger: [] };
    },
  });
  await letGoOnceWaitedFor();
  await changed;
  expect(found?.delivery).toMatchObject({ status: "accepted", lane: null });
  const [row] = await database.read((db) => run(db, "select status, lane from deliveries where seq = $1", [seq]));
  expect(row).toEqual({ status: "delivered", lane: null });
});

test("a lane whose head left while it was claimed starts with the next message", async () => {
  const { database, lane, seq, letGoOnceWaitedFor } = await holdHead();
  const starting = startDeliveries(database, [lane], () => undefined, start);
  await letGoOnceWaitedFor();
  const heads = (await starting).map(({ state }) => state.delivery);
  expect(heads).toHaveLength(1);
  expect(heads[0]?.seq).toBeGreaterThan(seq);
  expect(heads[0]).toMatchObject({ status: "pending", lane });
});

test("a process that stops in the middle of a transaction holds the others up for ten seconds at most, and loses it", async () => {
  const { database } = await openStore("postgres");
  const write = (tx: Tx, value: string) =>
    run(tx.db, "insert into meta (key, value) values ('held', $1) on conflict (key) do update set value = $1", [value]);
  let goOn = () => {};
  const stopped = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let isHeld = false;
  const lost = database.transaction(async (tx) => {
    await write(tx, "of the one that stopped");
    isHeld = true;
    await stopped;
    await write(tx, "of the one that went on");
  });
  lost.catch(() => undefined);
  await until(async () => isHeld);
  await database.transaction((tx) => write(tx, "of another"));
  goOn();
  await expect(lost).rejects.toBeInstanceOf(StoreUnavailable);
  const rows = await database.read((db) => run(db, "select value from meta where key = 'held'"));
  expect(rows).toEqual([{ value: "of another" }]);
});
