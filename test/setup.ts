/** Before all tests: one PostgreSQL server for all of them, or the one that TEST_DATABASE_URL names. */
import { Client } from "pg";
import { type Postgres, startPostgres } from "./helpers/postgres";

declare global {
  var ownPostgres: Postgres | undefined;
}

export default async function setUp(): Promise<void> {
  const given = process.env.TEST_DATABASE_URL;
  if (given === undefined) {
    globalThis.ownPostgres = await startPostgres({ fsync: false }).catch((cause: unknown) => {
      throw explain("The tests need PostgreSQL, and could not start their own", cause);
    });
    process.env.TEST_DATABASE_URL = globalThis.ownPostgres.url;
    return;
  }
  const client = new Client({ connectionString: given });
  try {
    await client.connect();
    const { rows } = await client.query(
      "select rolcreatedb or rolsuper as allowed from pg_roles where rolname = current_user",
    );
    if (rows[0]?.allowed !== true) throw new Error("its user may not create databases");
  } catch (cause) {
    throw explain("The server that TEST_DATABASE_URL names cannot be used", cause);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Jest prints the message alone. */
function explain(what: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new Error(
    `${what}: ${why}\nSet TEST_DATABASE_URL to the URL of a PostgreSQL on which databases may be created.`,
    { cause },
  );
}
