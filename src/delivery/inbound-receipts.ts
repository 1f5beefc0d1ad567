/** Works off Genesys Cloud's receipts for customers' messages: whether they were published, or why not. */
import type { Message, Reason, ReasonCode } from "../message/message";
import { reasonCodes } from "../message/message";
import { type KeptBody, readCapture, type StoredCapture } from "../store/captures";
import type { ChangeRequest } from "../store/changes";
import type { MessageState } from "../store/states";
import type { Database } from "../store/database";
import { findInboundDelivery } from "../store/inbound";
import { insertLedger } from "../store/ledger";
import { inboundReceiptQueue } from "../store/queues";
import { finishTasks, type LeasedTask, postponeTasks } from "../store/tasks";
import type { Rules } from "./rules";
import { type Confirmation, decideConfirmation } from "./status";
import type { QueueWork } from "./worker";

export interface InboundReceiptDeps {
  database: Database;
  change(request: ChangeRequest): Promise<MessageState | undefined>;
  understand(capture: KeptBody): Message;
  rulesOf(integration: string, channel: string): Rules;
  now: () => number;
  random: () => number;
  newId: () => string;
}

type Receipt = Extract<Message, { kind: "receipt" }>;

/** A receipt may be faster than the answer that tells us its id; after this long it is for nobody. */
const unmatchedAfterMs = 3_600_000;

export function createInboundReceipts(deps: InboundReceiptDeps): QueueWork {
  return {
    queue: inboundReceiptQueue,
    concurrency: 64,
    leaseMs: 30_000,
    begin: async (tasks) => tasks.map((task) => handle(deps, task)),
  };
}

async function handle(deps: InboundReceiptDeps, task: LeasedTask): Promise<void> {
  const { database, now } = deps;
  const capture = task.subject === null ? undefined : await readCapture(database.db, task.subject);
  const receipt = capture === undefined ? undefined : readReceipt(deps, capture);
  if (capture === undefined || receipt === undefined) return finish(deps, task);
  const news = readNews(receipt, capture.receivedAt);
  if (news === undefined)
    return finish(deps, task, { event: "receipt.ignored", detail: { status: receipt.receipt.status } });
  const found = await findInboundDelivery(database.db, {
    integration: capture.integration,
    messageId: receipt.receipt.messageId,
    genesysMessageId: receipt.genesysMessageId,
  });
  if (found === undefined) {
    if (now() - capture.receivedAt > unmatchedAfterMs) return finish(deps, task, { event: "receipt.unmatched" });
    const dueAt = now() + Math.min(60_000, 100 * 2 ** Math.min(task.attempt, 10));
    return database.transaction((tx) => postponeTasks(tx, [{ task, dueAt }]));
  }
  await deps.change({
    deliverySeq: found.deliverySeq,
    decide: (state) =>
      decideConfirmation(state, news, {
        now: now(),
        rules: deps.rulesOf(state.integration, state.delivery.channel),
        random: deps.random,
        newId: deps.newId,
      }),
  });
  return finish(deps, task, { event: "receipt.matched", detail: { message: found.messageId } });
}

function readReceipt(deps: InboundReceiptDeps, capture: StoredCapture): Receipt | undefined {
  const { body, ...known } = capture;
  if (body === null) return undefined;
  const message = deps.understand({ body, ...known });
  return message.kind === "receipt" ? message : undefined;
}

/** What a receipt says of the message; undefined when it decides nothing, as `Sent` does. */
export function readNews({ receipt, sentAt }: Receipt, receivedAt: number): Confirmation | undefined {
  const at = sentAt === null ? receivedAt : Date.parse(sentAt);
  switch (receipt.status) {
    // Genesys Cloud says Published of what has reached the conversation.
    case "Published":
    case "Delivered":
      return { status: "delivered", at };
    case "Read":
      return { status: "read", at };
    case "Failed":
      return { status: "failed", reason: readReason(receipt.reasons ?? []), at };
    default:
      return undefined;
  }
}

function readReason(reasons: readonly { code?: string; message?: string }[]): Reason {
  const code = reasons.flatMap((one) => (isReasonCode(one.code) ? [one.code] : []))[0] ?? "GeneralError";
  const said = reasons.flatMap((one) => (one.message ? [one.message] : [])).join(" ");
  return { code, message: said === "" ? "Genesys Cloud reported a failure without a reason" : said.slice(0, 1000) };
}

function isReasonCode(code: string | undefined): code is ReasonCode {
  return (reasonCodes as readonly (string | undefined)[]).includes(code);
}

/** Ends the task, with what came of it in the receipt's own timeline. */
async function finish(
  { database, now }: InboundReceiptDeps,
  task: LeasedTask,
  line?: { event: string; detail?: Record<string, unknown> },
): Promise<void> {
  await database.transaction(async (tx) => {
    const ours = await finishTasks(tx, [task]);
    if (line !== undefined && task.subject !== null && ours.size > 0) {
      await insertLedger(tx.db, [{ ...line, at: now(), messageSeq: task.subject }]);
    }
  });
}
