/** Anybody can send a wrong signature: what is kept of them must not cost more than what is right. */
import type { Refused } from "../store/quarantine";

const perMinute = 60;

/** Keeps at most 60 refused requests a minute of each integration; the others are refused all the same. */
export function limitQuarantine(keep: (refused: Refused) => Promise<void>, now: () => number) {
  const kept = new Map<string, { minute: number; count: number }>();
  return async function keepSome(refused: Refused): Promise<void> {
    const minute = Math.floor(now() / 60_000);
    const so = kept.get(refused.integration);
    const count = so?.minute === minute ? so.count + 1 : 1;
    kept.set(refused.integration, { minute, count });
    if (count <= perMinute) await keep(refused);
  };
}
