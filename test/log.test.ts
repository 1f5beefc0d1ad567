import { spawnSync } from "node:child_process";
import { createLog, formatLine, type Log, type LogLevel } from "../src/log";

function openLog(level: LogLevel = "trace") {
  const lines: string[] = [];
  const log = createLog({ level, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, events: () => lines.map((line) => JSON.parse(line)) };
}

test("an event is one JSON line with its name, level and time", () => {
  const { log, lines } = openLog();
  log.bridgeStarted({ version: "1.0.0", role: "both", host: "127.0.0.1", port: 3000, database: "sqlite" });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    event: "bridge.started",
    version: "1.0.0",
    role: "both",
    host: "127.0.0.1",
    port: 3000,
    database: "sqlite",
  });
});

test("every event's name is its function's, in the past tense", () => {
  const { log, events } = openLog();
  const names = Object.keys(log) as (keyof Log)[];
  for (const name of names) log[name]({});
  expect(events()).toHaveLength(names.length);
  for (const [index, { event }] of events().entries()) {
    expect(event.replace(/\.([a-z])/, (_: string, letter: string) => letter.toUpperCase())).toBe(names[index]);
    expect(event).toMatch(/^[a-zA-Z]+\.([a-z]+ed|sent|made|stopping)$/);
  }
});

test("fields that an event does not name are dropped, whatever they hold", () => {
  const { log, events } = openLog();
  const handed = {
    messageId: "m-1",
    attempt: 2,
    text: "a private word",
    recipient: { id: "anna@customer.example" },
    message: { text: "a private word" },
    secret: "whsec_private",
  };
  for (const name of Object.keys(log) as (keyof Log)[]) log[name](handed);
  expect(JSON.stringify(events())).not.toMatch(/private|customer|recipient|secret/);
  expect(events().find(({ event }) => event === "delivery.attempted")).toMatchObject({ messageId: "m-1", attempt: 2 });
});

test("an error shows its name, code and place, never its message", () => {
  const { log, lines, events } = openLog();
  const cause = Object.assign(new TypeError("550 <anna@customer.example> unknown"), { code: "EENVELOPE" });
  const error = new Error("cannot send to anna@customer.example\n    at anna@customer.example", { cause });
  log.taskFailed({ kind: "deliver", error });
  expect(lines.join("")).not.toContain("anna");
  expect(events()[0].error).toMatchObject({
    name: "Error",
    at: expect.arrayContaining([expect.stringContaining("log.test.ts")]),
    cause: { name: "TypeError", code: "EENVELOPE" },
  });
});

test("causes in a circle come to an end", () => {
  const { log, lines } = openLog();
  const error = new Error("first");
  error.cause = new Error("second", { cause: error });
  log.storeFailed({ error });
  expect(lines[0]?.match(/"cause"/g)).toHaveLength(2);
});

test("what is thrown need not be an error", () => {
  const { log, events } = openLog();
  log.workerFailed({ kind: "deliver", error: "a private word" });
  log.workerFailed({ kind: "deliver", error: Object.assign(new Error("x"), { code: "to anna@customer.example" }) });
  expect(events()[0].error).toEqual({ name: "string" });
  expect(events()[1].error).not.toHaveProperty("code");
});

test("events below the level are not written", () => {
  const { log, events } = openLog("warn");
  log.deliveryAttempted({ messageId: "m-1" });
  log.webhookRefused({ httpStatus: 401, code: "unauthorized" });
  expect(events().map(({ event }) => event)).toEqual(["webhook.refused"]);
});

test("silent writes nothing", () => {
  const { log, lines } = openLog("silent");
  log.storeFailed({ code: "SQLITE_FULL" });
  expect(lines).toEqual([]);
});

test("a line for people is short and keeps to one line", () => {
  const line = JSON.stringify({
    level: "info",
    time: "2026-01-02T03:04:05.678Z",
    event: "delivery.attempted",
    channel: "chat",
    attempt: 2,
    warning: "two words\nand a line",
  });
  expect(formatLine(line)).toBe(
    '03:04:05.678 info  delivery.attempted channel=chat attempt=2 warning="two words\\nand a line"\n',
  );
});

test("the log goes to stderr as JSON where no terminal is, and nothing to stdout", () => {
  const script = 'require("./src/log").createLog({ level: "info" }).bridgeStopped({ durationMs: 3 }); process.exit(0);';
  const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "-e", script], { encoding: "utf8" });
  expect(stdout).toBe("");
  expect(JSON.parse(stderr)).toMatchObject({ level: "info", event: "bridge.stopped", durationMs: 3 });
});
