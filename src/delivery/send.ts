/** One attempt at one message: made fit for the channel, handed to it part by part, and only while the attempt is still ours. */
import type { Channel, OutboundDelivery, Outcome } from "../channels/channel";
import { degrade, type Part, writePart } from "../message/degrade";
import type { Message, Reason } from "../message/message";
import type { KeptBody } from "../store/captures";
import type { Change } from "../store/change";
import type { ChangeRequest } from "../store/changes";
import type { HandedHead } from "../store/deliveries";
import type { MessageState, StartedDelivery } from "../store/states";
import { decideExtension, decidePartSent } from "./takeover";

export interface SendDeps {
  change(request: ChangeRequest): Promise<MessageState | undefined>;
  /** Runs `write` until the store takes it: what was sent must be recorded. */
  persist<T>(write: () => Promise<T>): Promise<T>;
  understand(capture: KeptBody): Message;
  /** Digests what was understood and how it is shown, for later comparison. */
  digest?(message: Message, parts: readonly Part[] | undefined): string;
  /** Gives channels attachments that they can fetch; absent: attachments go as they came. */
  media?: {
    /** Whether there is anything to prepare. */
    isDue(message: Message, channel: string): boolean;
    /** The message as the channel gets it, the same for the same message. Never throws for what other servers do. */
    prepare(message: Message, channel: string): Promise<PreparedMedia>;
    /** Removes what was prepared: nobody is to have it. */
    discard(message: Message): Promise<void>;
    /** The longest that preparing takes. */
    timeoutMs: number;
  };
  now: () => number;
}

export type PreparedMedia = { ok: true; message: Message } | { ok: false; retryable: boolean; reason: Reason };

/** What came in, and what was understood of it where that is at hand. */
export type KeptCapture = Pick<StartedDelivery, "receivedAt" | "headers" | "body"> & Pick<HandedHead, "message">;

/** An attempt that was committed as begun. */
export interface RunningAttempt {
  number: number;
  /** Until when nobody else takes the message over, unless it is extended. */
  leaseEnd: number;
}

/** What a try came to, and a digest of what it was to carry. */
export interface Sent {
  outcome: Outcome;
  meaning?: string;
}

/** A lease outlives the longest send by this much. */
const leaseSlackMs = 5000;
/** What has taken longer than this to get to its send takes a longer lease. */
export const longestStartMs = 1000;

/** How long a claim of a channel's lane holds. */
export function leaseOf(channel: Channel): number {
  return channel.timeoutMs + leaseSlackMs;
}

/** Returns `send`, which resolves with undefined where nothing was sent, because somebody else has taken the message over. */
export function createSender(deps: SendDeps, channel: Channel) {
  const { now } = deps;
  const leaseMs = leaseOf(channel);

  async function send(state: MessageState, capture: KeptCapture, attempt: RunningAttempt): Promise<Sent | undefined> {
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
    if (outcome === undefined) return undefined;
    return meaning === undefined ? { outcome } : { outcome, meaning };
  }

  async function sendContent(
    state: MessageState,
    { receivedAt, headers, body }: KeptCapture & { body: Buffer },
    understood: { message: Message; parts: Part[] | undefined },
    attempt: RunningAttempt,
  ): Promise<Outcome | undefined> {
    const original = { body, headers };
    const shared = { deliveryId: state.delivery.id, attempt: attempt.number, receivedAt, original };
    if (understood.parts === undefined) return hand(state, attempt, { message: understood.message, ...shared });
    const prepared = await prepareMedia(state, understood.message, attempt);
    if (prepared === undefined) return undefined;
    if (!prepared.ok) {
      const { retryable, reason } = prepared;
      return { status: "failed", retryable, reason, unsent: true, answer: `not sent: ${reason.message}` };
    }
    const { message } = prepared;
    const parts = message === understood.message ? understood.parts : degrade(message, channel.accepts);
    if (parts.length === 0) {
      return refused("UnsupportedMessage", `the channel can show nothing of this message (${message.kind})`);
    }
    if (parts.length === 1 && parts[0])
      return hand(state, attempt, { message: writePart(message, parts[0]), ...shared });
    return sendParts(
      state,
      attempt,
      shared,
      parts.map((part) => writePart(message, part)),
    );
  }

  /** Files may have to be fetched first, which takes longer than the lane's lease. */
  async function prepareMedia(
    state: MessageState,
    message: Message,
    attempt: RunningAttempt,
  ): Promise<PreparedMedia | undefined> {
    const { media } = deps;
    if (media?.isDue(message, channel.name) !== true) return { ok: true, message };
    if (!(await extendLease(state, attempt, media.timeoutMs + leaseMs))) return undefined;
    const prepared = await media.prepare(message, channel.name);
    // Meanwhile it may have been erased: then it is neither sent nor kept.
    let isErased = false;
    const isOurs = await goOn(state, attempt, leaseMs, (current, given) => {
      isErased = current.recipientId === "";
      return decideExtension(current, attempt.number, given);
    });
    if (isOurs) return prepared;
    if (isErased) await media.discard(message);
    return undefined;
  }

  /** Whether the attempt is still the one under way: a process that was held up may find it taken over. */
  function extendLease(state: MessageState, attempt: RunningAttempt, forMs: number): Promise<boolean> {
    return goOn(state, attempt, forMs, (current, given) => decideExtension(current, attempt.number, given));
  }

  /** Commits what is decided, and whether the attempt goes on: with its lane for `forMs` more, or not at all. */
  async function goOn(
    state: MessageState,
    attempt: RunningAttempt,
    forMs: number,
    decide: (current: MessageState, given: { now: number; leaseUntil: number }) => Change,
  ): Promise<boolean> {
    let isOurs = false;
    const leaseUntil = now() + forMs;
    await deps.persist(() =>
      deps.change({
        deliverySeq: state.delivery.seq,
        decide(current) {
          const change = decide(current, { now: now(), leaseUntil });
          isOurs = change.lane !== undefined;
          return change;
        },
      }),
    );
    attempt.leaseEnd = leaseUntil;
    return isOurs;
  }

  /** One after the other; what was taken is committed before the next one goes, so that a retry sends only what is missing. */
  async function sendParts(
    state: MessageState,
    attempt: RunningAttempt,
    shared: Omit<OutboundDelivery, "message">,
    parts: Message[],
  ): Promise<Outcome | undefined> {
    const count = parts.length;
    for (const [index, message] of parts.entries()) {
      if (index < state.delivery.partsSent) continue;
      const part = { number: index + 1, count };
      const outcome = await hand(state, attempt, { message, part, ...shared });
      if (outcome === undefined || outcome.status === "failed" || part.number === count) return outcome;
      const isOurs = await goOn(state, attempt, leaseMs, (current, given) =>
        decidePartSent(current, attempt.number, part, given),
      );
      if (!isOurs) return undefined;
      // What is known of it moves along.
      state.delivery.partsSent = part.number;
    }
    return { status: "accepted", answer: "every part was taken by an earlier attempt" };
  }

  /**
   * A send begins only while the lease covers the time that it may take, and only if the attempt is still ours: else undefined.
   * An exception is a mistake of the channel. Where a repeat could reach the customer twice, it may have happened after the send.
   */
  async function hand(
    state: MessageState,
    attempt: RunningAttempt,
    outbound: OutboundDelivery,
  ): Promise<Outcome | undefined> {
    const isLate = attempt.leaseEnd - leaseMs < now() - longestStartMs;
    if (isLate && !(await extendLease(state, attempt, leaseMs))) return undefined;
    try {
      return await channel.send(outbound);
    } catch (error) {
      if (channel.repeatable) throw error;
      return { ...failureOf(error), retryable: false, uncertain: true };
    }
  }

  return (state: MessageState, capture: KeptCapture, attempt: RunningAttempt) =>
    send(state, capture, attempt).catch(mistaken);
}

function refused(code: "GeneralError" | "UnsupportedMessage", message: string): Outcome {
  return { status: "failed", retryable: false, reason: { code, message }, answer: "not sent" };
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
