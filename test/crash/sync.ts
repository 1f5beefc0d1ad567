/**
 * `npm run test:sync`: a commit is really synced to disk before its webhook is answered.
 *
 * SQLite: runs the built bridge under strace, sends signed webhooks, and reads in the trace that between the last write of a
 * webhook's commit to the write-ahead log and its `HTTP/1.1 200` an fdatasync or fsync of that log began and returned. Then the
 * same judge is given the trace without its syncs, and must refuse it. Needs Linux and strace (apt-get install strace); exit code 2 without.
 * PostgreSQL: fsync, synchronous_commit and full_page_writes are on for the connections of the bridge.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { signBody } from "../../src/webhook/signature";
import { buildBridge, findFreePort, spawnBridge } from "../processes/bridge";
import { openStores, type TestStore } from "../processes/store";
import { adminToken, integration, nameMessage, signatureSecret, writeSettings, writeText } from "./messages";
import { judgeTrace } from "./trace";

const rounds = 5;
const atOnce = 8;
async function main(): Promise<number> {
  if (spawnSync("strace", ["-V"]).status !== 0) {
    process.stderr.write("strace is needed and was not found: on Debian, apt-get install strace\n");
    return 2;
  }
  buildBridge();
  const problems = [...(await checkSqlite()), ...(await checkPostgres())];
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

async function checkSqlite(): Promise<string[]> {
  const stores = await openStores("sqlite");
  const store = await stores.create();
  try {
    const trace = await traceBridge(store);
    const verdict = judgeTrace(trace);
    const answers = rounds * atOnce;
    process.stdout.write(
      `sqlite: ${verdict.answers} answers, ${verdict.syncs} syncs of the log, ${verdict.writes} writes to it\n`,
    );
    const withoutSyncs = trace.filter((line) => !/\bf(data)?sync\b/.test(line));
    return [
      ...verdict.problems,
      ...(verdict.answers === answers
        ? []
        : [`sqlite: ${answers} webhooks were sent, the trace shows ${verdict.answers} answers`]),
      ...(judgeTrace(withoutSyncs).problems.length > 0
        ? []
        : ["sqlite: the judge does not see when syncs are missing"]),
    ];
  } finally {
    await store.remove();
  }
}

/** The system calls of a bridge that takes some webhooks, one line each. */
async function traceBridge(store: TestStore): Promise<string[]> {
  const traceFile = join(store.directory, "trace");
  const settingsFile = join(store.directory, "settings.json");
  // Nobody listens there: what is stored waits, and so every write belongs to a webhook.
  writeFileSync(settingsFile, JSON.stringify(writeSettings("http://127.0.0.1:9/deliver", "smtp://127.0.0.1:9")));
  const env = {
    ...store.env,
    OMB_CONFIG: settingsFile,
    ADMIN_TOKEN: adminToken,
    GENESYS_GATEWAY_URL: "http://127.0.0.1:9",
    GENESYS_CLIENT_ID: "sync",
    GENESYS_CLIENT_SECRET: "sync",
    LOG_LEVEL: "silent",
  };
  const calls = "write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync";
  // -D: the bridge is our child and takes our signals, strace stands beside it.
  const strace = ["strace", "-D", "-f", "-y", "-q", "-s", "4096", "-e", `trace=${calls}`, "-o", traceFile];
  const port = await findFreePort();
  const bridge = spawnBridge({ under: strace, env, port, logFile: join(store.directory, "bridge.log") });
  await bridge.ready();
  for (let round = 1; round <= rounds; round += 1) {
    await Promise.all(Array.from({ length: atOnce }, (_, lane) => sendOne(bridge.url, `customer${lane}`, round)));
  }
  await bridge.stop();
  // strace pads process numbers to five places.
  const isWhole = () => new RegExp(`^${bridge.pid} +\\+\\+\\+ exited`, "m").test(readFileSync(traceFile, "utf8"));
  while (!isWhole()) await new Promise((done) => setTimeout(done, 50));
  return readFileSync(traceFile, "utf8").split("\n");
}

async function sendOne(url: string, recipient: string, number: number): Promise<void> {
  const body = writeText({ id: nameMessage(recipient, number), recipient, number });
  const headers = {
    "content-type": "application/json",
    "x-hub-signature-256": signBody(Buffer.from(body), signatureSecret),
  };
  const answer = await fetch(`${url}/genesys/${integration.name}/outbound`, { method: "POST", headers, body });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
  await answer.arrayBuffer();
}

async function checkPostgres(): Promise<string[]> {
  const stores = await openStores("postgres");
  const store = await stores.create();
  const client = new Client({ connectionString: store.env.DATABASE_URL });
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string; setting: string }>(
      "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by name",
    );
    process.stdout.write(`postgres: ${rows.map(({ name, setting }) => `${name} ${setting}`).join(", ")}\n`);
    const safe = ["on", "local", "remote_write", "remote_apply"];
    return rows
      .filter(({ setting }) => !safe.includes(setting))
      .map(({ name, setting }) => `postgres: ${name} is ${setting}`);
  } finally {
    await client.end();
    await store.remove();
    await stores.close();
  }
}

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
