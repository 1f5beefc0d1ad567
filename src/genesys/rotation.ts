/** Spreads requests over the OAuth clients of one process. */
import type { GenesysBudget } from "./budget";

/**
 * Takes turns without a pace, for a caller that keeps one itself: the client whose last turn is longest ago goes first.
 */
export function createRotation(): GenesysBudget {
  const lastTurn = new Map<string, number>();
  let turns = 0;

  return {
    async take(_priority, clientIds) {
      const [first, ...others] = clientIds;
      if (first === undefined) throw new RangeError("There is no OAuth client to take a turn for");
      const clientId = others.reduce((oldest, id) => (turnOf(id) < turnOf(oldest) ? id : oldest), first);
      turns += 1;
      lastTurn.set(clientId, turns);
      return { clientId };
    },
    async pause() {},
  };

  function turnOf(clientId: string): number {
    return lastTurn.get(clientId) ?? 0;
  }
}
