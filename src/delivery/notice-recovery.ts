/** A send whose outcome a crash hid: the provider is asked where that is possible, and nothing is ever sent twice on a guess. */
import type { Channel, Outcome } from "../channels/channel";
import type { Address } from "../fallback/addresses";
import type { PolicyStep } from "../fallback/policy";
import type { Tx } from "../store/database";
import { readOpenSend } from "../store/notice-sends";
import type { NoticeState } from "../store/notices";
import { type LeasedTask, postponeTasks } from "../store/tasks";
import type { NoticeDeps } from "./notice-deps";
import { recordOutcome, type Sent } from "./notice-outcome";

/** What is known of the send; without a place to ask there is nothing to find out. */
export interface Hidden {
  sent: Sent;
  /** What to ask for, if the channel can be asked. */
  question?: { to: string; sentAt: number; textHash: string };
}

/** How long a provider that cannot be reached is asked again. */
const askForMs = 900_000;
const askAgainMs = 30_000;

/** Gathers what a look-up needs; `ask` when the address depends on an external contact that must be looked up first. */
export async function findHidden(
  deps: Pick<NoticeDeps, "policyOf" | "channelOf">,
  tx: Tx,
  notice: NoticeState,
  addressOf: (step: PolicyStep) => Address | "ask" | undefined,
): Promise<Hidden | "ask"> {
  const open = await readOpenSend(tx.db, notice.seq);
  const step = deps.policyOf(notice.policy)?.steps[notice.step];
  const channel = deps.channelOf(open?.channel ?? notice.channel ?? "") ?? goneChannel;
  const sent = { notice, channel, step: notice.step, attempt: notice.attempts, to: "" };
  if (open === undefined || step === undefined || channel.lookUp === undefined) return { sent };
  const address = addressOf(step);
  if (address === "ask") return "ask";
  if (address === undefined) return { sent };
  const question = { to: address.value, sentAt: open.at, textHash: open.text_hash };
  return { sent: { ...sent, to: address.value }, question };
}

/** Ends the uncertainty: as accepted or not sent, if the provider says so, else as unknown. */
export async function recover(deps: NoticeDeps, task: LeasedTask, { sent, question }: Hidden): Promise<void> {
  // The same id again is the same notice to such a channel.
  if (sent.channel.repeatable) {
    return deps.database.transaction((tx) => recordOutcome(deps, tx, task, sent, { ...hiddenOutcome, ...repeat }));
  }
  const found = question === undefined ? undefined : await sent.channel.lookUp?.(question);
  if (found?.status === "later" && question !== undefined && deps.now() - question.sentAt < askForMs) {
    const dueAt = deps.now() + (found.retryAfterMs ?? askAgainMs);
    return deps.database.transaction((tx) => postponeTasks(tx, [{ task, dueAt }]));
  }
  const outcome = found === undefined || found.status === "later" ? hiddenOutcome : found.outcome;
  await deps.persist(() => deps.database.transaction((tx) => recordOutcome(deps, tx, task, sent, outcome)));
}

const hiddenOutcome: Extract<Outcome, { status: "failed" }> = {
  status: "failed",
  retryable: false,
  uncertain: true,
  reason: { code: "GeneralError", message: "the process ended before the outcome was recorded" },
  answer: "the process ended before the answer was recorded",
};

const repeat = { retryable: true, uncertain: undefined } as const;

/** Stands for a channel that is not configured any more: nothing can be asked of it. */
const goneChannel: Channel = {
  name: "gone",
  type: "gone",
  accepts: { kinds: [] },
  confirms: "accepted",
  repeatable: false,
  timeoutMs: 0,
  retry: { maxAgeSeconds: 0, firstDelayMs: 1, maxDelayMs: 1 },
  send: async () => hiddenOutcome,
};
