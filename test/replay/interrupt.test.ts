import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/store/database";
import { listReplays } from "../../src/store/replays";
import { answerWith, startLocalServer } from "../channels/local-server";
import { atEnd } from "../helpers/clean-up";
import { until } from "../helpers/until";
import { newGenesysId } from "../helpers/webhook";
import { openOperation, type Operation } from "./commands";

const count = 3000;
const everything = ["--since", "2020-01-01T00:00:00Z"];

/** A store with so many imported webhooks to a few recipients, and nobody at work in it. */
async function makeArchive(): Promise<Operation> {
  const operation = await openOperation("sqlite");
  const bodies = Array.from({ length: count }, (_, n) => {
    const channel = { to: { id: `visitor-${n % 7}` }, time: new Date(Date.UTC(2026, 8, 14) + n).toISOString() };
    return JSON.stringify({ id: newGenesysId(), type: "Text", text: `message ${n}`, channel });
  });
  const file = join(operation.directory, "bodies.ndjson");
  writeFileSync(file, bodies.join("\n"));
  expect(await operation.run("captures", "import", file, "--integration", "harborline-chat")).toMatchObject({
    code: 0,
  });
  return operation;
}

/** The command in a process of its own. */
function start(operation: Operation, args: string[]): ChildProcess {
  const main = join(__dirname, "../../src/main.ts");
  const child = spawn(process.execPath, ["--import", "tsx", main, "replay", ...args], {
    env: { ...process.env, ...operation.env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  atEnd(() => child.kill("SIGKILL"));
  return child;
}

async function read<Value>(
  { location }: Operation,
  work: (db: ReturnType<typeof openDatabase>["db"]) => Promise<Value>,
) {
  const database = openDatabase(location, { readOnly: true });
  try {
    return await work(database.db);
  } finally {
    await database.close();
  }
}

const findReplay = async (operation: Operation) => (await read(operation, (db) => listReplays(db, 1)))[0];

/** Ends the command in the middle of its work. */
async function interrupt(operation: Operation, child: ChildProcess, signal: NodeJS.Signals) {
  const ended = once(child, "exit");
  await until(
    () => findReplay(operation),
    (replay) => (replay?.progress.done ?? 0) > 0,
    60_000,
  );
  child.kill(signal);
  await ended;
  const replay = await findReplay(operation);
  expect(replay?.progress.done).toBeLessThan(count);
  return replay;
}

test("a replay killed in the middle goes on where it was: every message once more, and once only", async () => {
  const operation = await makeArchive();
  const child = start(operation, [...everything, "--to", "self", "--yes", "--rate", "2000"]);
  const killed = await interrupt(operation, child, "SIGKILL");
  expect(killed?.state).toBe("running");

  expect(await operation.run("replay", "--resume", killed?.id ?? "")).toMatchObject({ code: 0 });

  const lines = await read(operation, (db) =>
    db.selectFrom("ledger").select("detail").where("event", "=", "message.stored").execute(),
  );
  const sources = lines.map(({ detail }) => (JSON.parse(detail ?? "{}") as { replayOf: string }).replayOf);
  expect(sources).toHaveLength(count);
  expect(new Set(sources).size).toBe(count);
  expect(await operation.run("audit")).toMatchObject({ code: 0 });
}, 120_000);

test("Ctrl-C pauses a replay, which is resumed without a message missing or out of order", async () => {
  const operation = await makeArchive();
  const hook = await startLocalServer(answerWith(200));
  atEnd(hook.stop);
  const child = start(operation, [...everything, "--to", hook.url]);
  const paused = await interrupt(operation, child, "SIGINT");
  expect(paused?.state).toBe("paused");
  const before = hook.received.length;
  expect(before).toBe(paused?.progress.done);

  expect(await operation.run("replay", "--resume", paused?.id ?? "")).toMatchObject({ code: 0 });

  expect(hook.received).toHaveLength(count);
  for (let visitor = 0; visitor < 7; visitor += 1) {
    const texts = hook.received
      .map(({ body }) => JSON.parse(body.toString()) as { text: string; channel: { to: { id: string } } })
      .filter(({ channel }) => channel.to.id === `visitor-${visitor}`)
      .map(({ text }) => Number(text.split(" ")[1]));
    expect(texts).toEqual([...texts].sort((a, b) => a - b));
  }
}, 120_000);

test("a replay to a URL that is killed repeats one step at most", async () => {
  const operation = await makeArchive();
  const hook = await startLocalServer(answerWith(200));
  atEnd(hook.stop);
  const child = start(operation, [...everything, "--to", hook.url]);
  const killed = await interrupt(operation, child, "SIGKILL");
  expect(await operation.run("replay", "--resume", killed?.id ?? "")).toMatchObject({ code: 0 });
  const ids = hook.received.map(({ headers }) => String(headers["x-omb-message"]));
  expect(new Set(ids).size).toBe(count);
  expect(ids.length).toBeLessThanOrEqual(count + 100);
}, 120_000);
