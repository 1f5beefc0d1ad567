/** A fresh, empty place for a store on either engine. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { StoreLocation } from "../../src/store/database";
import type { Engine } from "../../src/store/engine";

/** Suites that touch the store run once per engine. */
export const engines: readonly Engine[] = ["sqlite", "postgres"];

export interface Place {
  location: StoreLocation;
  /** A directory of its own, on either engine. */
  directory: string;
  /** Removes everything; nobody may be connected any more. */
  remove(): Promise<void>;
}

/** Makes a directory, and on PostgreSQL a database on the server of the test run. */
export async function makePlace(engine: Engine): Promise<Place> {
  if (engine === "sqlite") {
    const { directory, removeDirectory } = makeDirectory();
    const location = { kind: "sqlite", file: join(directory, "omb.sqlite") } as const;
    return { location, directory, remove: async () => removeDirectory() };
  }
  const name = freeDatabases.pop() ?? (await createDatabase());
  const { directory, removeDirectory } = makeDirectory();
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return {
    location: { kind: "postgres", url: url.href },
    directory,
    async remove() {
      removeDirectory();
      await runOnServer(url.href, "drop schema public cascade; create schema public");
      freeDatabases.push(name);
    },
  };
}

/** Emptied databases that the next test may have: making one costs as much as all else a test does. */
const freeDatabases: string[] = [];

async function createDatabase(): Promise<string> {
  const name = `omb_test_${randomBytes(8).toString("hex")}`;
  await runOnServer(serverUrl(), `create database ${name}`);
  return name;
}

afterAll(async () => {
  for (const name of freeDatabases) await runOnServer(serverUrl(), `drop database ${name} with (force)`);
});

function makeDirectory() {
  const directory = mkdtempSync(join(tmpdir(), "omb-test-"));
  return { directory, removeDirectory: () => rmSync(directory, { recursive: true, force: true }) };
}

function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL;
  if (url === undefined) throw new Error("there is no PostgreSQL: run the tests through jest, whose setup starts one");
  return url;
}

async function runOnServer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
