/** The default engine: one SQLite file, one process that writes. Driver: libsql (STORE: WAL). */
import { closeSync, fdatasync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { SqliteDialect } from "kysely";
import Libsql from "libsql";
import { StoreHeld, StoreUnavailable } from "../errors";
import type { Issue } from "./bulk";

export interface SqliteConnection {
  dialect: SqliteDialect;
  /** The same connection without Kysely's turns: for who has the connection to himself. */
  issue: Issue;
}

/** Opens `file` for writing, creating it and its folder. Throws when it cannot be opened. */
export function openSqliteFile(file: string): SqliteConnection {
  mkdirSync(dirname(file), { recursive: true });
  const db = new Libsql(file);
  db.exec("pragma journal_mode = wal");
  // SQLite syncs before it moves the log into the file; each commit is synced by `openLog`, before anybody hears of it.
  db.exec("pragma synchronous = normal");
  // A larger log means fewer copies of the same page back into the file under load.
  db.exec("pragma wal_autocheckpoint = 8000");
  db.exec("pragma cache_size = -3000");
  // What a process that died left in the log is written once more, and synced, before anything is built on it.
  db.exec("pragma wal_checkpoint(truncate)");
  return connectionOf(db);
}

/**
 * The write-ahead log of `file`. `sync` resolves once every commit made before the call is on disk, and throws StoreUnavailable
 * when the disk fails. It does what `synchronous = full` does in every commit, but off this thread, which a disk would hold up
 * for milliseconds.
 *
 * After a sync that failed none succeeds any more: the system may have dropped what it could not write, and a later sync that
 * reports no error would vouch for a log with a hole in it. A new start reads the log as it is, and copies it into the file.
 *
 * @param datasync waits until a file's data is on disk
 */
export function openLog(
  file: string,
  datasync: (fd: number) => Promise<void> = promisify(fdatasync),
): { sync(): Promise<void>; close(): void } {
  let log: number | undefined;
  let failure: StoreUnavailable | undefined;
  return {
    async sync() {
      if (failure !== undefined) throw failure;
      // SQLite makes it at the first commit, and removes it with its last connection.
      log ??= openForSync(`${file}-wal`);
      try {
        await datasync(log);
      } catch (error) {
        const why = "the disk could not keep what was written; start the bridge again once the disk is sound";
        failure = new StoreUnavailable(`the store cannot be used: ${why}`, { cause: error });
        throw failure;
      }
    },
    close() {
      if (log !== undefined) closeSync(log);
      log = undefined;
    },
  };
}

function openForSync(file: string): number {
  try {
    return openSync(file, "r+");
  } catch (error) {
    throw new StoreUnavailable("the store cannot be used: its log cannot be opened", { cause: error });
  }
}

/** Opens `file` beside the process that writes it: reads only, and never moves the log into the file. */
export function openSqliteReader(file: string): SqliteConnection {
  const db = new Libsql(`file:${file}?mode=ro`);
  db.exec("pragma wal_autocheckpoint = 0");
  db.exec("pragma query_only = 1");
  return connectionOf(db);
}

/** Each statement is compiled once. */
function connectionOf(db: Libsql.Database): SqliteConnection {
  const statements = new Map<string, ReturnType<typeof adapt>>();
  /** What ended a transaction before its time, such as a full disk. */
  let ended: unknown;

  function adapt(sql: string) {
    const statement = db.prepare(sql);
    const reader = statement.reader as boolean;
    const columns: string[] = reader ? statement.columns().map(({ name }: { name: string }) => name) : [];
    // Names set from outside JavaScript cost more than the values.
    if (reader) statement.raw(true);
    const isRollback = sql === "rollback";
    return {
      reader,
      // Spread parameters would overflow the stack of a large batch: libsql takes one array.
      all: (params: readonly unknown[]) =>
        carryOut(isRollback, () => statement.all(params) as unknown[][]).map((row) => nameValues(columns, row)),
      run: (params: readonly unknown[]) => carryOut(isRollback, () => statement.run(params)),
    };
  }

  /** What was asked for as a part of a transaction that has ended is refused until the rollback: it would be kept on its own. */
  function carryOut<Result>(isRollback: boolean, call: () => Result): Result {
    if (ended !== undefined && !isRollback) throw ended;
    ended = undefined;
    const wasInside = db.inTransaction as boolean;
    try {
      return call();
    } catch (error) {
      if (wasInside && !db.inTransaction) ended = error;
      throw error;
    }
  }

  function prepare(sql: string) {
    let known = statements.get(sql);
    if (known === undefined) {
      if (statements.size >= 500) statements.clear();
      known = adapt(sql);
      statements.set(sql, known);
    }
    return known;
  }

  const dialect = new SqliteDialect({
    database: {
      prepare: (sql: string) => prepare(sql) as never,
      close: () => {
        statements.clear();
        db.close();
      },
    },
  });
  return {
    dialect,
    async issue(text, params) {
      const statement = prepare(text);
      if (statement.reader) return statement.all(params);
      statement.run(params);
      return [];
    },
  };
}

function nameValues(columns: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  columns.forEach((name, n) => {
    row[name] = values[n];
  });
  return row;
}

/**
 * Makes this process the only one that writes `file`, until it ends however it ends: an operating-system lock held through
 * SQLite on a file beside it, which a reused process number or a leftover file cannot imitate.
 * Throws StartError naming the process that holds it.
 */
export function lockSqlite(file: string): { release(): void } {
  mkdirSync(dirname(file), { recursive: true });
  const lock = new Libsql(`${file}.lock`);
  const pidFile = `${file}.pid`;
  try {
    lock.exec("begin exclusive");
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new StoreHeld(
      `${file} is in use by another bridge (process ${readPid(pidFile) ?? "unknown"}). ` +
        "Stop that one first, give this one its own DATA_DIR, or set DATABASE_URL to share a PostgreSQL.",
    );
  }
  writeFileSync(pidFile, String(process.pid));
  return {
    release() {
      rmSync(pidFile, { force: true });
      lock.exec("rollback");
      lock.close();
    },
  };
}

function readPid(pidFile: string): string | undefined {
  try {
    return readFileSync(pidFile, "utf8").trim();
  } catch {
    return undefined;
  }
}
