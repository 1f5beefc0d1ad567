/** What becomes of a notice: whether it goes out now, when, by which step, and how it ends. Pure. */
import type { AddressKind, AddressRules } from "./addresses";
import type { QuietHours } from "./quiet-hours";
import type { Wording } from "./render";

/** Consent is given and withdrawn for these. */
export type Purpose = "transactional" | "marketing";

/** One way to tell a customer. */
export interface PolicyStep {
  channel: string;
  /** Which address of the customer it goes to. */
  address: AddressKind;
  /** How long the step before may take before this one is due; 0: only when that one has failed. */
  afterMs: number;
  /** The news that ends the policy. */
  until: "accepted" | "delivered";
  /** The step before by another provider: due at once when that one cannot be used, and only then. */
  isBackup: boolean;
  quietHours: (QuietHours & { timeZone: string }) | undefined;
}

export interface NoticePolicy extends AddressRules {
  name: string;
  purpose: Purpose;
  graceMs: number;
  maxAgeMs: number;
  /** How long a step's confirmation may take where the next step does not say. */
  undeliveredAfterMs: number;
  maxPerRecipientPerDay?: number | undefined;
  maxPerMinute?: number | undefined;
  steps: readonly PolicyStep[];
  returnUrl?: string | undefined;
  /** Whether templates may show what the messages said. */
  revealText: boolean;
  /** BCP 47; for customers whose language nobody told. */
  language: string;
  templates: Readonly<Record<string, Wording>>;
}

/** Whether a step can be gone: its channel is not set up any more, nobody knows an address, or the customer does not want it. */
export type Reach = "yes" | "ask" | "notSetUp" | "noAddress" | "optedOut";

/** Everything that decides about a notice that is not under way. */
export interface NoticeFacts {
  now: number;
  /** `accepted`: the step has sent it, and waits to hear that it was delivered. */
  status: "waiting" | "accepted";
  step: number;
  /** The end of the grace time, of a wait between tries, or of the wait for a confirmation. */
  notBefore: number;
  /** Whether a step has sent it and failed. */
  wasTried: boolean;
  /** When the newest message came that is still missed; undefined: none is. */
  newestMissedAt: number | undefined;
  reach(step: PolicyStep): Reach;
  /** The first moment that is not quiet at the customer's. */
  wakingTime(step: PolicyStep): number;
  /** Notices that reached this customer in the last 24 hours, or may have. */
  toldInDay: number;
  /** When the last notices of this policy went out, oldest first, those of the last minute. */
  sentInMinute: readonly number[];
}

export type NoticeEnd = "cancelled" | "suppressed" | "unreachable" | "exhausted";
export type WaitReason = "grace" | "quietHours" | "brake" | "confirmation";
export type NoticeDecision =
  | { do: "send"; step: number }
  | { do: "wait"; step: number; until: number; because: WaitReason }
  /** The external contact must be looked up first. */
  | { do: "ask" }
  | { do: "end"; status: NoticeEnd; because: string };

const minuteMs = 60_000;

export function decideNotice(facts: NoticeFacts, policy: NoticePolicy | undefined): NoticeDecision {
  const { now, newestMissedAt } = facts;
  if (newestMissedAt === undefined) return end("cancelled", "nothing is missed any more");
  if (policy === undefined) return end("exhausted", "its policy is not configured any more");
  const isAwaiting = facts.status === "accepted";
  if (now < facts.notBefore) {
    const because = isAwaiting ? "confirmation" : "grace";
    return { do: "wait", step: facts.step, until: facts.notBefore, because };
  }
  if (now - newestMissedAt > policy.maxAgeMs) return end("exhausted", "the news is older than maxAgeSeconds");

  const wasTried = facts.wasTried || isAwaiting;
  const first = isAwaiting ? nextStep(policy, facts.step, { skipBackup: true }) : facts.step;
  const { step, refused } = findStep(facts, policy, first);
  if (step === undefined) {
    if (wasTried) return end("exhausted", isAwaiting ? "no confirmation came in time" : "every step failed");
    if (refused.has("optedOut")) return end("suppressed", "opted out");
    if (refused.has("noAddress")) return end("unreachable", "no usable address");
    return end("exhausted", "no channel of its steps is configured any more");
  }
  const chosen = policy.steps[step];
  if (chosen === undefined || refused.has("ask")) return { do: "ask" };
  if (policy.maxPerRecipientPerDay !== undefined && facts.toldInDay >= policy.maxPerRecipientPerDay)
    return end("suppressed", "over maxPerRecipientPerDay");
  const wakingAt = facts.wakingTime(chosen);
  if (wakingAt > now) return { do: "wait", step, until: wakingAt, because: "quietHours" };
  const limit = policy.maxPerMinute;
  const oldest = limit === undefined ? undefined : facts.sentInMinute.at(-limit);
  if (oldest !== undefined) return { do: "wait", step, until: oldest + minuteMs, because: "brake" };
  return { do: "send", step };
}

/** The first step from `first` on that can be gone, and why those before it cannot. */
function findStep(facts: NoticeFacts, policy: NoticePolicy, first: number) {
  const refused = new Set<Reach>();
  for (let step = first; step < policy.steps.length; step += 1) {
    const one = policy.steps[step];
    const reach = one === undefined ? "notSetUp" : facts.reach(one);
    if (reach === "yes") return { step, refused };
    refused.add(reach);
    if (reach === "ask") return { step, refused };
  }
  return { step: undefined, refused };
}

/** What a send ended with, as far as the policy needs to know. */
export type SendResult =
  | { status: "accepted" | "delivered" }
  /** Nobody knows whether it went out. */
  | { status: "unknown" }
  /** `retryAt`: when the same step may try again, if it may; `isProvider`: it was not about this customer or this notice. */
  | { status: "failed"; retryAt: number | undefined; isProvider: boolean };

export interface SentStep {
  now: number;
  step: number;
  /** When the step first tried. */
  startedAt: number;
  /** The customer came back while it was under way. */
  hasReturned: boolean;
}

export type AfterSend =
  | { do: "end"; status: "accepted" | "delivered" | "unknown" | "cancelled" | "exhausted"; fate: string }
  | { do: "awaitConfirmation"; until: number }
  /** By the same step, or by another one. */
  | { do: "tryAgain"; step: number; at: number };

export function decideAfterSend(sent: SentStep, result: SendResult, policy: NoticePolicy | undefined): AfterSend {
  const { now, step } = sent;
  const current = policy?.steps[step];
  switch (result.status) {
    case "delivered":
      return { do: "end", status: "delivered", fate: "notified" };
    case "accepted":
      if (policy === undefined || current?.until !== "delivered")
        return { do: "end", status: "accepted", fate: "notified" };
      if (sent.hasReturned) return { do: "end", status: "accepted", fate: "returned" };
      return { do: "awaitConfirmation", until: now + confirmationMs(policy, step) };
    case "unknown":
      return { do: "end", status: "unknown", fate: "unknown" };
    case "failed":
      break;
    default:
      return result satisfies never;
  }
  if (sent.hasReturned) return { do: "end", status: "cancelled", fate: "returned" };
  if (policy === undefined) return { do: "end", status: "exhausted", fate: "exhausted" };
  const isBackedUp = policy.steps[step + 1]?.isBackup === true;
  if (isBackedUp && result.isProvider) return { do: "tryAgain", step: step + 1, at: now };
  const next = nextStep(policy, step, { skipBackup: true });
  const following = policy.steps[next];
  const deadline =
    following === undefined || following.afterMs === 0 ? Number.POSITIVE_INFINITY : sent.startedAt + following.afterMs;
  if (result.retryAt !== undefined && result.retryAt <= deadline) return { do: "tryAgain", step, at: result.retryAt };
  if (following === undefined) return { do: "end", status: "exhausted", fate: "exhausted" };
  return { do: "tryAgain", step: next, at: result.retryAt === undefined ? now : Math.max(now, deadline) };
}

/** The step that follows; backups of a step whose provider has done its part are passed over. */
export function nextStep(policy: NoticePolicy, step: number, { skipBackup }: { skipBackup: boolean }): number {
  let next = step + 1;
  while (skipBackup && policy.steps[next]?.isBackup === true) next += 1;
  return next;
}

function confirmationMs(policy: NoticePolicy, step: number): number {
  const following = policy.steps[nextStep(policy, step, { skipBackup: true })];
  return following === undefined || following.afterMs === 0 ? policy.undeliveredAfterMs : following.afterMs;
}

function end(status: NoticeEnd, because: string): NoticeDecision {
  return { do: "end", status, because };
}
