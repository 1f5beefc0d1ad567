/** Stops sending into a broken adapter: its lanes wait, and one probe at a time asks whether it is back. */

/** What a send told about the channel, whatever it told about the message. */
export type Sign =
  /** An answer as the contract has it, a refusal of the message included. */
  | "contract"
  /** 429: alive, but busy. */
  | "busy"
  /** Anything else: refused connection, time-out, 5xx, nonsense. */
  | "broken"
  /** Nothing: it was not asked. */
  | "unsent";

export interface BreakerState {
  /** Sends in a row without a contract answer. */
  failures: number;
  /** When the next probe may start; undefined while closed. */
  probeAt?: number;
  probeDelayMs: number;
  probing: boolean;
}

export const breakerRule = { failures: 20, firstProbeMs: 1000, maxProbeMs: 60_000 };

export const closedBreaker: BreakerState = { failures: 0, probeDelayMs: breakerRule.firstProbeMs, probing: false };

/** How many sends may start now. */
export function permits(state: BreakerState, now: number): number {
  if (state.probeAt === undefined) return Number.POSITIVE_INFINITY;
  return !state.probing && now >= state.probeAt ? 1 : 0;
}

/** The state once a send has started. */
export function afterStart(state: BreakerState): BreakerState {
  return state.probeAt === undefined ? state : { ...state, probing: true };
}

/** The state once a send has ended; `probe` says whether it was the probe of an open breaker. */
export function afterSend(state: BreakerState, sign: Sign, probe: boolean, now: number): BreakerState {
  if (sign === "contract") return closedBreaker;
  if (sign === "unsent") return probe ? { ...state, probing: false } : state;
  if (state.probeAt === undefined) {
    const failures = sign === "busy" ? state.failures : state.failures + 1;
    if (failures < breakerRule.failures) return { ...state, failures };
    return {
      failures,
      probing: false,
      probeAt: now + breakerRule.firstProbeMs,
      probeDelayMs: breakerRule.firstProbeMs,
    };
  }
  if (!probe) return state;
  // A busy adapter is alive: the lanes may go on, each at the pace it is told.
  if (sign === "busy") return closedBreaker;
  const probeDelayMs = Math.min(breakerRule.maxProbeMs, state.probeDelayMs * 2);
  return { ...state, probing: false, probeDelayMs, probeAt: now + probeDelayMs };
}
