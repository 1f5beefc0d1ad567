import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { StartError, StoreUnavailable } from "../../src/errors";
import { openDatabase, type StoreLocation } from "../../src/store/database";
import { createIngest } from "../../src/store/ingest";
import { listMessages } from "../../src/store/messages";
import { migrate } from "../../src/store/migrate";
import { openLog } from "../../src/store/sqlite";
import { probeWrite } from "../../src/store/readiness";
import { atEnd } from "../helpers/clean-up";
import { startProgram } from "../helpers/programs";
import { makePlace } from "../helpers/stores";
import { until } from "../helpers/until";
import { arrivalOf, openStore, save, start } from "./open-store";

type SqliteFile = Extract<StoreLocation, { kind: "sqlite" }>;

async function makeFile(): Promise<{ location: SqliteFile; directory: string }> {
  const { location, directory, remove } = await makePlace("sqlite");
  atEnd(remove);
  if (location.kind !== "sqlite") throw new Error("not a file");
  return { location, directory };
}

async function holdElsewhere({ file }: SqliteFile) {
  const holder = startProgram("test/store/lock-holder.ts", [file]);
  await until(() => holder.stdout().includes("held") || holder.stderr());
  return holder;
}

function open(location: StoreLocation) {
  const database = openDatabase(location);
  atEnd(() => database.close());
  return database;
}

test("commits go to a log beside the file, which SQLite syncs before it empties it", async () => {
  const { database } = await openStore("sqlite");
  const pragma = async (name: string) =>
    Object.values((await sql.raw(`pragma ${name}`).execute(database.db)).rows[0] ?? {});
  expect(await pragma("journal_mode")).toEqual(["wal"]);
  expect(await pragma("synchronous")).toEqual([1]);
});

test("after a sync that failed no commit is vouched for until a new start", async () => {
  const { database, location } = await openStore("sqlite");
  await save(database, arrivalOf("customer-1"));
  if (location.kind !== "sqlite") throw new Error("not a file");
  let calls = 0;
  const log = openLog(location.file, async () => {
    calls += 1;
    if (calls === 2) throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
  });
  atEnd(() => log.close());
  await log.sync();
  await expect(log.sync()).rejects.toThrow(StoreUnavailable);
  await expect(log.sync()).rejects.toThrow(/start the bridge again/);
  expect(calls).toBe(2);
});

test("what a killed process left in the log is in the file once it is opened again", async () => {
  const { location } = await makeFile();
  const holder = startProgram("test/store/lock-holder.ts", [location.file, "write"]);
  await until(() => holder.stdout().includes("held") || holder.stderr());
  expect(statSync(`${location.file}-wal`).size).toBeGreaterThan(0);
  holder.process.kill("SIGKILL");
  await holder.ended;

  const database = open(location);
  expect(statSync(`${location.file}-wal`).size).toBe(0);
  expect((await sql<{ text: string }>`select text from notes`.execute(database.db)).rows).toEqual([{ text: "kept" }]);
});

test("a second process is refused and told which one holds the file", async () => {
  const { location } = await makeFile();
  const holder = await holdElsewhere(location);
  expect(() => openDatabase(location)).toThrow(StartError);
  expect(() => openDatabase(location)).toThrow(`(process ${holder.process.pid})`);
});

test("a file whose holder was killed can be opened at once", async () => {
  const { location } = await makeFile();
  const holder = await holdElsewhere(location);
  holder.process.kill("SIGKILL");
  expect(await holder.ended).toBe("SIGKILL");

  const database = open(location);
  await migrate(database);
  expect(await createIngest(database, () => start)(arrivalOf("mira"))).toEqual({ duplicate: false });
});

test("a process number left behind, even one that lives, holds nobody back", async () => {
  const { location } = await makeFile();
  writeFileSync(`${location.file}.pid`, String(process.pid));
  writeFileSync(`${location.file}.lock`, "");
  const database = open(location);
  expect(await migrate(database)).toContain("001-road");
});

test("a file that was closed can be opened again, with all that was in it", async () => {
  const { location } = await makeFile();
  const arrival = arrivalOf("mira");
  for (const expected of [0, 1]) {
    const database = openDatabase(location);
    await migrate(database);
    expect((await listMessages(database.db, {}, { limit: 9 })).items).toHaveLength(expected);
    await save(database, arrival);
    await database.close();
  }
  expect(existsSync(`${location.file}.pid`)).toBe(false);
});

test("a reader beside the writer sees what is committed, writes nothing and moves no log into the file", async () => {
  const { database, location } = await openStore("sqlite");
  const reader = openDatabase(location, { readOnly: true });
  atEnd(() => reader.close());
  const ingest = createIngest(database, () => start);

  const written = () => statSync(location.kind === "sqlite" ? location.file : "").mtimeMs;
  const before = written();

  const seen: number[] = [];
  for (let n = 0; n < 20; n += 1) {
    await Promise.all([ingest(arrivalOf(`customer-${n}`)), ingest(arrivalOf(`customer-${n}`))]);
    seen.push((await reader.read((db) => listMessages(db, {}, { limit: 1000 }))).items.length);
  }

  expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => 2 * (n + 1)));
  await expect(reader.transaction((tx) => tx.db.deleteFrom("messages").execute())).rejects.toBeInstanceOf(
    StoreUnavailable,
  );
  await reader.close();
  expect(written()).toBe(before);
  expect((await listMessages(database.db, {}, { limit: 1000 })).items).toHaveLength(40);
});

test("a store that takes no more writes says why, and goes on once it takes them again", async () => {
  const { database } = await openStore("sqlite");
  const ingest = createIngest(database, () => start);
  await ingest(arrivalOf("mira"));

  await sql`pragma query_only = 1`.execute(database.db);
  await expect(ingest(arrivalOf("mira"))).rejects.toMatchObject({
    code: "store_unavailable",
    message: expect.stringContaining("read-only"),
  });
  await expect(probeWrite(database, start)).rejects.toThrow("read-only");

  await sql`pragma query_only = 0`.execute(database.db);
  await probeWrite(database, start);
  expect(await ingest(arrivalOf("mira"))).toEqual({ duplicate: false });
});

test("a store without room says so, keeps what it has, and goes on once there is room", async () => {
  const { database } = await openStore("sqlite");
  const ingest = createIngest(database, () => start);
  const kept = arrivalOf("mira");
  await ingest(kept);
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(database.db);
  await sql.raw(`pragma max_page_count = ${rows[0]?.page_count}`).execute(database.db);

  const big = () => arrivalOf("mira", { body: Buffer.alloc(100_000, "x") });
  await expect(Promise.all([ingest(big()), ingest(big())])).rejects.toMatchObject({
    code: "store_unavailable",
    message: expect.stringContaining("the disk is full"),
  });
  expect((await listMessages(database.db, {}, { limit: 9 })).items.map((item) => item.id)).toEqual([kept.id]);

  await sql`pragma max_page_count = 1000000`.execute(database.db);
  expect(await ingest(big())).toEqual({ duplicate: false });
});

test("a folder that may not be written is refused at start with its path and why", async () => {
  const { directory } = await makeFile();
  const folder = join(directory, "read-only");
  mkdirSync(folder);
  chmodSync(directory, 0o755);
  chmodSync(folder, 0o555);
  const file = join(folder, "omb.sqlite");
  const problem = asOrdinaryUser(() => {
    try {
      openDatabase({ kind: "sqlite", file });
      return undefined;
    } catch (error) {
      return error;
    }
  });
  expect(problem).toBeInstanceOf(StartError);
  expect((problem as StartError).message).toMatch(/read-only.*(cannot be opened|read-only)/);
  expect(readdirSync(folder)).toEqual([]);
});

test("a path that leads through a file is refused at start with its path", async () => {
  const { directory } = await makeFile();
  writeFileSync(join(directory, "file"), "");
  const file = join(directory, "file", "omb.sqlite");
  expect(() => openDatabase({ kind: "sqlite", file })).toThrow(StartError);
  expect(() => openDatabase({ kind: "sqlite", file })).toThrow(file);
});

test("a file that is no database is refused at start, and opened once it has been put right", async () => {
  const { location } = await makeFile();
  writeFileSync(location.file, "this is not a database, but long enough to be read as one ".repeat(100));
  expect(() => openDatabase(location)).toThrow(/not a database/);
  writeFileSync(location.file, "");
  const database = open(location);
  expect(await migrate(database)).toContain("001-road");
});

/** Root may write anywhere: it is somebody else for the while. */
function asOrdinaryUser<Value>(work: () => Value): Value {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(Number(execFileSync("id", ["-u", "nobody"], { encoding: "utf8" })));
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}
