/** What becomes of a delivery and its message, event by event. Pure: each function maps the state as it is to the change that follows. */
import type { Outcome } from "../channels/channel";
import type { Reason } from "../message/message";
import type { Change, MessageChange } from "../store/change";
import type { MessageState } from "../store/states";
import type { NoticeJoin } from "../store/notices";
import { keyOf } from "../store/keys";
import { failureQueue, failureTaskKey } from "../store/queues";
import { nextTryAt } from "./retry";
import type { FallbackRule, Rules } from "./rules";
import { superseded } from "./takeover";

/** Statuses after which a delivery is not sent again. */
const settled = new Set(["accepted", "delivered", "read", "failed", "unconfirmed", "unknown"]);

export const confirmQueue = "confirmations";

/** Receipts of failures go before those of deliveries, so each has its own queue per organisation. */
export function receiptQueue(organisation: string, status: "Delivered" | "Failed"): string {
  return `receipts-${status.toLowerCase()}:${organisation}`;
}

export function confirmTaskKey(deliverySeq: number): string {
  return `confirm:${deliverySeq}`;
}

/** Facts from outside that a decision needs. */
export interface Circumstances {
  now: number;
  rules: Rules;
  random: () => number;
  newId: () => string;
}

/** The head of a lane is about to be sent. Returns the attempt to make, if one is to be made. */
export function decideStart(state: MessageState, given: Circumstances): { change: Change; attempt?: number } {
  const { delivery } = state;
  const { now, rules } = given;
  if (settled.has(delivery.status)) return { change: { lane: "release", ledger: [] } };
  if (delivery.status === "sending" && !rules.repeatable) {
    return { change: becomeUnknown(state, "the process ended before the answer was recorded", given) };
  }
  const attempt = delivery.attempts + 1;
  const repeat = delivery.status === "sending";
  return {
    attempt,
    change: {
      delivery: {
        status: "sending",
        attempts: attempt,
        ...(delivery.firstAttemptAt === null ? { firstAttemptAt: now } : { attemptAt: now }),
      },
      ...(repeat ? { interrupted: { number: delivery.attempts, at: now } } : {}),
      ledger: [{ at: now, event: "delivery.sending", detail: repeat ? { attempt, repeat } : { attempt } }],
    },
  };
}

/** A try has ended. */
export function decideOutcome(
  state: MessageState,
  attempt: { number: number; outcome: Outcome; probe?: boolean },
  given: Circumstances,
): Change {
  const { now, rules } = given;
  const { outcome } = attempt;
  const finished = {
    number: attempt.number,
    at: now,
    result: outcome.status,
    answer: outcome.answer,
  };
  if (state.delivery.attempts !== attempt.number) {
    // The lease ran out and somebody else has taken over: what this try learned is kept, the later one decides.
    return { attempt: finished, ...superseded(now, { attempt: attempt.number }) };
  }
  // Recorded already, by a commit whose answer got lost: the lane waits for the next try.
  if (state.delivery.status === "pending") return { ledger: [] };
  const isUnderWay = state.delivery.status === "sending";
  if (!isUnderWay && !resolvesUnknown(state, outcome)) {
    // A confirmation was faster than the answer, which may still know the message's ids.
    return { attempt: finished, lane: "release", ...learn(outcome, rules), ledger: [] };
  }
  if (outcome.status !== "failed") {
    const { status, providerMessageId } = outcome;
    if (status === "accepted")
      return withIds(
        { attempt: finished, lane: "release", ...becomeAccepted(state, providerMessageId, given) },
        outcome,
        rules,
      );
    const change = becomeDelivered(state, "delivered", now, given);
    return withIds(
      { attempt: finished, lane: "release", ...change, delivery: { acceptedAt: now, ...change.delivery } },
      outcome,
      rules,
    );
  }
  if (outcome.uncertain) return becomeUnknown(state, outcome.answer, given);
  // What has left its lane cannot go back into its place.
  const retryAt =
    outcome.retryable && isUnderWay
      ? nextTryAt(
          {
            attempts: attempt.number,
            firstAttemptAt: state.delivery.firstAttemptAt ?? now,
            now,
            retryAfterMs: outcome.retryAfterMs,
          },
          rules.retry,
          given.random,
        )
      : undefined;
  if (retryAt !== undefined) {
    return {
      attempt: finished,
      lane: { retryAt },
      delivery: { status: "pending", reason: outcome.reason },
      ledger: [
        {
          at: now,
          event: "delivery.postponed",
          detail: { attempt: attempt.number, code: outcome.reason.code, retryAt: new Date(retryAt).toISOString() },
        },
      ],
    };
  }
  return { attempt: finished, lane: "release", ...becomeFailed(state, outcome.reason, given) };
}

/**
 * Somebody else could only say that nobody knows what became of a try that was held up, and then it tells. That the channel took it
 * is no news any more once the customer was to be told otherwise.
 */
function resolvesUnknown({ delivery, fate, notice }: MessageState, outcome: Outcome): boolean {
  if (delivery.status !== "unknown") return false;
  if (outcome.status === "failed") return !outcome.uncertain;
  return outcome.status !== "accepted" || (fate === "open" && notice === null);
}

/** The ids that an answer brings, whatever else has become of the message. */
function learn(outcome: Outcome, rules: Rules): Pick<Change, "delivery" | "message"> {
  if (outcome.status === "failed") return {};
  const { providerMessageId, conversationId } = outcome;
  const ids: MessageChange = { conversationId, ...(rules.inbound && { genesysMessageId: providerMessageId }) };
  const isNews = ids.genesysMessageId !== undefined || conversationId !== undefined;
  return {
    ...(providerMessageId === undefined ? {} : { delivery: { providerMessageId } }),
    ...(isNews ? { message: ids } : {}),
  };
}

function withIds(change: Change, outcome: Outcome, rules: Rules): Change {
  const { delivery, message } = learn(outcome, rules);
  return {
    ...change,
    ...(delivery && { delivery: { ...change.delivery, ...delivery } }),
    ...(message && { message: { ...change.message, ...message } }),
  };
}

/** News that the channel brought later: `at` is when it says it happened. */
export interface Confirmation {
  status: "delivered" | "read" | "failed";
  reason?: Reason | undefined;
  at: number;
}

/** A receipt of the channel has come. Repeats and news that comes too late to be true change nothing. */
export function decideConfirmation(state: MessageState, news: Confirmation, given: Circumstances): Change | undefined {
  const { delivery } = state;
  const arrived = delivery.status === "delivered" || delivery.status === "read";
  // While a try is under way its outcome gives the lane free; between tries the news does.
  const lane = delivery.status === "pending" ? ({ lane: "release" } as const) : {};
  if (news.status === "failed") {
    if (arrived || delivery.status === "failed") {
      const detail = { status: news.status, code: news.reason?.code, because: `already ${delivery.status}` };
      return arrived ? { ledger: [{ at: given.now, event: "confirmation.ignored", detail }] } : undefined;
    }
    const reason = news.reason ?? { code: "GeneralError", message: "the channel reported a failure without a reason" };
    return { ...lane, ...becomeFailed(state, reason, given) };
  }
  if (delivery.status === news.status || delivery.status === "read") return undefined;
  return { ...lane, ...becomeDelivered(state, news.status, news.at, given) };
}

/** No confirmation came in time. */
export function decideUnconfirmed(state: MessageState, given: Circumstances): Change {
  const { now, rules } = given;
  const removeTasks = [confirmTaskKey(state.delivery.seq)];
  const { status } = state.delivery;
  if (status !== "accepted" && status !== "unknown") return { removeTasks, ledger: [] };
  const reason: Reason = { code: "MessageExpired", message: "no confirmation of delivery came in time" };
  const told = rules.onUnconfirmed === "fail" ? owe(state, "Failed", reason, now, rules) : {};
  const next = status === "accepted" ? "unconfirmed" : "unknown";
  return {
    removeTasks,
    ...told,
    delivery: { status: next, reason },
    ...notDelivered(state, reason, status === "unknown" ? "unknown" : "failed", given),
    ledger: [{ at: now, event: `delivery.${status === "unknown" ? "unresolved" : "unconfirmed"}` }],
  };
}

function becomeAccepted(state: MessageState, providerMessageId: string | undefined, given: Circumstances): Change {
  const { now, rules } = given;
  const final = rules.confirms === "accepted";
  const isNews = state.fate === "open" || (state.delivery.trigger === "replay" && state.fate !== "delivered");
  const told = rules.acceptedCountsAsDelivered && isNews ? owe(state, "Delivered", undefined, now, rules) : {};
  return {
    delivery: {
      status: "accepted",
      acceptedAt: now,
      reason: null,
      providerMessageId: providerMessageId ?? state.delivery.providerMessageId,
    },
    ledger: [{ at: now, event: "delivery.accepted" }],
    ...told,
    ...(final && isNews ? { message: { fate: "accepted", reason: null } } : {}),
    ...(final ? { removeTasks: confirmTaskOf(state) } : { addTasks: [awaitConfirmation(state, now, rules)] }),
  };
}

function becomeDelivered(state: MessageState, status: "delivered" | "read", at: number, given: Circumstances): Change {
  const { now, rules } = given;
  const first = state.delivery.status !== "delivered";
  return {
    delivery: { status, reason: null },
    message: { fate: "delivered", reason: null },
    ledger: [{ at: now, event: `delivery.${status}` }],
    ...(first ? owe(state, "Delivered", undefined, at, rules) : {}),
    removeTasks: [
      ...confirmTaskOf(state),
      ...(rules.inbound && state.delivery.status === "failed" ? [failureTaskKey(state.id)] : []),
    ],
  };
}

function becomeFailed(state: MessageState, reason: Reason, given: Circumstances): Change {
  const { now, rules } = given;
  return {
    delivery: { status: "failed", reason },
    ledger: [{ at: now, event: "delivery.failed", detail: { code: reason.code } }],
    ...owe(state, "Failed", reason, now, rules),
    ...notDelivered(state, reason, "failed", given),
    ...(reason.code === "RecipientOptedOut" && rules.consentClass !== undefined
      ? { optOut: { address: state.recipientId, channel: rules.consentClass } }
      : {}),
    removeTasks: confirmTaskOf(state),
  };
}

/** Whether the channel took it is not known, and it must not be sent again: wait whether it tells. */
function becomeUnknown(state: MessageState, answer: string, given: Circumstances): Change {
  const { now, rules } = given;
  return {
    lane: "release",
    delivery: { status: "unknown" },
    attempt: {
      number: state.delivery.attempts,
      at: now,
      result: "unknown",
      answer,
    },
    addTasks: [awaitConfirmation(state, now, rules)],
    ledger: [{ at: now, event: "delivery.unknown", detail: { attempt: state.delivery.attempts } }],
  };
}

/** The task that waits for the channel's confirmation, if there may be one. */
function confirmTaskOf({ delivery }: MessageState): string[] {
  return delivery.acceptedAt === null && delivery.status !== "unknown" ? [] : [confirmTaskKey(delivery.seq)];
}

function awaitConfirmation(state: MessageState, now: number, rules: Rules) {
  return { key: confirmTaskKey(state.delivery.seq), queue: confirmQueue, dueAt: now + rules.undeliveredAfterMs };
}

/** What a message that did not arrive ends as, or the notice that it is told by. */
function notDelivered(
  state: MessageState,
  reason: Reason,
  fate: "failed" | "unknown",
  given: Circumstances,
): { message?: Change["message"]; notice?: NoticeJoin; addTasks?: Change["addTasks"] } {
  if (given.rules.inbound) return { message: { fate, reason }, addTasks: tellFailure(state, given.now) };
  if (arrivedBefore(state)) return {};
  // Accepted was the best news to be had, and now worse news has come after all.
  if (state.fate === "accepted") return { message: { fate, reason } };
  if (state.fate !== "open" || state.notice !== null) return { message: { reason } };
  const fallback = isAside(state) ? undefined : chooseFallback(given.rules, reason.code);
  if (fallback === undefined) return { message: { fate, reason } };
  return {
    message: { reason },
    notice: planNotice(fallback, { message: state, now: given.now, newId: given.newId }),
  };
}

/** The notice that a missed message joins: the one that waits for its recipient, or with `digest` off one of its own. */
export function planNotice(
  fallback: FallbackRule,
  {
    message,
    now,
    newId,
  }: { message: Pick<MessageState, "id" | "integration" | "recipientId"> } & Pick<Circumstances, "now" | "newId">,
): NoticeJoin {
  const own = fallback.digest ? [] : [message.id];
  return {
    id: newId(),
    policy: fallback.policy,
    recipientKey: keyOf(fallback.policy, message.integration, message.recipientId, ...own),
    dueAt: now + fallback.graceMs,
  };
}

/** The adapter that brought a message in is told that it did not get there. */
function tellFailure(state: MessageState, now: number): NonNullable<Change["addTasks"]> {
  if (state.source === null) return [];
  const detail = { messageId: state.id, at: now };
  return [{ key: failureTaskKey(state.id), queue: failureQueue(state.source), dueAt: now, detail }];
}

/** The rule by which the customer is told after a failure with this reason; undefined: nobody is told. */
export function chooseFallback({ fallback }: Rules, reasonCode: string): FallbackRule | undefined {
  return fallback?.never.has(reasonCode) ? undefined : fallback;
}

/** A replay that fails says nothing against the delivery before it that arrived. */
function arrivedBefore({ fate, delivery }: MessageState): boolean {
  return (
    delivery.trigger === "replay" && (fate === "delivered" || (fate === "accepted" && delivery.acceptedAt === null))
  );
}

/** What no customer would have been shown, handed on as it came: whether it arrived concerns neither them nor Genesys Cloud. */
function isAside({ kind }: MessageState): boolean {
  return kind === "receipt" || kind === "event";
}

/** The receipt that Genesys Cloud is owed, if it is to be told and can be: at most one per message. */
function owe(
  state: MessageState,
  status: "Delivered" | "Failed",
  reason: Reason | undefined,
  at: number,
  rules: Rules,
): Pick<Change, "receipt"> {
  if (rules.organisation === undefined || rules.receipts === "none" || state.receipt !== null) return {};
  if (status === "Delivered" && rules.receipts === "failures") return {};
  if (status === "Failed" && arrivedBefore(state)) return {};
  if (state.genesysMessageId === null || state.recipientId === "") return {};
  if (isAside(state)) return {};
  const queue = receiptQueue(rules.organisation, status);
  return { receipt: reason === undefined ? { status, at, queue } : { status, reason, at, queue } };
}
