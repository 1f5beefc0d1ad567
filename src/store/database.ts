/** Opens the store's database on either engine and runs transactions on it. */
import { Kysely } from "kysely";
import { StartError, StoreUnavailable } from "../errors";
import { type Db, run } from "./bulk";
import type { Engine } from "./engine";
import { classifyFault, isTransient } from "./faults";
import { createGroupCommit } from "./group-commit";
import { listenForWork, postgresDialect, postgresPool, wakeChannel } from "./postgres";
import { lockSqlite, openLog, sqliteDialect, sqliteReaderDialect } from "./sqlite";
import type { Tables } from "./tables";

/** Where the store is. */
export type StoreLocation = { kind: "sqlite"; file: string } | { kind: "postgres"; url: string };

/** What a transaction may use: its connection, and `wake` for queues that have work once it is committed. */
export interface Tx {
  db: Db;
  engine: Engine;
  wake(queue: string): void;
}

export interface Database {
  engine: Engine;
  /** For single reads; anything that writes goes through `transaction`. */
  db: Db;
  /** All or nothing, synced to disk when it resolves. Throws StoreUnavailable when the store is the trouble. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Reads without a transaction, with the same errors. */
  read<T>(work: (db: Db) => Promise<T>): Promise<T>;
  /** Calls `listener` with a queue's name after a commit, here or in another process, that gave it work. */
  onWork(listener: (queue: string) => void): void;
  close(): Promise<void>;
}

/** Runs work in a transaction and commits it. */
type Commit = <T>(work: (db: Db) => Promise<T>) => Promise<T>;

export interface OpenOptions {
  /** Beside a running bridge: reads only (SQLite). */
  readOnly?: boolean;
  /** Hear of commits in other processes (PostgreSQL). */
  listen?: boolean;
  onError?: (error: Error) => void;
}

/**
 * Opens the database; on SQLite, unless read-only, it also takes the file's lock.
 * Throws StartError when the file is held by another process or cannot be opened. PostgreSQL is reached at first use.
 */
export function openDatabase(location: StoreLocation, options: OpenOptions = {}): Database {
  const onError = options.onError ?? (() => undefined);
  const listeners: ((queue: string) => void)[] = [];
  const announce = (queue: string) => {
    for (const listener of listeners) listener(queue);
  };
  const opened =
    location.kind === "sqlite" ? openSqlite(location.file, options.readOnly ?? false) : openPostgres(location.url);
  const { db, engine } = opened;
  const listener =
    location.kind === "postgres" && options.listen ? listenForWork(location.url, announce, onError) : undefined;

  let closed: Promise<void> | undefined;

  async function close() {
    await listener?.stop();
    await db.destroy();
    opened.release();
  }

  /** A request that outlived the server's patience finds the store closed. */
  function checkOpen() {
    if (closed !== undefined) throw new StoreUnavailable("the store is closed");
  }

  async function transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    checkOpen();
    for (let tries = 1; ; tries += 1) {
      const woken = new Set<string>();
      try {
        const result = await opened.commit(async (trx) => {
          const done = await work({ db: trx, engine, wake: (queue) => void woken.add(queue) });
          if (engine === "postgres" && woken.size > 0) await notify(trx, woken);
          return done;
        });
        for (const queue of woken) announce(queue);
        return result;
      } catch (error) {
        if (isTransient(error) && tries < 5) continue;
        throw classifyFault(error);
      }
    }
  }

  return {
    engine,
    db,
    transaction,
    async read(work) {
      checkOpen();
      try {
        return await work(db);
      } catch (error) {
        throw classifyFault(error);
      }
    },
    onWork: (one) => void listeners.push(one),
    close: () => (closed ??= close()),
  };

  function openPostgres(url: string) {
    const pooled = new Kysely<Tables>({ dialect: postgresDialect(postgresPool(url, onError)) });
    const commit: Commit = (work) => pooled.transaction().execute(work);
    return { engine: "postgres" as const, db: pooled, commit, release: () => undefined };
  }
}

function openSqlite(file: string, readOnly: boolean) {
  const engine = "sqlite" as const;
  try {
    const lock = readOnly ? undefined : lockSqlite(file);
    try {
      const dialect = readOnly ? sqliteReaderDialect(file) : sqliteDialect(file);
      const db = new Kysely<Tables>({ dialect });
      const log = openLog(file);
      const commit: Commit = createGroupCommit(db, log.sync);
      const release = () => {
        log.close();
        lock?.release();
      };
      return { engine, db, commit, release };
    } catch (error) {
      lock?.release();
      throw error;
    }
  } catch (error) {
    if (error instanceof StartError) throw error;
    const fault = classifyFault(error);
    throw new StartError(`${file}: ${fault instanceof Error ? fault.message : String(fault)}`, { cause: error });
  }
}

/** NOTIFY is part of the transaction: it reaches the others if and when this one commits. */
async function notify(db: Db, queues: Set<string>) {
  await run(db, "select pg_notify($1, $2)", [wakeChannel, [...queues].join("\n")]);
}
