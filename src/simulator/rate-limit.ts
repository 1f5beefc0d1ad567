/** Requests a token may make in a minute. */

const minuteMs = 60_000;

/**
 * How the minute is measured. Genesys Cloud's `inin-ratelimit-reset` header speaks of a window with an end, so `fixed`
 * is the nearer picture; `sliding` allows no 60 seconds whatever above the limit and is the stricter one.
 */
export type RateWindow = "fixed" | "sliding";

export interface RateVerdict {
  admitted: boolean;
  /** Requests counted in the window, this one included when admitted. */
  count: number;
  allowed: number;
  /** Whole seconds until the next request has room, at least 1. */
  resetSeconds: number;
}

/** Counts requests by key. A refused request is not counted. */
export function createRateLimit(deps: { perMinute: number; window: RateWindow; now: () => number }) {
  const windows = new Map<string, number[]>();

  function admit(key: string): RateVerdict {
    const at = deps.now();
    const times = windows.get(key) ?? [];
    windows.set(key, times);
    dropOld(times, at, deps.window);
    const admitted = times.length < deps.perMinute;
    if (admitted) times.push(at);
    const oldest = times[0] ?? at;
    return {
      admitted,
      count: times.length,
      allowed: deps.perMinute,
      resetSeconds: Math.max(1, Math.ceil((oldest + minuteMs - at) / 1000)),
    };
  }

  return { admit, clear: () => windows.clear() };
}
export type RateLimit = ReturnType<typeof createRateLimit>;

function dropOld(times: number[], at: number, window: RateWindow) {
  if (window === "fixed") {
    const start = times[0];
    if (start !== undefined && start + minuteMs <= at) times.length = 0;
    return;
  }
  let gone = 0;
  while (gone < times.length && (times[gone] ?? at) + minuteMs <= at) gone += 1;
  times.splice(0, gone);
}
