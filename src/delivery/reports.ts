/** Tells Genesys Cloud what became of its messages: receipts, inside the budget, until they are taken or refused. */
import type { Database } from "../store/database";
import { type OwedReceipt, type ReceiptResult, readOwedReceipts, receiptsHandedOver } from "../store/receipts";
import { finishTasks, type LeasedTask } from "../store/tasks";
import { receiptQueue } from "./status";
import type { QueueWork } from "./worker";

/** What a call to Genesys Cloud ended with. */
export type ReportAnswer =
  | { status: "done"; answer: string }
  | { status: "refused"; answer: string }
  | { status: "later"; retryAfterMs?: number; answer: string };

export interface ReportDeps {
  database: Database;
  organisation: string;
  /** Sends one receipt inside the budget of Genesys Cloud's rate limit. Never throws for what Genesys Cloud does. */
  sendReceipt(receipt: {
    integrationId: string;
    genesysMessageId: string;
    recipient: { id: string; idType: string };
    status: "Delivered" | "Failed";
    reason?: { code: string; message: string };
    at: string;
  }): Promise<ReportAnswer>;
  record(result: ReceiptResult): Promise<void>;
  persist<T>(write: () => Promise<T>): Promise<T>;
  now: () => number;
  log: {
    receiptSent(facts: {
      integration: string;
      messageId: string;
      status: string;
      attempt: number;
      durationMs: number;
    }): void;
    receiptPostponed(facts: {
      integration: string;
      messageId: string;
      status: string;
      attempt: number;
      waitMs: number;
    }): void;
    receiptRefused(facts: { integration: string; messageId: string; status: string }): void;
    receiptSkipped(facts: { integration: string; messageId: string; status: string; waitMs: number }): void;
  };
}

/** A `Delivered` receipt that could not be sent for this long is skipped: the budget belongs to fresher news. */
const staleAfterMs = 600_000;
const longestDelayMs = 300_000;
/** A call may wait five seconds for its place in the budget, and take fifteen. */
const leaseMs = 30_000;
const atOnce = 160;

/** Failures and deliveries have a queue each: a failure never waits behind deliveries. */
export function createReports(deps: ReportDeps): QueueWork[] {
  return (["Failed", "Delivered"] as const).map((status) => {
    let pausedUntil = 0;
    const pause = (until: number) => {
      pausedUntil = Math.max(pausedUntil, until);
    };
    return {
      queue: receiptQueue(deps.organisation, status),
      concurrency: atOnce,
      leaseMs,
      permits: (now) =>
        now < pausedUntil ? { count: 0, askAgainAt: pausedUntil } : { count: Number.POSITIVE_INFINITY },
      begin: (tasks: LeasedTask[]) => beginReports(deps, tasks, pause),
      offer(room) {
        deps.database.takers.offer(receiptsHandedOver, receiptQueue(deps.organisation, status), {
          ...room,
          give: (handed) => room.run(handed.map(({ task, receipt }) => reportAndRecord(deps, task, receipt, pause))),
        });
      },
    } satisfies QueueWork;
  });
}

async function beginReports(
  deps: ReportDeps,
  tasks: LeasedTask[],
  pause: (until: number) => void,
): Promise<Promise<void>[]> {
  const { database } = deps;
  const owed = await readOwedReceipts(
    database.db,
    tasks.flatMap((task) => (task.subject === null ? [] : [task.subject])),
  );
  const byMessage = new Map(owed.map((one) => [one.messageSeq, one]));
  const orphans = tasks.filter((task) => task.subject === null || !byMessage.has(task.subject));
  if (orphans.length > 0) await database.transaction((tx) => finishTasks(tx, orphans));
  return tasks.flatMap((task) => {
    const receipt = task.subject === null ? undefined : byMessage.get(task.subject);
    if (receipt === undefined) return [];
    return [reportAndRecord(deps, task, receipt, pause)];
  });
}

async function reportAndRecord(
  deps: ReportDeps,
  task: LeasedTask,
  receipt: OwedReceipt,
  pause: (until: number) => void,
): Promise<void> {
  const result = await report(deps, task, receipt, pause);
  await deps.persist(() => deps.record(result));
}

async function report(
  { sendReceipt, now, log }: ReportDeps,
  task: LeasedTask,
  receipt: OwedReceipt,
  pause: (until: number) => void,
): Promise<ReceiptResult> {
  const { messageSeq, status, integration, messageId } = receipt;
  const startedAt = now();
  const waitMs = startedAt - receipt.owedAt;
  const result = { task, messageSeq, status, at: startedAt };
  if (status === "Delivered" && waitMs > staleAfterMs) {
    log.receiptSkipped({ integration, messageId, status, waitMs });
    return { state: "skipped", answer: "it waited longer than ten minutes for the rate limit", ...result };
  }
  const { answer, ...answered } = await sendReceipt({
    integrationId: receipt.integrationId,
    genesysMessageId: receipt.genesysMessageId ?? "",
    recipient: { id: receipt.recipientId, idType: receipt.recipientIdType },
    status,
    ...(receipt.reason === null ? {} : { reason: receipt.reason }),
    at: new Date(receipt.at).toISOString(),
  });
  const at = now();
  if (answered.status === "done") {
    log.receiptSent({ integration, messageId, status, attempt: task.attempt, durationMs: at - startedAt });
    return { state: "sent", answer, ...result, at };
  }
  if (answered.status === "refused") {
    log.receiptRefused({ integration, messageId, status });
    return { state: "refused", answer, ...result, at };
  }
  if (answered.retryAfterMs !== undefined) pause(at + answered.retryAfterMs);
  const delayMs = answered.retryAfterMs ?? Math.min(longestDelayMs, 1000 * 2 ** Math.min(task.attempt - 1, 20));
  log.receiptPostponed({ integration, messageId, status, attempt: task.attempt, waitMs: delayMs });
  return { state: "later", dueAt: at + delayMs, answer, ...result, at };
}
