/** What a send of a notice ended with, and what providers report later: recorded, with what follows from it. */
import type { Channel, Outcome } from "../channels/channel";
import { type AfterSend, decideAfterSend, type NoticePolicy, type SendResult } from "../fallback/policy";
import { classifyAddress } from "../message/address";
import { isDeadMailbox } from "../message/bounce";
import type { ReasonCode } from "../message/message";
import { saveConsent } from "../store/consent";
import type { Tx } from "../store/database";
import { type FoundSend, findSend, finishSend, hasReached, readSendStatus } from "../store/notice-sends";
import {
  correctFates,
  loadNotice,
  type NoticeChange,
  type NoticeState,
  noticeTaskKey,
  wakeNotice,
  writeNotice,
} from "../store/notices";
import { finishTasks, type LeasedTask, postponeTasks, removeTasks } from "../store/tasks";
import { addOutcomeTasks } from "./notice-attributes";
import type { NoticeDeps } from "./notice-deps";
import { nextTryAt } from "./retry";

export type OutcomeDeps = Pick<NoticeDeps, "policyOf" | "organisationOf" | "now" | "random">;

/** A send that was under way, and the messages that it spoke of. */
export interface Sent {
  notice: NoticeState;
  channel: Channel;
  step: number;
  attempt: number;
  to: string;
}

/** Records how a send ended, unless somebody else has decided meanwhile. Call it in a transaction. */
export async function recordOutcome(
  deps: OutcomeDeps,
  tx: Tx,
  task: LeasedTask,
  sent: Sent,
  outcome: Outcome,
): Promise<void> {
  const now = deps.now();
  const notice = await loadNotice(tx, sent.notice.seq);
  if (notice === undefined || !notice.inFlight || notice.attempts !== sent.attempt) return;
  // The fate follows from what was told: the messages the notice spoke of, minus those that have arrived meanwhile.
  const told = new Set(sent.notice.missed.map((one) => one.seq));
  const spoken = { ...notice, missed: notice.missed.filter((one) => told.has(one.seq)) };
  const policy = deps.policyOf(notice.policy);
  const startedAt = notice.stepStartedAt ?? now;
  const result = judge(outcome, spoken, sent.channel, startedAt, now, deps.random);
  const providerMessageId = outcome.status === "failed" ? undefined : outcome.providerMessageId;
  await finishSend(tx, { noticeSeq: notice.seq, attempt: sent.attempt, status: result.status, providerMessageId });
  if (outcome.status === "failed") await learnFromFailure(tx, sent, outcome, now);

  const hasReturned = notice.returnedAt !== null;
  const after: AfterSend =
    notice.missed.length === 0 && result.status === "failed"
      ? // Everything it was about has arrived meanwhile, or an earlier step has reached the customer after all.
        { do: "end", status: (await hasReached(tx, notice.seq)) ? "delivered" : "cancelled", fate: "" }
      : decideAfterSend({ now, step: sent.step, startedAt, hasReturned }, result, policy);
  const code = outcome.status === "failed" ? { code: outcome.reason.code } : {};
  const change = {
    answer: outcome.answer,
    ...(providerMessageId === undefined ? {} : { providerMessageId }),
    detail: { channel: sent.channel.name, ...code },
  };
  await follow(deps, tx, { notice: spoken, task, policy, step: sent.step }, after, change, now);
}

interface Following {
  notice: NoticeState;
  /** Absent when a report came in between: then the notice's own task is woken. */
  task?: LeasedTask;
  policy: NoticePolicy | undefined;
  step: number;
}

async function follow(
  deps: OutcomeDeps,
  tx: Tx,
  { notice, task, step }: Following,
  after: AfterSend,
  change: Pick<NoticeChange, "answer" | "providerMessageId" | "detail">,
  now: number,
): Promise<void> {
  const dueAgain = async (dueAt: number) => {
    if (task === undefined) await wakeNotice(tx, notice.seq, dueAt, now);
    else await postponeTasks(tx, [{ task, dueAt }]);
  };
  switch (after.do) {
    case "end": {
      const { status } = after;
      const event = after.fate === "returned" ? "customer.returned" : `notice.${status}`;
      await writeNotice(
        tx,
        notice,
        { ...change, status, fate: after.fate, notBefore: null, waitsFor: null, event },
        now,
      );
      if (task !== undefined) await finishTasks(tx, [task]);
      await addOutcomeTasks(deps, tx, notice, status, now);
      return;
    }
    case "awaitConfirmation": {
      const detail = { ...change.detail, confirmBy: after.until };
      const waiting = { notBefore: after.until, waitsFor: "confirmation", event: "notice.accepted" };
      await writeNotice(tx, notice, { ...change, ...waiting, status: "accepted", detail }, now);
      await dueAgain(after.until);
      return;
    }
    case "tryAgain": {
      const isNext = after.step !== step;
      const moved = isNext ? { step: after.step, stepAttempts: 0, stepStartedAt: null } : {};
      const detail = {
        ...change.detail,
        ...(isNext ? { step: after.step + 1 } : {}),
        retryAt: new Date(after.at).toISOString(),
      };
      const waiting = { notBefore: after.at, waitsFor: isNext ? null : "retry", event: "notice.postponed" };
      await writeNotice(tx, notice, { ...change, ...moved, ...waiting, status: "waiting", detail }, now);
      await dueAgain(after.at);
      return;
    }
    default:
      return after satisfies never;
  }
}

function judge(
  outcome: Outcome,
  notice: NoticeState,
  channel: Channel,
  startedAt: number,
  now: number,
  random: () => number,
): SendResult {
  if (outcome.status !== "failed") return { status: outcome.status };
  if (outcome.uncertain) return { status: "unknown" };
  const retryAt = outcome.retryable
    ? nextTryAt(
        { attempts: notice.stepAttempts, firstAttemptAt: startedAt, now, retryAfterMs: outcome.retryAfterMs },
        channel.retry,
        random,
      )
    : undefined;
  return { status: "failed", retryAt, isProvider: isProviderFault(outcome.reason.code) };
}

/** Faults that another provider may not have; the others are about the customer or the text. */
function isProviderFault(code: ReasonCode): boolean {
  return code === "ServerError" || code === "RateLimited" || code === "GeneralError";
}

/** Who opted out at the provider, or whose mailbox does not exist, is not written to again. */
async function learnFromFailure(
  tx: Tx,
  sent: Sent,
  outcome: Extract<Outcome, { status: "failed" }>,
  now: number,
): Promise<void> {
  const channel = classifyAddress(sent.to);
  if (channel === undefined || channel !== sent.channel.type) return;
  const shared = { address: sent.to, channel, purpose: "*", state: "optedOut", at: now } as const;
  const evidence = { notice: sent.notice.id, channel: sent.channel.name, answer: outcome.answer };
  if (outcome.reason.code === "RecipientOptedOut") {
    const source = sent.channel.provider === "twilio" ? "twilio" : "channel";
    await saveConsent(tx, { ...shared, source, reason: "the provider says that the recipient opted out", evidence });
  } else if (channel === "email" && isDeadMailbox(outcome.answer)) {
    await saveConsent(tx, { ...shared, source: "bounce", reason: "the mailbox does not exist", evidence });
  }
}

/** Returns `reportNotice(send, receipt)`, which applies what a channel reports of a notice's send; false when there is no such send. */
export function createNoticeReports(deps: OutcomeDeps & Pick<NoticeDeps, "database">) {
  return function reportNotice(
    send: { channel: string; deliveryId: string | undefined; providerMessageId: string | undefined },
    receipt: { status: "delivered" | "read" | "failed"; reason?: { code: ReasonCode } | undefined },
  ): Promise<boolean> {
    return deps.database.transaction(async (tx) => {
      const found = await findSend(tx.db, send);
      if (found === undefined) return false;
      await applyNoticeNews(deps, tx, found, { status: receipt.status, code: receipt.reason?.code });
      return true;
    });
  };
}

/** What a provider reports of a send later. */
export interface NoticeNews {
  status: "delivered" | "read" | "failed";
  code?: ReasonCode | undefined;
}

/** Applies late news of a send; what is known to be better is kept. Call it in a transaction. */
export async function applyNoticeNews(deps: OutcomeDeps, tx: Tx, found: FoundSend, news: NoticeNews): Promise<void> {
  const now = deps.now();
  const notice = await loadNotice(tx, found.noticeSeq);
  const known = await readSendStatus(tx, found);
  if (notice === undefined || known === "delivered" || known === news.status) return;
  const { noticeSeq, attempt } = found;
  const detail = { channel: found.channel, ...(news.code === undefined ? {} : { code: news.code }) };
  if (news.status !== "failed") {
    await finishSend(tx, { noticeSeq, attempt, status: "delivered" });
    const change = { status: notice.inFlight ? notice.status : "delivered", inFlight: notice.inFlight };
    await writeNotice(tx, notice, { ...change, fate: "notified", event: "notice.delivered", detail }, now);
    const late = { from: ["exhausted", "unknown"], fate: "notified", event: "notice.delivered", detail };
    await correctFates(tx, notice, late, now);
    if (!notice.inFlight) {
      await removeTasks(tx, [noticeTaskKey(notice.seq)]);
      await addOutcomeTasks(deps, tx, notice, "delivered", now);
    }
    return;
  }
  await finishSend(tx, { noticeSeq, attempt, status: "failed" });
  if (news.code === "RecipientOptedOut") await optOutByReport(tx, found, news, notice, now);
  if (notice.inFlight || attempt !== notice.attempts) return;
  const policy = deps.policyOf(notice.policy);
  const startedAt = notice.stepStartedAt ?? now;
  const hasReturned = notice.missed.length === 0 && notice.returnedAt !== null;
  const result = { status: "failed", retryAt: undefined, isProvider: false } as const;
  const after = decideAfterSend({ now, step: found.step, startedAt, hasReturned }, result, policy);
  if (notice.missed.length > 0) {
    await follow(deps, tx, { notice, policy, step: found.step }, after, { detail }, now);
    return;
  }
  // Its messages count as told: what is reported now takes that back, for good or until the next step has told of them.
  const isOver = after.do === "end";
  const undone = {
    from: ["notified"],
    fate: isOver ? after.fate : "open",
    event: isOver ? `notice.${after.status}` : "notice.failed",
    detail,
  };
  if ((await correctFates(tx, notice, undone, now)) === 0) return;
  if (isOver) return writeNotice(tx, notice, { status: after.status, detail }, now);
  const reopened = await loadNotice(tx, noticeSeq);
  if (reopened !== undefined)
    await follow(deps, tx, { notice: reopened, policy, step: found.step }, after, { detail }, now);
}

/** The report names no address; the key of the one that was written to is enough. */
async function optOutByReport(
  tx: Tx,
  found: FoundSend,
  news: NoticeNews,
  notice: NoticeState,
  now: number,
): Promise<void> {
  const { addressKey, channel } = found;
  const evidence = { notice: notice.id, channel, code: news.code };
  const reason = "the provider says that the recipient opted out";
  await saveConsent(tx, {
    addressKey,
    channel: "*",
    purpose: "*",
    state: "optedOut",
    source: "channel",
    reason,
    evidence,
    at: now,
  });
}
