/**
 * Transactions asked for while the ones before are on their way to the disk share one commit, and so one sync. Each stands
 * behind a savepoint: one that fails takes only its own writes with it.
 */
import { type Db, type Issue, issueDirectly, run, together } from "./bulk";
import { classifyFault } from "./faults";
import { StoreUnavailable } from "../errors";

interface Job {
  /** Does the work and keeps what came of it until the commit. */
  attempt(connection: Db): Promise<void>;
  /** After the commit: hands out what came of the work. */
  settle(): void;
  /** Nothing of the group was kept. */
  reject(error: unknown): void;
}

const largestGroup = 256;
const longestRestMs = 20;

/**
 * While one group is brought to the disk, the next one is written.
 *
 * @param issue carries out statements on the connection of `db`, while that is held
 * @param sync brings what is committed to the disk. Nobody hears of it before that; when the disk fails, the group is rejected
 * although the file shows its rows, as after a commit whose answer was lost.
 */
export function createGroupCommit(db: Db, issue: Issue, sync: () => Promise<void>) {
  let waiting: Job[] = [];
  let running = false;
  let startedAt = 0;
  let tookMs = 0;
  /** Until the last group is on disk, or rejected: a later sync vouches for nothing if the one before it failed. */
  let synced: Promise<void> = Promise.resolve();

  /**
   * What the event loop has ready joins the group. Under load that goes on for as long as the last group took, unless a turn
   * brings nothing: groups grow, and each row costs less.
   */
  async function gather(): Promise<void> {
    const until = startedAt + Math.min(2 * tookMs, tookMs + longestRestMs);
    for (let seen = -1; waiting.length > seen; ) {
      seen = waiting.length;
      await new Promise(setImmediate);
      if (performance.now() >= until) return;
    }
  }

  async function loop(): Promise<void> {
    while (waiting.length > 0) {
      await gather();
      const group = waiting.slice(0, largestGroup);
      waiting = waiting.slice(largestGroup);
      const isWritten = await write(group);
      await synced;
      if (isWritten) synced = finish(group);
    }
    running = false;
  }

  async function write(group: readonly Job[]): Promise<boolean> {
    startedAt = performance.now();
    try {
      await db.connection().execute(async (connection) => {
        issueDirectly(connection, issue);
        await run(connection, "begin immediate");
        try {
          for (const job of group) await job.attempt(connection);
          await run(connection, "commit");
        } catch (error) {
          // A full disk has ended the transaction already.
          await run(connection, "rollback").catch(() => undefined);
          throw error;
        }
      });
      tookMs = performance.now() - startedAt;
      return true;
    } catch (error) {
      for (const job of group) job.reject(error);
      return false;
    }
  }

  async function finish(group: readonly Job[]): Promise<void> {
    try {
      await sync();
    } catch (error) {
      for (const job of group) job.reject(error);
      return;
    }
    for (const job of group) job.settle();
  }

  /** Resolves once the work is on disk; throws what the work threw, or what kept the group from being written. */
  return function inGroup<Result>(
    work: (connection: Db, last: Promise<unknown>[]) => Promise<Result>,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      let settle: () => void = () => undefined;
      waiting.push({
        async attempt(connection) {
          await run(connection, "savepoint job");
          try {
            const last: Promise<unknown>[] = [];
            const result = await work(connection, last);
            await together(...last);
            settle = () => resolve(result);
          } catch (error) {
            if (classifyFault(error) instanceof StoreUnavailable) throw error;
            await run(connection, "rollback to job");
            settle = () => reject(error);
          }
          await run(connection, "release job");
        },
        settle: () => settle(),
        reject,
      });
      if (!running) {
        running = true;
        void loop();
      }
    });
  };
}
