/** Spreads requests over the OAuth clients of one process, and leaves those alone that were asked to stay away. */
import type { GenesysBudget } from "./budget";

/**
 * Takes turns without a pace, for a caller that has reserved its slots already: of the clients that may send, the one
 * whose last turn is longest ago goes first.
 */
export function createRotation({ now }: { now: () => number }): GenesysBudget {
  const lastTurn = new Map<string, number>();
  const pausedUntil = new Map<string, number>();
  let turns = 0;

  return {
    async take(_priority, clientIds) {
      const free = clientIds.filter((id) => waitOf(id) <= 0);
      const clientId = free.reduce<string | undefined>(
        (first, id) => (first === undefined || turnOf(id) < turnOf(first) ? id : first),
        undefined,
      );
      if (clientId === undefined) return { retryAfterMs: Math.min(...clientIds.map(waitOf)) };
      turns += 1;
      lastTurn.set(clientId, turns);
      return { clientId };
    },
    async pause(clientId, retryAfterMs) {
      pausedUntil.set(clientId, Math.max(pausedUntil.get(clientId) ?? 0, now() + retryAfterMs));
    },
  };

  function turnOf(clientId: string): number {
    return lastTurn.get(clientId) ?? 0;
  }

  function waitOf(clientId: string): number {
    return (pausedUntil.get(clientId) ?? 0) - now();
  }
}
