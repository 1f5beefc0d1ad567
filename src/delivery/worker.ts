/** Claims what is due, does it, waits: one loop per queue, woken by commits, with a poll as safety net. */
import type { Database } from "../store/database";
import type { Taker } from "../store/handover";
import { type LeasedTask, leaseTasks, nextDueAt } from "../store/tasks";

/** How one queue is worked off. */
export interface QueueWork {
  queue: string;
  /** Most tasks under way at once. */
  concurrency: number;
  /** How long a claim holds: longer than a task can take. */
  leaseMs: number;
  /** How many may start now, and when to ask again if none: for breakers and budgets. */
  permits?(now: number): { count: number; askAgainAt?: number };
  /**
   * Starts the tasks, claimed at `leasedAt` (milliseconds UTC); each promise returned is one task under way and never rejects for
   * what the world does.
   */
  begin(tasks: LeasedTask[], leasedAt: number): Promise<Promise<void>[]>;
  /** Offers to take over what this process makes due, within the room that the loop has. */
  offer?(room: LoopRoom): void;
}

/** The room of one queue's loop for tasks that it need not claim. */
export interface LoopRoom extends Pick<Taker<never>, "reserve" | "free"> {
  /** The tasks that room was kept for, under way; as of {@link QueueWork.begin}. */
  run(jobs: readonly Promise<void>[]): void;
}

export interface WorkerDeps {
  database: Database;
  now: () => number;
  /** A turn failed: the store is away, or there is a mistake in the program. */
  onError: (queue: string, error: unknown) => void;
}

const pollMs = 1000;
/** Tasks that follow each other in one place while others wait for it. */
const mostInARow = 16;
const afterErrorMs = 500;

export function createWorker(deps: WorkerDeps, works: readonly QueueWork[]) {
  const { database } = deps;
  const loops = new Map(works.map((work) => [work.queue, createLoop(deps, work)]));
  database.onWork((queue) => loops.get(queue)?.wake());

  return {
    start() {
      for (const loop of loops.values()) loop.start();
    },
    /** Claims nothing more and resolves when all that was claimed is finished. */
    async stop() {
      await Promise.all([...loops.values()].map((loop) => loop.stop()));
    },
    /** Tasks under way, by queue. */
    underWay: () => new Map([...loops].map(([queue, loop]) => [queue, loop.underWay()])),
  };
}

function createLoop({ database, now, onError }: WorkerDeps, work: QueueWork) {
  let underWay = 0;
  let stopped = false;
  /** Whether more may be due than was claimed: then nothing overtakes it. */
  let isBehind = true;
  let woken = false;
  let wakeUp: (() => void) | undefined;
  let done: Promise<void> | undefined;

  function wake() {
    woken = true;
    wakeUp?.();
  }

  /** Until woken, or for `ms`. */
  async function rest(ms: number) {
    if (woken || stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wakeUp = undefined;
  }

  const room: LoopRoom = {
    reserve(after) {
      const at = now();
      const allowed = work.permits?.(at).count ?? Number.POSITIVE_INFINITY;
      if (stopped || allowed !== Number.POSITIVE_INFINITY) return undefined;
      const isTheirTurn = after > 0 && after < mostInARow;
      if (!isTheirTurn && (isBehind || underWay >= work.concurrency)) return undefined;
      underWay += 1;
      return { leaseEnd: at + work.leaseMs };
    },
    free() {
      underWay -= 1;
      if (isBehind) wake();
    },
    run: follow,
  };

  function follow(jobs: readonly Promise<void>[]) {
    for (const job of jobs) {
      void job
        .catch((error: unknown) => onError(work.queue, error))
        .finally(() => {
          underWay -= 1;
          if (isBehind) wake();
        });
    }
  }

  async function turn(): Promise<number> {
    const at = now();
    const allowed = work.permits?.(at) ?? { count: Number.POSITIVE_INFINITY };
    const limit = Math.min(work.concurrency - underWay, allowed.count);
    if (limit <= 0) {
      isBehind = true;
      return allowed.count <= 0 && allowed.askAgainAt !== undefined ? Math.max(1, allowed.askAgainAt - at) : pollMs;
    }
    const tasks = await leaseTasks(database, { queue: work.queue, limit, now: at, leaseEnd: at + work.leaseMs });
    isBehind = tasks.length >= limit;
    if (tasks.length === 0) {
      const due = await nextDueAt(database.db, work.queue);
      return due === undefined ? pollMs : Math.min(pollMs, Math.max(1, due - now()));
    }
    underWay += tasks.length;
    let jobs: Promise<void>[] = [];
    try {
      jobs = await work.begin(tasks, at);
    } finally {
      underWay -= tasks.length - jobs.length;
    }
    follow(jobs);
    return 0;
  }

  async function run() {
    while (!stopped) {
      woken = false;
      let pause: number;
      try {
        pause = await turn();
      } catch (error) {
        onError(work.queue, error);
        woken = false;
        pause = afterErrorMs;
      }
      if (pause > 0) await rest(pause);
      // What finished in the same moment makes room for one larger claim.
      await new Promise(setImmediate);
    }
    while (underWay > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  return {
    wake,
    underWay: () => underWay,
    start() {
      if (done === undefined) work.offer?.(room);
      done ??= run();
    },
    async stop() {
      stopped = true;
      wake();
      await done;
    },
  };
}
