/** Opens the store's database on either engine and runs transactions on it. */
import { Kysely } from "kysely";
import { StartError, StoreUnavailable } from "../errors";
import { type Db, run } from "./bulk";
import type { Engine } from "./engine";
import { classifyFault, isTransient } from "./faults";
import { createGroupCommit } from "./group-commit";
import { createTakers, type Room, type Taker, type Takers } from "./handover";
import { listenForWork, openPostgres, wakeChannel } from "./postgres";
import { lockSqlite, openLog, openSqliteFile, openSqliteReader } from "./sqlite";
import type { Tables } from "./tables";

/** Where the store is. */
export type StoreLocation = { kind: "sqlite"; file: string } | { kind: "postgres"; url: string };

/** What a transaction may use. */
export interface Tx {
  db: Db;
  engine: Engine;
  /** The queue has work once this is committed. */
  wake(queue: string): void;
  takers: Takers;
  /** Room with a taker for one task that this transaction makes due, as of {@link Taker.reserve}. */
  reserve<Item>(taker: Taker<Item>, after?: number): Room<Item> | undefined;
  /** A statement whose answer nobody needs before the commit. On PostgreSQL it shares a round trip with it. */
  last(statement: Promise<unknown>): void;
}

export interface Database {
  engine: Engine;
  /** For single reads; anything that writes goes through `transaction`. */
  db: Db;
  /** All or nothing, synced to disk when it resolves. Throws StoreUnavailable when the store is the trouble. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Reads without a transaction, with the same errors. */
  read<T>(work: (db: Db) => Promise<T>): Promise<T>;
  /** The workers of this process that take over what it commits. */
  takers: Takers;
  /** Calls `listener` with a queue's name after a commit, here or in another process, that gave it work. */
  onWork(listener: (queue: string) => void): void;
  close(): Promise<void>;
}

/** Runs work in a transaction and commits it, with the statements that it puts into `last`. */
type Commit = <T>(work: (db: Db, last: Promise<unknown>[]) => Promise<T>) => Promise<T>;

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
  const takers = createTakers();
  const announce = (queue: string) => {
    for (const listener of listeners) listener(queue);
  };
  const opened =
    location.kind === "sqlite"
      ? openSqlite(location.file, options.readOnly ?? false)
      : { engine: "postgres" as const, ...openPostgres(location.url, onError), release: () => undefined };
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

  /** One try; room that was kept is free again when it fails. */
  async function attempt<T>(
    work: (tx: Tx) => Promise<T>,
  ): Promise<{ result: T; woken: Set<string>; rooms: KeptRoom[] }> {
    const woken = new Set<string>();
    const rooms: KeptRoom[] = [];
    try {
      const result = await opened.commit(async (trx, last) => {
        const done = await work({
          db: trx,
          engine,
          takers,
          wake: (queue) => void woken.add(queue),
          reserve(taker, after = 0) {
            const room: Room<never> | undefined = taker.reserve(after);
            if (room !== undefined) rooms.push({ taker: taker as Taker<unknown>, room });
            return room;
          },
          last(statement) {
            // Where the work fails after all, nobody asks what became of it.
            statement.catch(() => undefined);
            last.push(statement);
          },
        });
        // Part of the transaction: it reaches the others if and when this one commits.
        if (engine === "postgres" && woken.size > 0) last.push(notify(trx, woken));
        return done;
      });
      return { result, woken, rooms };
    } catch (error) {
      for (const { taker } of rooms) taker.free();
      throw error;
    }
  }

  async function transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    checkOpen();
    for (let tries = 1; ; tries += 1) {
      try {
        const { result, woken, rooms } = await attempt(work);
        for (const queue of woken) announce(queue);
        giveOut(rooms);
        return result;
      } catch (error) {
        if (!isTransient(error) || tries >= 5) throw classifyFault(error);
      }
    }
  }

  return {
    engine,
    db,
    takers,
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
}

interface KeptRoom {
  taker: Taker<unknown>;
  room: Room<unknown>;
}

function giveOut(rooms: readonly KeptRoom[]): void {
  const given = new Map<Taker<unknown>, unknown[]>();
  for (const { taker, room } of rooms) {
    const items = given.get(taker);
    if (room.item === undefined) taker.free();
    else if (items === undefined) given.set(taker, [room.item]);
    else items.push(room.item);
  }
  for (const [taker, items] of given) taker.give(items);
}

function openSqlite(file: string, readOnly: boolean) {
  const engine = "sqlite" as const;
  try {
    const lock = readOnly ? undefined : lockSqlite(file);
    try {
      const { dialect, issue } = readOnly ? openSqliteReader(file) : openSqliteFile(file);
      const db = new Kysely<Tables>({ dialect });
      const log = openLog(file);
      const commit: Commit = createGroupCommit(db, issue, log.sync);
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

async function notify(db: Db, queues: Set<string>) {
  await run(db, "select pg_notify($1, $2)", [wakeChannel, [...queues].join("\n")]);
}
