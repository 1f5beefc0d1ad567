import { Kysely } from "kysely";
import { StoreUnavailable } from "../../src/errors";
import { type Db, run, together } from "../../src/store/bulk";
import { createGroupCommit } from "../../src/store/group-commit";
import { openSqliteFile } from "../../src/store/sqlite";
import type { Tables } from "../../src/store/tables";
import { atEnd } from "../helpers/clean-up";
import { makePlace } from "../helpers/stores";

/** A file with one table, and a disk whose syncs end when the test says so. */
async function openGroup() {
  const { location, remove } = await makePlace("sqlite");
  if (location.kind !== "sqlite") throw new Error("not a file");
  const { dialect, issue } = openSqliteFile(location.file);
  const db = new Kysely<Tables>({ dialect });
  atEnd(async () => {
    await db.destroy();
    await remove();
  });
  await run(db, "create table notes (text text not null unique)");
  const syncs: { done(): void; fail(error: Error): void }[] = [];
  const inGroup = createGroupCommit(db, issue, () => new Promise((done, fail) => void syncs.push({ done, fail })));
  const nextSync = async () => {
    while (syncs.length === 0) await new Promise(setImmediate);
    const [sync] = syncs.splice(0, 1);
    if (sync === undefined) throw new Error("no sync");
    return sync;
  };
  return { db, inGroup, nextSync };
}

const note = (text: string) => (db: Db) => run(db, "insert into notes (text) values ($1)", [text]);
const readNotes = async (db: Db) =>
  (await run<{ text: string }>(db, "select text from notes order by text")).map(({ text }) => text);

test("work is done when its commit is on disk, not before", async () => {
  const { db, inGroup, nextSync } = await openGroup();
  let isDone = false;
  const saved = inGroup(note("one")).then(() => {
    isDone = true;
  });
  const sync = await nextSync();
  expect(await readNotes(db)).toEqual(["one"]);
  expect(isDone).toBe(false);
  sync.done();
  await saved;
  expect(isDone).toBe(true);
});

test("what is asked for during a sync shares the next one", async () => {
  const { inGroup, nextSync } = await openGroup();
  const first = inGroup(note("one"));
  const sync = await nextSync();
  const rest = ["two", "three", "four"].map((text) => inGroup(note(text)));
  sync.done();
  await first;
  (await nextSync()).done();
  await expect(Promise.all(rest)).resolves.toHaveLength(3);
});

test("the next group is written during a sync, and done after one of its own", async () => {
  const { db, inGroup, nextSync } = await openGroup();
  const done: string[] = [];
  const first = inGroup(note("one")).then(() => done.push("one"));
  const sync = await nextSync();
  const second = inGroup(note("two")).then(() => done.push("two"));
  while ((await readNotes(db)).length < 2) await new Promise(setImmediate);
  expect(done).toEqual([]);
  sync.done();
  await first;
  expect(done).toEqual(["one"]);
  (await nextSync()).done();
  await second;
});

test("work that fails takes only its own writes with it", async () => {
  const { db, inGroup, nextSync } = await openGroup();
  const good = inGroup(note("one"));
  const bad = inGroup(async (connection) => {
    await note("two")(connection);
    await note("one")(connection);
  });
  const both = Promise.allSettled([good, bad]);
  (await nextSync()).done();
  expect(await both).toMatchObject([
    { status: "fulfilled" },
    { status: "rejected", reason: { code: expect.stringContaining("CONSTRAINT") } },
  ]);
  expect(await readNotes(db)).toEqual(["one"]);
});

test("a disk that fails rejects the whole group, and the next one goes on", async () => {
  const { inGroup, nextSync } = await openGroup();
  const reason = new StoreUnavailable("the disk reported an error");
  const works = Promise.allSettled([inGroup(note("one")), inGroup(note("two"))]);
  (await nextSync()).fail(reason);
  expect(await works).toEqual([
    { status: "rejected", reason },
    { status: "rejected", reason },
  ]);
  const next = inGroup(note("three"));
  (await nextSync()).done();
  await next;
});

test("what a full disk cut off is not kept in part", async () => {
  const { db, inGroup, nextSync } = await openGroup();
  const [size] = await run<{ page_count: number }>(db, "pragma page_count");
  await run(db, `pragma max_page_count = ${size?.page_count}`);
  const cutOff = inGroup((connection) =>
    together(note("one")(connection), note("x".repeat(1_000_000))(connection), note("two")(connection)),
  );
  await expect(cutOff).rejects.toMatchObject({ code: "SQLITE_FULL" });
  expect(await readNotes(db)).toEqual([]);

  const next = inGroup(note("three"));
  (await nextSync()).done();
  await next;
  expect(await readNotes(db)).toEqual(["three"]);
});
