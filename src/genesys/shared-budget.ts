/** The budget of one organisation, shared by all processes through rows in the store. */
import { type GenesysBudget, latestTat, type Pace, type Priority, postpone, priorities, reserve } from "./budget";

export interface SharedBudgetDeps {
  /** Prefix of the rows: the organisation. */
  organisation: string;
  pace: Pace;
  /** Changes rows under lock; see the store. */
  update<Result>(
    names: readonly string[],
    decide: (tats: ReadonlyMap<string, number>) => { tats: ReadonlyMap<string, number>; result: Result },
  ): Promise<Result>;
  now: () => number;
  sleep?: (ms: number) => Promise<void>;
}

type Turn = { clientId: string; readyAt: number } | { retryAfterMs: number };

interface Request {
  priority: Priority;
  clientIds: readonly string[];
  resolve(turn: Turn): void;
  reject(error: unknown): void;
}

/**
 * Requests that come while the last reservation is written share the next one, the most urgent first; each gets the client
 * whose next slot is nearest, and waits for that slot. A slot further off than the priority may wait is not reserved.
 */
export function createSharedBudget(deps: SharedBudgetDeps): GenesysBudget {
  const { organisation, pace, update, now, sleep = sleepMs } = deps;
  const nameOf = (clientId: string) => `genesys:${organisation}:${clientId}`;
  let waiting: Request[] = [];
  let running = false;

  async function loop() {
    while (waiting.length > 0) {
      await new Promise(setImmediate);
      const batch = waiting.toSorted((a, b) => priorities.indexOf(a.priority) - priorities.indexOf(b.priority));
      waiting = [];
      try {
        const names = batch.flatMap(({ clientIds }) => clientIds.map(nameOf));
        const turns = await update(names, (tats) => assign(batch, tats));
        batch.forEach((request, index) => request.resolve(turns[index] ?? { retryAfterMs: 1000 }));
      } catch (error) {
        for (const request of batch) request.reject(error);
      }
    }
    running = false;
  }

  function assign(batch: readonly Request[], given: ReadonlyMap<string, number>) {
    const tats = new Map(given);
    const at = now();
    const turns = batch.map(({ priority, clientIds }): Turn => {
      const nearest = clientIds.toSorted((a, b) => tatOf(tats, a) - tatOf(tats, b))[0];
      if (nearest === undefined) return { retryAfterMs: 1000 };
      const tat = tatOf(tats, nearest);
      const latest = latestTat({ priority, now: at, slots: 1 }, pace);
      if (tat > latest) return { retryAfterMs: Math.ceil(tat - latest) };
      const reserved = reserve({ tat, now: at, slots: 1 }, pace);
      tats.set(nameOf(nearest), reserved.tat);
      return { clientId: nearest, readyAt: reserved.readyAt };
    });
    return { tats, result: turns };
  }

  const tatOf = (tats: ReadonlyMap<string, number>, clientId: string) => tats.get(nameOf(clientId)) ?? 0;

  return {
    async take(priority, clientIds) {
      const turn = await new Promise<Turn>((resolve, reject) => {
        waiting.push({ priority, clientIds, resolve, reject });
        if (!running) {
          running = true;
          void loop();
        }
      });
      if ("retryAfterMs" in turn) return turn;
      const waitMs = turn.readyAt - now();
      if (waitMs > 0) await sleep(Math.ceil(waitMs));
      return { clientId: turn.clientId };
    },
    async pause(clientId, retryAfterMs) {
      const name = nameOf(clientId);
      await update([name], (tats) => {
        const tat = postpone({ tat: tats.get(name) ?? 0, now: now(), retryAfterMs }, pace);
        return { tats: new Map([[name, tat]]), result: undefined };
      });
    },
  };
}

function sleepMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
