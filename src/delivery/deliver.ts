/** One attempt after the other: claim the head of a lane, commit `sending`, send, record, decide what is next. */
import type { Channel, OutboundDelivery, Outcome } from "../channels/channel";
import { degrade, type Part, writePart } from "../message/degrade";
import type { Message, Reason } from "../message/message";
import type { Change } from "../store/change";
import { type ChangeRequest, startDeliveries } from "../store/changes";
import type { Database } from "../store/database";
import { type HandedHead, type LaneTaker, lanesHandedOver } from "../store/deliveries";
import { dropEmptyLanes } from "../store/lanes";
import { deliverQueue } from "../store/queues";
import type { MessageState, StartedDelivery } from "../store/states";
import type { LeasedTask } from "../store/tasks";
import { afterSend, afterStart, type BreakerState, closedBreaker, permits, type Sign } from "./breaker";
import type { KeptBody } from "../store/captures";
import type { Rules } from "./rules";
import { type Circumstances, decideOutcome, decidePartSent, decideStart } from "./status";
import type { QueueWork } from "./worker";

export interface DeliverDeps {
  database: Database;
  change(request: ChangeRequest): Promise<MessageState | undefined>;
  /** Runs `write` until the store takes it: what was sent must be recorded. */
  persist<T>(write: () => Promise<T>): Promise<T>;
  understand(capture: KeptBody): Message;
  /** Digests what was understood and how it is shown, for later comparison. */
  digest?(message: Message, parts: readonly Part[] | undefined): string;
  rulesFor(integration: string, channel: Channel): Rules;
  /** Gives channels attachments that they can fetch; absent: attachments go as they came. */
  media?: {
    /** Whether there is anything to prepare. */
    isDue(message: Message, channel: string): boolean;
    /** The message as the channel gets it, the same for the same message. Never throws for what other servers do. */
    prepare(message: Message, channel: string): Promise<PreparedMedia>;
    /** The longest that preparing takes. */
    timeoutMs: number;
  };
  now: () => number;
  random: () => number;
  newId: () => string;
  log: {
    deliveryAttempted(attempt: AttemptFacts): void;
    breakerOpened(facts: { channel: string; count: number; waitMs: number }): void;
    breakerClosed(facts: { channel: string }): void;
  };
}

export type PreparedMedia = { ok: true; message: Message } | { ok: false; retryable: boolean; reason: Reason };

/** What a log line and the metrics may say of an attempt. */
export interface AttemptFacts {
  integration: string;
  channel: string;
  messageId: string;
  deliveryId: string;
  kind: string;
  attempt: number;
  status: string;
  code?: string;
  durationMs: number;
}

/** What came in, and what was understood of it where that is at hand. */
type KeptCapture = Pick<StartedDelivery, "receivedAt" | "headers" | "body"> & Pick<HandedHead, "message">;

/** Lanes of one channel sent at the same time. */
const lanesAtOnce = 160;
/** A lease outlives the longest send by this much. */
const leaseSlackMs = 5000;
/** A start that took longer than this takes a longer lease. */
const longestStartMs = 1000;

/** The work of one channel's queue. `breaker()` tells its state for health and metrics. */
export function createDelivery(deps: DeliverDeps, channel: Channel): QueueWork & { breaker(): BreakerState } {
  const { database, now } = deps;
  const leaseMs = channel.timeoutMs + leaseSlackMs;
  let breaker: BreakerState = closedBreaker;
  let taker: LaneTaker | undefined;

  async function begin(tasks: LeasedTask[]): Promise<Promise<void>[]> {
    // One task is what an open breaker permits; more were claimed before it opened.
    const probe = breaker.probeAt !== undefined && tasks.length === 1;
    if (probe) breaker = afterStart(breaker);
    /** The probe asked nothing: another one may. */
    const endProbe = () => {
      if (probe) breaker = { ...breaker, probing: false };
    };
    const claimedAt = now();
    const attempts = new Map<number, number>();
    const lanes = tasks.map((task) => task.key.slice("lane:".length));
    try {
      const started = await startDeliveries(
        database,
        lanes,
        (state) => {
          const { change, attempt } = decideStart(state, circumstances(state));
          if (attempt === undefined) return change;
          attempts.set(state.delivery.seq, attempt);
          // The send has its whole time limit before it, however long the store took to get here.
          return now() - claimedAt > longestStartMs ? { ...change, lane: { leaseUntil: now() + leaseMs } } : change;
        },
        now(),
        tasks,
      );
      if (started.length < lanes.length) {
        endProbe();
        const found = new Set(started.map((one) => one.lane));
        await dropEmptyLanes(
          database,
          lanes.filter((lane) => !found.has(lane)),
        );
      }
      return started.map(async ({ state, receivedAt, headers, body }) => {
        const attempt = attempts.get(state.delivery.seq);
        if (attempt === undefined) endProbe();
        else await attemptDelivery(state, { receivedAt, headers, body }, { number: attempt, probe, after: 0 });
      });
    } catch (error) {
      endProbe();
      throw error;
    }
  }

  /** Attempts that were committed as begun with the messages themselves, or with what became of the ones before them. */
  function attemptHanded(head: HandedHead): Promise<void> {
    const { state, attempt, after, leaseEnd } = head;
    const go = () => attemptDelivery(state, head, { number: attempt, probe: false, after });
    const isLate = leaseEnd - leaseMs < now() - longestStartMs;
    return isLate ? extendLease(state, attempt, now() + leaseMs).then(go) : go();
  }

  /** What came in is let go of once it is sent: many messages wait for the commit of what became of them. */
  function attemptDelivery(state: MessageState, capture: KeptCapture, attempt: RunningAttempt): Promise<void> {
    const startedAt = now();
    return send(state, capture, attempt.number)
      .catch(mistaken)
      .then((sent) => recordOutcome(state, attempt, sent, now() - startedAt));
  }

  async function recordOutcome(
    state: MessageState,
    { number, probe, after }: RunningAttempt,
    { outcome, meaning }: Sent,
    durationMs: number,
  ): Promise<void> {
    noteSign(signOf(outcome), probe);
    await deps.persist(() =>
      deps.change({
        deliverySeq: state.delivery.seq,
        known: state,
        ...(taker && { next: { taker, after: after + 1 } }),
        decide(current): Change {
          const change = decideOutcome(current, { number, outcome }, circumstances(current));
          if (meaning !== undefined) change.meaning = meaning;
          return change;
        },
      }),
    );
    deps.log.deliveryAttempted({
      integration: state.integration,
      channel: channel.name,
      messageId: state.id,
      deliveryId: state.delivery.id,
      kind: state.kind,
      attempt: number,
      status: outcome.status,
      ...(outcome.status === "failed" ? { code: outcome.reason.code } : {}),
      durationMs,
    });
  }

  async function send(state: MessageState, capture: KeptCapture, attempt: number): Promise<Sent> {
    const { body } = capture;
    if (body === null) {
      const why = "the content was removed by retention before it could be delivered";
      return { outcome: refused("GeneralError", why) };
    }
    const { id, integration, integrationId, kind, source } = state;
    const message = capture.message ?? deps.understand({ body, id, integration, integrationId, kind, source });
    const parts = channel.handsOnOriginal ? undefined : degrade(message, channel.accepts);
    const meaning = deps.digest?.(message, parts);
    const outcome = await sendContent(state, { ...capture, body }, { message, parts }, attempt);
    return meaning === undefined ? { outcome } : { outcome, meaning };
  }

  async function sendContent(
    state: MessageState,
    { receivedAt, headers, body }: KeptCapture & { body: Buffer },
    understood: { message: Message; parts: Part[] | undefined },
    attempt: number,
  ): Promise<Outcome> {
    const shared = { deliveryId: state.delivery.id, attempt, receivedAt, original: { body, headers } };
    if (understood.parts === undefined) return hand({ message: understood.message, ...shared });
    const prepared = await prepareMedia(state, understood.message, attempt);
    if (!prepared.ok) {
      const { retryable, reason } = prepared;
      return { status: "failed", retryable, reason, unsent: true, answer: `not sent: ${reason.message}` };
    }
    const { message } = prepared;
    const parts = message === understood.message ? understood.parts : degrade(message, channel.accepts);
    if (parts.length === 0) {
      return refused("UnsupportedMessage", `the channel can show nothing of this message (${message.kind})`);
    }
    if (parts.length === 1 && parts[0]) return hand({ message: writePart(message, parts[0]), ...shared });
    return sendParts(
      state,
      shared,
      parts.map((part) => writePart(message, part)),
    );
  }

  /** Files may have to be fetched first, which takes longer than the lane's lease. */
  async function prepareMedia(state: MessageState, message: Message, attempt: number): Promise<PreparedMedia> {
    const { media } = deps;
    if (media?.isDue(message, channel.name) !== true) return { ok: true, message };
    await extendLease(state, attempt, now() + media.timeoutMs + leaseMs);
    return media.prepare(message, channel.name);
  }

  async function extendLease(state: MessageState, attempt: number, leaseUntil: number): Promise<void> {
    await deps.persist(() =>
      deps.change({
        deliverySeq: state.delivery.seq,
        decide: (current) => (current.delivery.attempts === attempt ? { lane: { leaseUntil }, ledger: [] } : undefined),
      }),
    );
  }

  /** One after the other; what was taken is committed before the next one goes, so that a retry sends only what is missing. */
  async function sendParts(
    state: MessageState,
    shared: Omit<OutboundDelivery, "message">,
    parts: Message[],
  ): Promise<Outcome> {
    const count = parts.length;
    let outcome: Outcome = { status: "accepted", answer: "every part was taken by an earlier attempt" };
    for (const [index, message] of parts.entries()) {
      if (index < state.delivery.partsSent) continue;
      const part = { number: index + 1, count };
      outcome = await hand({ message, part, ...shared });
      if (outcome.status === "failed" || part.number === count) return outcome;
      await deps.persist(() =>
        deps.change({
          deliverySeq: state.delivery.seq,
          decide: (current) =>
            decidePartSent(current, shared.attempt, part, { now: now(), leaseUntil: now() + leaseMs }),
        }),
      );
      // What is known of it moves along.
      state.delivery.partsSent = part.number;
    }
    return outcome;
  }

  /** An exception is a mistake of the channel. Where a repeat could reach the customer twice, it may have happened after the send. */
  async function hand(outbound: OutboundDelivery): Promise<Outcome> {
    try {
      return await channel.send(outbound);
    } catch (error) {
      if (channel.repeatable) throw error;
      return { ...failureOf(error), retryable: false, uncertain: true };
    }
  }

  function noteSign(sign: Sign, probe: boolean) {
    const before = breaker;
    breaker = afterSend(breaker, sign, probe, now());
    if (before.probeAt === undefined && breaker.probeAt !== undefined) {
      const { failures, probeDelayMs } = breaker;
      deps.log.breakerOpened({ channel: channel.name, count: failures, waitMs: probeDelayMs });
    }
    if (before.probeAt !== undefined && breaker.probeAt === undefined)
      deps.log.breakerClosed({ channel: channel.name });
  }

  function circumstances(state: MessageState): Circumstances {
    return {
      now: now(),
      rules: deps.rulesFor(state.integration, channel),
      random: deps.random,
      newId: deps.newId,
    };
  }

  return {
    queue: deliverQueue(channel.name),
    concurrency: Math.min(lanesAtOnce, channel.concurrency ?? lanesAtOnce),
    leaseMs,
    permits: (at) => ({
      count: permits(breaker, at),
      ...(breaker.probeAt === undefined ? {} : { askAgainAt: breaker.probing ? at + 1000 : breaker.probeAt }),
    }),
    begin,
    offer(room) {
      taker = {
        ...room,
        start: (state) => decideStart(state, circumstances(state)),
        give: (heads) => room.run(heads.map(attemptHanded)),
      };
      database.takers.offer(lanesHandedOver, deliverQueue(channel.name), taker);
    },
    breaker: () => breaker,
  };
}

function refused(code: "GeneralError" | "UnsupportedMessage", message: string): Outcome {
  return { status: "failed", retryable: false, reason: { code, message }, answer: "not sent" };
}

interface RunningAttempt {
  number: number;
  /** Whether it asks for all lanes if the channel is back. */
  probe: boolean;
  /** Messages of its lane that were sent in a row before it. */
  after: number;
}

/** What a try came to, and a digest of what it was to carry. */
interface Sent {
  outcome: Outcome;
  meaning?: string;
}

/** A channel returns what the other side does; an exception is a mistake of ours, and the message is not lost to it. */
function mistaken(error: unknown): Sent {
  return { outcome: { ...failureOf(error), retryable: true } };
}

function failureOf(error: unknown) {
  const name = error instanceof Error ? error.name : "unknown";
  return {
    status: "failed" as const,
    reason: { code: "ServerError" as const, message: "the channel could not be used" },
    answer: `error in the channel: ${name}`,
  };
}

function signOf(outcome: Outcome): Sign {
  if (outcome.status === "failed" && outcome.unsent) return "unsent";
  if (outcome.status !== "failed" || !outcome.retryable) return "contract";
  return outcome.reason.code === "RateLimited" ? "busy" : "broken";
}
