/** Whether a try that took long is still the one under way, or another process has taken its message over. Pure. */
import type { Change } from "../store/change";
import type { MessageState } from "../store/states";

/** A try that was held up goes on with its lane held, unless it is not the one under way any more. */
export function decideExtension(
  state: MessageState,
  attempt: number,
  { now, leaseUntil }: { now: number; leaseUntil: number },
): Change {
  if (isOurs(state, attempt)) return { lane: { leaseUntil }, ledger: [] };
  return superseded(now, { attempt, because: "held up before it was sent" });
}

/** One of several parts has been taken by the channel; the next one may go only while the try is the one under way. */
export function decidePartSent(
  state: MessageState,
  attempt: number,
  part: { number: number; count: number },
  { now, leaseUntil }: { now: number; leaseUntil: number },
): Change {
  const detail = { attempt, part: part.number, of: part.count };
  if (!isOurs(state, attempt)) return superseded(now, { ...detail, because: "held up between its parts" });
  return {
    delivery: { partsSent: part.number },
    lane: { leaseUntil },
    ledger: [{ at: now, event: "delivery.partSent", detail }],
  };
}

/** Whether nobody else has taken over, and the message has not left its lane. */
function isOurs({ delivery }: MessageState, attempt: number): boolean {
  return delivery.attempts === attempt && delivery.status !== "pending" && delivery.lane !== null;
}

/** A try that is not the one under way any more. */
export function superseded(at: number, detail: { attempt: number } & Record<string, unknown>): Change {
  return { ledger: [{ at, event: "attempt.superseded", detail }] };
}
