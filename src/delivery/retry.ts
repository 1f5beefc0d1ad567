/** When to try again. */
import type { RetryRule } from "../channels/channel";

export interface FailedTry {
  /** Attempts made so far, this one included. */
  attempts: number;
  firstAttemptAt: number;
  now: number;
  /** What the other side asked for. */
  retryAfterMs?: number | undefined;
}

/**
 * The time of the next try, or undefined when the delivery has been tried for as long as it may be.
 * Delays double from `firstDelayMs` to `maxDelayMs`, each shortened by up to half at random so that lanes do not march in step;
 * a Retry-After is never undercut and overrun by 5 % at most. The last try is at the end of `maxAgeSeconds`, not after it.
 */
export function nextTryAt(tried: FailedTry, rule: RetryRule, random: () => number): number | undefined {
  const { attempts, firstAttemptAt, now, retryAfterMs } = tried;
  const deadline = firstAttemptAt + rule.maxAgeSeconds * 1000;
  if (now >= deadline) return undefined;
  if (retryAfterMs !== undefined && retryAfterMs > 0) {
    const at = now + Math.ceil(retryAfterMs * (1 + 0.05 * random()));
    return now + retryAfterMs > deadline ? undefined : at;
  }
  const full = Math.min(rule.maxDelayMs, rule.firstDelayMs * 2 ** Math.min(attempts - 1, 30));
  return Math.min(deadline, now + Math.ceil(full * (0.5 + 0.5 * random())));
}
