/** Whether the store is migrated and takes writes, and how its faults are told. */
import { StoreUnavailable } from "../errors";
import type { Log } from "../log";
import { type Database } from "../store/database";
import { migrate } from "../store/migrate";
import { probeWrite } from "../store/readiness";
import { releaseAllLeases } from "../store/tasks";

/** Migrates the store, and knows whether that has happened. */
export function createReadiness(database: Database, log: Log, now: () => number) {
  let migrated = false;
  let failure: unknown;
  let probed: { at: number; result: Promise<void> } | undefined;

  async function prepare() {
    const startedAt = now();
    const applied = await migrate(database);
    await releaseAllLeases(database, now());
    migrated = true;
    if (applied.length > 0) {
      log.storeMigrated({ database: database.engine, count: applied.length, durationMs: now() - startedAt });
    }
  }

  return {
    prepare,
    /** A PostgreSQL that is away at start is waited for: the bridge answers 503 until it is there. */
    async prepareWhenReachable(isStopping: () => boolean) {
      while (!isStopping() && !migrated) {
        try {
          await prepare();
        } catch (error) {
          failure = error;
          log.storeFailed({ code: codeOf(error), error });
          await new Promise((resolve) => setTimeout(resolve, 1000));
        }
      }
    },
    async probe() {
      if (!migrated) {
        throw new StoreUnavailable(failure instanceof Error ? failure.message : "the store is not migrated yet", {
          cause: failure,
        });
      }
      // Anybody may ask: a write to disk each second is enough to know.
      if (probed === undefined || now() - probed.at >= 1000)
        probed = { at: now(), result: probeWrite(database, now()) };
      await probed.result;
    },
  };
}

/** A store that is away fails everywhere at once: one line in ten seconds says so. */
export function sayOnce<Fact>(say: (fact: Fact) => void, now: () => number): (fact: Fact) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (fact) => {
    if (now() - saidAt < 10_000) return;
    saidAt = now();
    say(fact);
  };
}

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? "unknown");
}
