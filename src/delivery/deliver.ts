/** One attempt after the other: claim the head of a lane, commit `sending`, send, record, decide what is next. */
import type { Channel, Outcome } from "../channels/channel";
import type { Change } from "../store/change";
import { startDeliveries } from "../store/changes";
import type { Database } from "../store/database";
import { type HandedHead, type LaneTaker, lanesHandedOver } from "../store/deliveries";
import { dropEmptyLanes } from "../store/lanes";
import { deliverQueue } from "../store/queues";
import type { MessageState } from "../store/states";
import type { LeasedTask } from "../store/tasks";
import { afterSend, afterStart, type BreakerState, closedBreaker, permits, type Sign } from "./breaker";
import type { Rules } from "./rules";
import {
  createSender,
  type KeptCapture,
  leaseOf,
  longestStartMs,
  type RunningAttempt,
  type SendDeps,
  type Sent,
} from "./send";
import { type Circumstances, decideOutcome, decideStart } from "./status";
import type { QueueWork } from "./worker";

export interface DeliverDeps extends SendDeps {
  database: Database;
  rulesFor(integration: string, channel: Channel): Rules;
  random: () => number;
  newId: () => string;
  log: {
    deliveryAttempted(attempt: AttemptFacts): void;
    breakerOpened(facts: { channel: string; count: number; waitMs: number }): void;
    breakerClosed(facts: { channel: string }): void;
  };
}

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

/** Lanes of one channel sent at the same time. */
const lanesAtOnce = 160;

/** The work of one channel's queue. `breaker()` tells its state for health and metrics. */
export function createDelivery(deps: DeliverDeps, channel: Channel): QueueWork & { breaker(): BreakerState } {
  const { database, now } = deps;
  const leaseMs = leaseOf(channel);
  const send = createSender(deps, channel);
  let breaker: BreakerState = closedBreaker;
  let taker: LaneTaker | undefined;

  async function begin(tasks: LeasedTask[], leasedAt: number): Promise<Promise<void>[]> {
    // One task is what an open breaker permits; more were claimed before it opened.
    const probe = breaker.probeAt !== undefined && tasks.length === 1;
    if (probe) breaker = afterStart(breaker);
    /** The probe asked nothing: another one may. */
    const endProbe = () => {
      if (probe) breaker = { ...breaker, probing: false };
    };
    const attempts = new Map<number, { number: number; leaseEnd: number }>();
    const lanes = tasks.map((task) => task.key.slice("lane:".length));
    try {
      const started = await startDeliveries(
        database,
        lanes,
        (state) => {
          const { change, attempt } = decideStart(state, circumstances(state));
          // Of a transaction that is run again, the last decision counts.
          attempts.delete(state.delivery.seq);
          if (attempt === undefined) return change;
          // The send has its whole time limit before it, however long the store took to get here.
          const isLate = now() - leasedAt > longestStartMs;
          const leaseEnd = isLate ? now() + leaseMs : leasedAt + leaseMs;
          attempts.set(state.delivery.seq, { number: attempt, leaseEnd });
          return isLate ? { ...change, lane: { leaseUntil: leaseEnd } } : change;
        },
        now(),
        tasks,
      );
      const jobs = started.map(async ({ state, receivedAt, headers, body }) => {
        const attempt = attempts.get(state.delivery.seq);
        if (attempt === undefined) endProbe();
        else await attemptDelivery(state, { receivedAt, headers, body }, { ...attempt, probe, after: 0 });
      });
      if (started.length < lanes.length) {
        endProbe();
        const found = new Set(started.map((one) => one.lane));
        const empty = lanes.filter((lane) => !found.has(lane));
        // Beside what was begun, which is committed and must be sent whether this succeeds or not.
        jobs.push(dropEmptyLanes(database, empty));
      }
      return jobs;
    } catch (error) {
      endProbe();
      throw error;
    }
  }

  /** Attempts that were committed as begun with the messages themselves, or with what became of the ones before them. */
  function attemptHanded(head: HandedHead): Promise<void> {
    const { state, attempt: number, after, leaseEnd } = head;
    return attemptDelivery(state, head, { number, probe: false, after, leaseEnd });
  }

  /** What came in is let go of once it is sent: many messages wait for the commit of what became of them. */
  function attemptDelivery(state: MessageState, capture: KeptCapture, attempt: OwnAttempt): Promise<void> {
    const startedAt = now();
    return send(state, capture, attempt).then((sent) => {
      if (sent !== undefined) return recordOutcome(state, attempt, sent, now() - startedAt);
      // Whoever has taken over looks after the message.
      return noteSign("unsent", attempt.probe);
    });
  }

  async function recordOutcome(
    state: MessageState,
    { number, probe, after }: OwnAttempt,
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

interface OwnAttempt extends RunningAttempt {
  /** Whether it asks for all lanes if the channel is back. */
  probe: boolean;
  /** Messages of its lane that were sent in a row before it. */
  after: number;
}

function signOf(outcome: Outcome): Sign {
  if (outcome.status === "failed" && outcome.unsent) return "unsent";
  if (outcome.status !== "failed" || !outcome.retryable) return "contract";
  return outcome.reason.code === "RateLimited" ? "busy" : "broken";
}
