/** The log: one function per event. An event carries the fields named here and nothing else it is handed. */
import pino, { type DestinationStream, type Level, type Logger } from "pino";

/**
 * Every field there is. None of them can hold a message's text, an address, a number or a secret: a recipient is never
 * named, and of an error only name, code and place are kept, since its message may quote what it failed on.
 */
interface Fields {
  integration: string;
  channel: string;
  organisation: string;
  /** What was asked of Genesys Cloud, as `receipts.send`. */
  operation: string;
  /** Permissions that an OAuth client lacks. */
  permissions: readonly string[];
  policy: string;
  /** Our ids, and Genesys Cloud's id of a conversation. */
  messageId: string;
  conversationId: string;
  deliveryId: string;
  noticeId: string;
  replayId: string;
  /** What kind of thing: a message's kind, a task's, a receipt's status. */
  kind: string;
  /** What became of it. */
  status: string;
  /** One of the reason codes, an error code of ours, or why a request was refused. */
  code: string;
  httpStatus: number;
  correlationId: string;
  attempt: number;
  count: number;
  failed: number;
  bytes: number;
  durationMs: number;
  waitMs: number;
  retryable: boolean;
  host: string;
  port: number;
  role: string;
  version: string;
  database: string;
  signal: string;
  /** A path on disk, or a route's pattern. */
  path: string;
  /** A sentence of ours about the settings or what they lead to. */
  warning: string;
  error: unknown;
}

const on = <const Names extends readonly (keyof Fields)[]>(level: Level, event: string, fields: Names) => ({
  level,
  event,
  fields,
});

const events = {
  bridgeStarted: on("info", "bridge.started", ["version", "role", "host", "port", "database", "durationMs"]),
  bridgeStopping: on("info", "bridge.stopping", ["signal"]),
  bridgeStopped: on("info", "bridge.stopped", ["durationMs"]),
  settingsDoubted: on("warn", "settings.doubted", ["warning"]),
  adminTokenMade: on("info", "adminToken.made", ["path"]),

  webhookStored: on("debug", "webhook.stored", ["integration", "messageId", "kind", "bytes", "durationMs"]),
  webhookRepeated: on("debug", "webhook.repeated", ["integration", "kind"]),
  webhookRefused: on("warn", "webhook.refused", ["integration", "httpStatus", "code", "bytes"]),
  eventStored: on("debug", "event.stored", ["kind", "conversationId"]),
  conversationChecked: on("info", "conversation.checked", ["organisation", "conversationId", "status", "count"]),
  codeAsked: on("info", "code.asked", ["conversationId", "channel", "status"]),
  codeSent: on("info", "code.sent", ["channel", "status", "attempt"]),
  codeTried: on("info", "code.tried", ["conversationId", "status"]),
  contactResolved: on("info", "contact.resolved", ["organisation", "conversationId", "status", "kind"]),
  callbackStored: on("debug", "callback.stored", ["channel", "kind", "deliveryId", "status"]),
  callbackRefused: on("warn", "callback.refused", ["channel", "path", "httpStatus", "code"]),
  requestFailed: on("error", "request.failed", ["path", "httpStatus", "code", "error"]),

  storeMigrated: on("info", "store.migrated", ["database", "count", "durationMs"]),
  storeFailed: on("error", "store.failed", ["code", "error"]),
  storeRecovered: on("info", "store.recovered", ["durationMs"]),
  leasesReleased: on("info", "leases.released", ["count"]),

  workerFailed: on("error", "worker.failed", ["kind", "error"]),
  taskFailed: on("error", "task.failed", ["kind", "messageId", "attempt", "waitMs", "error"]),

  deliveryAttempted: on("info", "delivery.attempted", [
    "integration",
    "channel",
    "messageId",
    "deliveryId",
    "conversationId",
    "kind",
    "attempt",
    "status",
    "code",
    "retryable",
    "waitMs",
    "durationMs",
  ]),
  deliveryConfirmed: on("info", "delivery.confirmed", ["channel", "messageId", "deliveryId", "status", "code"]),
  deliveryEnded: on("info", "delivery.ended", ["integration", "channel", "messageId", "deliveryId", "status", "code"]),
  breakerOpened: on("error", "breaker.opened", ["channel", "count", "waitMs"]),
  breakerClosed: on("info", "breaker.closed", ["channel", "durationMs"]),

  genesysCalled: on("debug", "genesys.called", ["organisation", "operation", "durationMs"]),
  genesysFailed: on("warn", "genesys.failed", [
    "organisation",
    "operation",
    "httpStatus",
    "code",
    "permissions",
    "correlationId",
    "retryable",
    "waitMs",
    "durationMs",
  ]),
  genesysDoubted: on("error", "genesys.doubted", ["organisation", "httpStatus", "code", "warning"]),
  receiptSent: on("info", "receipt.sent", ["integration", "messageId", "status", "code", "attempt", "durationMs"]),
  receiptPostponed: on("warn", "receipt.postponed", ["integration", "messageId", "status", "attempt", "waitMs"]),
  receiptRefused: on("error", "receipt.refused", ["integration", "messageId", "status", "httpStatus", "code"]),
  receiptSkipped: on("warn", "receipt.skipped", ["integration", "messageId", "status", "waitMs"]),

  noticePlanned: on("info", "notice.planned", ["policy", "noticeId", "messageId", "code", "waitMs"]),
  noticeSent: on("info", "notice.sent", ["policy", "noticeId", "channel", "count", "status", "attempt", "durationMs"]),
  noticeEnded: on("info", "notice.ended", ["policy", "noticeId", "channel", "status", "code"]),
  replayEnded: on("info", "replay.ended", ["replayId", "status", "count", "failed", "durationMs"]),
  templateFailed: on("error", "template.failed", ["policy", "noticeId", "kind"]),
  bounceFetched: on("info", "bounce.fetched", ["channel", "kind"]),
  mailboxFailed: on("warn", "mailbox.failed", ["channel", "code", "attempt", "waitMs"]),
  mailboxRecovered: on("info", "mailbox.recovered", ["channel", "attempt"]),
  noticesBraked: on("error", "notices.braked", ["policy", "count", "waitMs"]),
} as const;

type Events = typeof events;

/** One function for each event. A field that does not apply is left out of the call. */
export type Log = {
  [Name in keyof Events]: (fields: Partial<Pick<Fields, Events[Name]["fields"][number]>>) => void;
};

/** From least to most important; `silent` logs nothing. */
export type LogLevel = Level | "silent";

/**
 * Makes the log. Lines are JSON on stderr; where stderr is a terminal, they are short and for people. What stdout
 * carries is left to commands.
 */
export function createLog({ level, destination }: { level: LogLevel; destination?: DestinationStream }): Log {
  const logger = pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination ?? openStderr(),
  );
  const names = Object.keys(events) as (keyof Events)[];
  return Object.fromEntries(names.map((name) => [name, writeEvent(logger, events[name])])) as Log;
}

function writeEvent(logger: Logger, { level, event, fields }: Events[keyof Events]) {
  return (given: Partial<Fields>): void => {
    if (!logger.isLevelEnabled(level)) return;
    const line: Record<string, unknown> = { event };
    for (const field of fields) {
      const value = given[field];
      if (value !== undefined) line[field] = field === "error" ? describeError(value) : value;
    }
    logger[level](line);
  };
}

/** Name, code and place of an error and of its nearest causes, without their messages. */
function describeError(error: unknown, depth = 3): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const code = "code" in error && /^[\w.-]{1,64}$/.test(String(error.code)) ? { code: error.code } : {};
  const cause = error.cause instanceof Error && depth > 1 ? { cause: describeError(error.cause, depth - 1) } : {};
  return { name: error.name, ...code, at: listFrames(error), ...cause };
}

function listFrames({ stack = "" }: Error): string[] {
  const frames = stack.split("\n").filter((line) => /^ {4}at .*:\d+:\d+\)?$/.test(line));
  return frames.slice(0, 5).map((line) => line.trim().slice("at ".length));
}

/** Lines of one turn of the event loop go out in one write, and the last ones before the process ends. */
function openStderr(): DestinationStream {
  if (process.stderr.isTTY) return { write: (line) => void process.stderr.write(formatLine(line)) };
  const stderr = pino.destination({ dest: 2, sync: true });
  let lines = "";
  function flush(): void {
    const text = lines;
    lines = "";
    if (text !== "") stderr.write(text);
  }
  process.on("exit", flush);
  return {
    write(line) {
      if (lines === "") setImmediate(flush);
      lines += line;
    },
  };
}

/** A JSON line for people: time of day, level, event, then `field=value`. */
export function formatLine(json: string): string {
  const { time, level, event, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${formatValue(value)}`);
  return `${[String(time).slice(11, 23), String(level).padEnd(5), String(event).padEnd(18), ...pairs].join(" ").trimEnd()}\n`;
}

function formatValue(value: unknown): string {
  return typeof value === "string" && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
}
