/** Tells adapters of customers' messages that did not get into Genesys Cloud: signed, tried again, written down. */
import type { Channel, Outcome } from "../channels/channel";
import { type AdapterFailure, adapterFailure } from "../message/adapter";
import type { Database } from "../store/database";
import { type FailedInbound, readFailedInbound } from "../store/inbound";
import { insertLedger } from "../store/ledger";
import { failureQueue } from "../store/queues";
import { finishTasks, type LeasedTask, postponeTasks } from "../store/tasks";
import { nextTryAt } from "./retry";
import type { QueueWork } from "./worker";

export interface FailureDeps {
  database: Database;
  persist<T>(write: () => Promise<T>): Promise<T>;
  now: () => number;
  random: () => number;
}

/** A day, as long as the message itself was tried. */
const retry = { maxAgeSeconds: 86_400, firstDelayMs: 1000, maxDelayMs: 300_000 };

const nobodyToTell: Outcome = {
  status: "failed",
  retryable: false,
  reason: { code: "UnsupportedMessage", message: "the channel takes no news" },
  answer: "the channel takes no news",
};

/** The work of one channel's failures. */
export function createFailureNews(deps: FailureDeps, channel: Channel): QueueWork {
  return {
    queue: failureQueue(channel.name),
    concurrency: 8,
    leaseMs: channel.timeoutMs + 5000,
    begin: async (tasks) => tasks.map((task) => tell(deps, channel, task)),
  };
}

async function tell(deps: FailureDeps, channel: Channel, task: LeasedTask): Promise<void> {
  const { database, now } = deps;
  const failed = await readFailedInbound(database.db, String(task.detail?.messageId));
  const at = Number(task.detail?.at ?? now());
  const failure = failed && writeFailure(failed, at);
  if (failed === undefined || failure === undefined) {
    await database.transaction((tx) => finishTasks(tx, [task]));
    return;
  }
  const outcome = (await channel.tellFailure?.(failure)) ?? nobodyToTell;
  await deps.persist(() => record(deps, task, failed.seq, outcome, at));
}

/** Undefined when there is nothing to tell any more: it arrived after all. */
function writeFailure(failed: FailedInbound, at: number): AdapterFailure | undefined {
  if (failed.fate !== "failed") return undefined;
  return adapterFailure.parse({
    type: "message.failed",
    id: failed.id,
    messageId: readMessageId(failed.body),
    integration: failed.integration,
    integrationId: failed.integrationId,
    from: { id: failed.recipientId, idType: failed.recipientIdType },
    reason: failed.reason ?? { code: "GeneralError", message: "" },
    at: new Date(at).toISOString(),
  });
}

function readMessageId(body: Buffer | null): string | null {
  if (body === null) return null;
  const { messageId } = JSON.parse(body.toString("utf8")) as { messageId?: unknown };
  return typeof messageId === "string" ? messageId : null;
}

async function record(deps: FailureDeps, task: LeasedTask, messageSeq: number, outcome: Outcome, failedAt: number) {
  const { database, random } = deps;
  const now = deps.now();
  const { answer } = outcome;
  const tried = { attempts: task.attempt, firstAttemptAt: failedAt, now };
  const retryAt =
    outcome.status === "failed" && outcome.retryable
      ? nextTryAt({ ...tried, retryAfterMs: outcome.retryAfterMs }, retry, random)
      : undefined;
  await database.transaction(async (tx) => {
    if (retryAt !== undefined) return postponeTasks(tx, [{ task, dueAt: retryAt }]);
    const ours = await finishTasks(tx, [task]);
    if (ours.size === 0) return;
    const event = outcome.status === "failed" ? "failure.untold" : "failure.told";
    await insertLedger(tx.db, [{ messageSeq, at: now, event, detail: { attempt: task.attempt, answer } }]);
  });
}
