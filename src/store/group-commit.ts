/**
 * Transactions asked for in the same moment share one commit, and so one sync to disk, which on SQLite holds up everything else.
 * Each stands behind a savepoint: one that fails takes only its own writes with it.
 */
import { type Db, run } from "./bulk";
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

const largestGroup = 64;

export function createGroupCommit(db: Db) {
  let waiting: Job[] = [];
  let running = false;

  async function loop(): Promise<void> {
    while (waiting.length > 0) {
      // Whatever else the event loop has ready joins the group.
      await new Promise(setImmediate);
      const group = waiting.slice(0, largestGroup);
      waiting = waiting.slice(largestGroup);
      await commit(group);
    }
    running = false;
  }

  async function commit(group: readonly Job[]): Promise<void> {
    try {
      await db.connection().execute(async (connection) => {
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
    } catch (error) {
      for (const job of group) job.reject(error);
      return;
    }
    for (const job of group) job.settle();
  }

  /** Resolves once the work is on disk; throws what the work threw, or what kept the group from being written. */
  return function inGroup<Result>(work: (connection: Db) => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      let settle: () => void = () => undefined;
      waiting.push({
        async attempt(connection) {
          await run(connection, "savepoint job");
          try {
            const result = await work(connection);
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
