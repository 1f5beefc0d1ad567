/** An empty store of either engine for bridges in processes of their own. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { startPostgres } from "../helpers/postgres";

export type EngineName = "sqlite" | "postgres";

export interface TestStore {
  /** For settings, logs and, on SQLite, the database file. */
  directory: string;
  /** What the bridge is told of its store. */
  env: Record<string, string>;
  remove(): Promise<void>;
}

export interface Stores {
  create(): Promise<TestStore>;
  close(): Promise<void>;
}

/** Stores of one engine. PostgreSQL is the server of `TEST_DATABASE_URL` or `DATABASE_URL`, else one started for this. */
export async function openStores(engine: EngineName): Promise<Stores> {
  if (engine === "sqlite") return { create: async () => createDirectory({}), close: async () => undefined };
  const given = process.env.TEST_DATABASE_URL ?? process.env.DATABASE_URL;
  const server = given === undefined ? await startPostgres() : { url: given, stop: async () => undefined };
  return {
    async create() {
      const name = `omb_${randomBytes(6).toString("hex")}`;
      await command(server.url, `create database ${name}`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      const store = createDirectory({ DATABASE_URL: url.href });
      return {
        ...store,
        async remove() {
          await store.remove();
          await command(server.url, `drop database ${name} with (force)`);
        },
      };
    },
    close: () => server.stop(),
  };
}

function createDirectory(env: Record<string, string>): TestStore {
  const directory = mkdtempSync(join(tmpdir(), "omb-"));
  return {
    directory,
    env: { DATA_DIR: join(directory, "data"), ...env },
    remove: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function command(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}
