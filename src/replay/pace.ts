/** When the next messages of a replay are due. Pure. */

export type Pace = { type: "atOnce" } | { type: "rate"; perSecond: number } | { type: "original" };

/** When the last message was due, and when it first came. */
export interface Paced {
  at: number;
  receivedAt: number;
}

export interface Step {
  /** How many of the messages at hand are due. */
  take: number;
  /** When to look again. */
  nextAt: number;
  paced: Paced | undefined;
}

/** A replay that was held up longer than this goes on from where it is, instead of catching up in a burst. */
const catchUpMs = 1000;
/** Rates above five a second are looked at in steps of this length. */
const stepMs = 200;

/**
 * How many of the messages at hand, in their order, are due now. `receivedAt` is when each first came; a message that
 * came before its predecessor follows it at once.
 *
 * @param last where the pace counts from; undefined at the first message
 */
export function planStep(pace: Pace, receivedAt: readonly number[], last: Paced | undefined, now: number): Step {
  if (pace.type === "atOnce") return { take: receivedAt.length, nextAt: now, paced: last };
  const dueAfter = (paced: Paced | undefined, received: number) => {
    if (paced === undefined) return now;
    return paced.at + (pace.type === "rate" ? 1000 / pace.perSecond : Math.max(0, received - paced.receivedAt));
  };
  let paced = last;
  for (const [index, received] of receivedAt.entries()) {
    let dueAt = dueAfter(paced, received);
    if (index === 0 && now - dueAt > catchUpMs) dueAt = now;
    if (dueAt > now) return { take: index, nextAt: Math.max(Math.ceil(dueAt), index > 0 ? now + stepMs : 0), paced };
    paced = { at: dueAt, receivedAt: received };
  }
  return { take: receivedAt.length, nextAt: now, paced };
}
