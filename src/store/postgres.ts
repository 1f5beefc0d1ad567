/** The engine for more than one machine: PostgreSQL through pg, shared by any number of web and worker processes. */
import { PostgresDialect, type PostgresPoolClient } from "kysely";
import { Client, Pool, type PoolClient, type PoolConfig, types } from "pg";

/** Every bigint of ours is a time, a size or a row number: far below 2^53. */
const parsers: PoolConfig["types"] = {
  getTypeParser: ((oid: number, format: "text") =>
    oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

export function postgresPool(url: string, onIdleError: (error: Error) => void): Pool {
  const pool = new Pool({
    connectionString: url,
    types: parsers,
    max: 10,
    // Genesys Cloud waits 10 s for an answer: a 503 must come well before.
    connectionTimeoutMillis: 3000,
    query_timeout: 30_000,
    application_name: "open-messaging-bridge",
  });
  // A server that goes away ends idle connections; the pool makes new ones when asked.
  pool.on("error", onIdleError);
  return pool;
}

/** Texts that are prepared; the hot path has a few hundred, and the longest costs the server more to parse than to run. */
const mostPrepared = 1000;

/** Kysely's dialect, each statement parsed once on each connection: so a pooler in between has to know prepared statements. */
export function postgresDialect(pool: Pool): PostgresDialect {
  const names = new Map<string, string>();
  const prepared = new WeakMap<PoolClient, PostgresPoolClient>();

  function nameOf(text: string): string | undefined {
    let name = names.get(text);
    if (name === undefined && names.size < mostPrepared) {
      name = `omb_${names.size}`;
      names.set(text, name);
    }
    return name;
  }

  function prepare(client: PoolClient): PostgresPoolClient {
    const query = (text: string, values: readonly unknown[]) =>
      client.query(values.length === 0 ? { text } : { name: nameOf(text), text, values: [...values] });
    return { query: query as unknown as PostgresPoolClient["query"], release: () => client.release() };
  }

  return new PostgresDialect({
    pool: {
      async connect() {
        const client = await pool.connect();
        let known = prepared.get(client);
        if (known === undefined) {
          known = prepare(client);
          prepared.set(client, known);
        }
        return known;
      },
      end: () => pool.end(),
    },
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
