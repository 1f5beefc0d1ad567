/** The engine for more than one machine: PostgreSQL through pg, shared by any number of web and worker processes. */
import type { Writable } from "node:stream";
import { Kysely, PostgresDialect, type PostgresPoolClient } from "kysely";
import { Client, Pool, type PoolClient, type PoolConfig, types } from "pg";
import { StoreUnavailable } from "../errors";
import { type Db, issueDirectly, together } from "./bulk";
import type { Tables } from "./tables";

/** Every bigint of ours is a time, a size or a row number: far below 2^53. */
const parsers: PoolConfig["types"] = {
  getTypeParser: ((oid: number, format: "text") =>
    oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/**
 * What is asked for has an index, and what a look-up reads behind the index ends at a row that is not known when it is planned: then
 * PostgreSQL would read the whole table.
 */
const byIndex = "set jit = off; set enable_seqscan = off";

/**
 * Statements of transactions are planned once on each connection. Such a plan may be made while a table is still empty, when
 * joining all of it in whatever order is cheapest: nothing of the road ever wants that.
 */
const plannedOnce = `${byIndex}; set plan_cache_mode = force_generic_plan; set enable_hashjoin = off; set enable_mergejoin = off`;

/** A process that stops in the middle of a transaction, or whose machine is gone, keeps its rows from all others for so long at most. */
const heldAtMost = "set idle_in_transaction_session_timeout = '10s'";

interface PoolPlan {
  max: number;
  /** Set for each connection. */
  session: string;
  onIdleError: (error: Error) => void;
}

function openPool(url: string, { max, session, onIdleError }: PoolPlan): Pool {
  const settings: PoolConfig & { pipeline: true } = {
    connectionString: url,
    types: parsers,
    max,
    // Statements that do not need each other's answers share a round trip.
    pipeline: true,
    // Genesys Cloud waits 10 s for an answer: a 503 must come well before.
    connectionTimeoutMillis: 3000,
    query_timeout: 30_000,
    application_name: "open-messaging-bridge",
  };
  const pool = new Pool(settings);
  // A server that goes away ends idle connections; the pool makes new ones when asked.
  pool.on("error", onIdleError);
  pool.on("connect", (client) => {
    // Whoever uses it hears of a lost connection by the next statement; without a listener the process would end.
    client.on("error", () => undefined);
    void client.query(session).catch(onIdleError);
  });
  return pool;
}

export interface PostgresStore {
  /** For single statements, each planned for what it is asked, and for migrations. */
  db: Db;
  /**
   * All or nothing. Statements of `work` that are issued together travel together and are carried out in the order of their issue;
   * those it puts into `last` travel with the commit. A lost connection leaves it open whether the commit took place.
   */
  commit<T>(work: (db: Db, last: Promise<unknown>[]) => Promise<T>): Promise<T>;
}

/** Reaches the server at first use. */
export function openPostgres(url: string, onIdleError: (error: Error) => void): PostgresStore {
  const readers = openPool(url, { max: 4, session: byIndex, onIdleError });
  const pool = openPool(url, { max: 6, session: `${plannedOnce}; ${heldAtMost}`, onIdleError });
  const prepare = createPreparer();
  const both = {
    connect: () => readers.connect(),
    end: () => Promise.all([readers.end(), pool.end()]).then(() => undefined),
  };
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: both }) });
  const dbs = new WeakMap<PoolClient, Db>();

  /** The statements of one connection: Kysely's own transactions would wait for each before they issue the next. */
  function dbOn(client: PoolClient): Db {
    let known = dbs.get(client);
    if (known === undefined) {
      const query = prepare(client);
      const only = { query: query as unknown as PostgresPoolClient["query"], release: () => undefined };
      const dialect = new PostgresDialect({ pool: { connect: async () => only, end: async () => undefined } });
      known = issueDirectly(new Kysely<Tables>({ dialect }), async (text, params) => (await query(text, params)).rows);
      dbs.set(client, known);
    }
    return known;
  }

  async function commit<T>(work: (db: Db, last: Promise<unknown>[]) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let lost: Error | undefined;
    try {
      sendTogether(client);
      const begun = client.query("begin");
      // Whatever keeps it from beginning keeps the work from being done, too.
      begun.catch(() => undefined);
      const last: Promise<unknown>[] = [];
      const result = await work(dbOn(client), last);
      const [{ command }] = await together(client.query("commit"), ...last);
      if (command !== "COMMIT") throw new StoreUnavailable(`the store cannot be used: PostgreSQL says ${command}`);
      return result;
    } catch (error) {
      await client.query("rollback").catch((failure: Error) => {
        lost = failure;
      });
      throw error;
    } finally {
      client.release(lost);
    }
  }

  return { db, commit };
}

/** Texts that are prepared; the hot path has a few hundred, and the longest costs the server more to parse than to run. */
const mostPrepared = 1000;

/** Each statement is parsed once on each connection: so a pooler in between has to know prepared statements. */
function createPreparer() {
  const names = new Map<string, string>();

  function nameOf(text: string): string | undefined {
    let name = names.get(text);
    if (name === undefined && names.size < mostPrepared) {
      name = `omb_${names.size}`;
      names.set(text, name);
    }
    return name;
  }

  return function prepare(client: PoolClient) {
    return (text: string, values: readonly unknown[]) => {
      sendTogether(client);
      return client.query(values.length === 0 ? { text } : { name: nameOf(text), text, values: [...values] });
    };
  };
}

const corked = new WeakSet<Writable>();

/** What is asked in one turn of the event loop goes out in one write: each wakes the server, and costs more than what it carries. */
function sendTogether(client: PoolClient): void {
  const { stream } = client.connection as unknown as { stream: Writable };
  if (corked.has(stream)) return;
  corked.add(stream);
  stream.cork();
  process.nextTick(() => {
    corked.delete(stream);
    stream.uncork();
  });
}

/** The PostgreSQL notification channel on which processes tell each other which queues have work. */
export const wakeChannel = "omb_tasks";

/** Calls `onWake` with a queue's name whenever any process commits work for it; connects again when the connection is lost. */
export function listenForWork(url: string, onWake: (queue: string) => void, onError: (error: Error) => void) {
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function connect() {
    const next = new Client({
      connectionString: url,
      application_name: "open-messaging-bridge listener",
      keepAlive: true,
    });
    client = next;
    next.on("notification", (message) => {
      for (const queue of (message.payload ?? "").split("\n")) if (queue !== "") onWake(queue);
    });
    next.on("error", (error) => retry(next, error));
    next.on("end", () => retry(next, new Error("connection ended")));
    try {
      await next.connect();
      await next.query(`listen ${wakeChannel}`);
    } catch (error) {
      retry(next, error as Error);
    }
  }

  function retry(failed: Client, error: Error) {
    if (stopped || client !== failed) return;
    client = undefined;
    onError(error);
    void failed.end().catch(() => undefined);
    timer = setTimeout(() => void connect(), 1000);
  }

  void connect();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
