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
  /** Reads one row as it is now; 0 when there is none. */
  read(name: string): Promise<number>;
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

/** Between two reservations, at most. */
const longestRestMs = 10;

/** A request that goes out this soon is as good as under way: what a Retry-After could not have stopped either. */
const underWayMs = 20;

/**
 * Requests that come while the last reservation is written share the next one, the most urgent first; each gets the client
 * whose next slot is nearest, and waits for that slot. A slot further off than the priority may wait is not reserved.
 *
 * Each client has two rows: its `tat`, and until when Genesys Cloud asked it to stay away. The second one tells a request
 * that has waited for its slot whether any process was told to stay away meanwhile; its slot is then given up.
 * Clocks of processes may differ by what the margin of the pace takes up.
 */
export function createSharedBudget(deps: SharedBudgetDeps): GenesysBudget {
  const { organisation, pace, update, read, now, sleep = sleepMs } = deps;
  const nameOf = (clientId: string) => `genesys:${organisation}:${clientId}`;
  const awayNameOf = (clientId: string) => `${nameOf(clientId)}:away`;
  let waiting: Request[] = [];
  let running = false;

  async function loop() {
    for (let restMs = 0; waiting.length > 0; ) {
      // One reservation after the other gathers as much as it can.
      await (restMs > 0 ? sleepMs(restMs) : new Promise(setImmediate));
      const startedAt = now();
      const batch = waiting.toSorted((a, b) => priorities.indexOf(a.priority) - priorities.indexOf(b.priority));
      waiting = [];
      try {
        const clients = new Set(batch.flatMap(({ clientIds }) => clientIds));
        const names = [...clients].flatMap((id) => [nameOf(id), awayNameOf(id)]);
        const turns = await update(names, (tats) => assign(batch, tats));
        batch.forEach((request, index) => request.resolve(turns[index] ?? { retryAfterMs: 1000 }));
      } catch (error) {
        for (const request of batch) request.reject(error);
      }
      restMs = Math.min(longestRestMs, now() - startedAt);
    }
    running = false;
  }

  function assign(batch: readonly Request[], rows: ReadonlyMap<string, number>) {
    const changed = new Map<string, number>();
    const tatOf = (clientId: string) => changed.get(nameOf(clientId)) ?? rows.get(nameOf(clientId)) ?? 0;
    const at = now();
    const turns = batch.map(({ priority, clientIds }): Turn => {
      const awayMs = (clientId: string) => (rows.get(awayNameOf(clientId)) ?? 0) - at;
      const present = clientIds.filter((id) => awayMs(id) <= 0);
      const nearest = present.toSorted((a, b) => tatOf(a) - tatOf(b))[0];
      if (nearest === undefined) return { retryAfterMs: Math.ceil(Math.min(...clientIds.map(awayMs))) };
      const tat = tatOf(nearest);
      const latest = latestTat({ priority, now: at, slots: 1 }, pace);
      if (tat > latest) return { retryAfterMs: Math.ceil(tat - latest) };
      const reserved = reserve({ tat, now: at, slots: 1 }, pace);
      changed.set(nameOf(nearest), reserved.tat);
      return { clientId: nearest, readyAt: reserved.readyAt };
    });
    return { tats: changed, result: turns };
  }

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
      const { clientId, readyAt } = turn;
      const waitMs = readyAt - now();
      if (waitMs > 0) await sleep(Math.ceil(waitMs));
      if (waitMs < underWayMs) return { clientId };
      const awayMs = (await read(awayNameOf(clientId))) - now();
      return awayMs > 0 ? { retryAfterMs: Math.ceil(awayMs) } : { clientId };
    },
    async pause(clientId, retryAfterMs) {
      const name = nameOf(clientId);
      const awayName = awayNameOf(clientId);
      await update([name, awayName], (rows) => {
        const at = now();
        const tat = postpone({ tat: rows.get(name) ?? 0, now: at, retryAfterMs }, pace);
        const awayUntil = Math.max(rows.get(awayName) ?? 0, at + retryAfterMs);
        return {
          tats: new Map([
            [name, tat],
            [awayName, awayUntil],
          ]),
          result: undefined,
        };
      });
    },
  };
}

function sleepMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
