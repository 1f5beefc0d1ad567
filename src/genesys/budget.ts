/**
 * The arithmetic of the shared budget. All that is kept per OAuth client is its `tat` (theoretical arrival time,
 * milliseconds since the epoch): where the next slot begins when nothing is saved up.
 * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 */

/** Who goes first when slots are scarce, most urgent first. */
export const priorities = ["inbound", "failedReceipt", "deliveredReceipt", "lookup", "campaign", "typing"] as const;
export type Priority = (typeof priorities)[number];

/**
 * How far ahead of now a request of each priority may take its slot; beyond that it waits as a task and holds no slot.
 * What is urgent thus waits at most as long as the less urgent are allowed to run ahead.
 */
export const patienceMs: Readonly<Record<Priority, number>> = {
  inbound: 5_000,
  failedReceipt: 2_000,
  deliveredReceipt: 500,
  lookup: 250,
  campaign: 0,
  typing: 0,
};

/** Who may send now, over all processes: the shared budget. */
export interface GenesysBudget {
  /**
   * One slot of one of these OAuth clients, the least used first: resolves when the slot has come, or at once with
   * how long to stay away when it is too far off for this priority.
   */
  take(priority: Priority, clientIds: readonly string[]): Promise<{ clientId: string } | { retryAfterMs: number }>;
  /** Genesys Cloud asked this client to stay away. */
  pause(clientId: string, retryAfterMs: number): Promise<void>;
}

export interface Pace {
  /** Milliseconds between two slots. */
  stepMs: number;
  /** Slots that may be used at once after a quiet time. */
  burst: number;
}

/** Shares of the limit kept back: for the burst, and for requests that arrive later than they were sent. */
const burstShare = 0.02;
const marginShare = 0.03;

/**
 * The pace that keeps every sliding minute within a limit of Genesys Cloud: burst + 60 s / step stays below it by a
 * margin that takes up the unequal travel times of requests (at 300 a minute: 8 requests, 1.7 s).
 * @param requestsPerMinute the limit of one OAuth client, at least 2 (300 by default at Genesys Cloud)
 */
export function pace(requestsPerMinute: number): Pace {
  if (!(requestsPerMinute >= 2)) throw new RangeError("A budget needs at least 2 requests per minute");
  const limit = Math.floor(requestsPerMinute);
  const burst = Math.max(1, Math.floor(limit * burstShare));
  const steady = Math.max(1, limit - burst - Math.ceil(limit * marginShare));
  return { stepMs: 60_000 / steady, burst };
}

/**
 * Reserves `slots` at once.
 * @returns the new `tat`, and when all of them may be used together
 * @throws RangeError for more slots than the burst, which could never be used together
 */
export function reserve(
  { tat, now, slots }: { tat: number; now: number; slots: number },
  { stepMs, burst }: Pace,
): { tat: number; readyAt: number } {
  if (slots < 1 || slots > burst) throw new RangeError(`Between 1 and ${burst} slots can be reserved at once`);
  const next = Math.max(tat, now) + slots * stepMs;
  return { tat: next, readyAt: Math.max(now, next - burst * stepMs) };
}

/** The highest `tat` at which a request of this priority may still reserve `slots`. */
export function latestTat(
  { priority, now, slots }: { priority: Priority; now: number; slots: number },
  { stepMs, burst }: Pace,
): number {
  return now + patienceMs[priority] + (burst - slots) * stepMs;
}

/** The `tat` after a `Retry-After`: nothing before it has passed, and no burst right after. */
export function postpone(
  { tat, now, retryAfterMs }: { tat: number; now: number; retryAfterMs: number },
  { stepMs, burst }: Pace,
): number {
  return Math.max(tat, now + retryAfterMs + (burst - 1) * stepMs);
}
