/** Rates shared by every process: one row each, reserved with one UPDATE (the generic cell rate algorithm). */
import { run } from "./bulk";
import type { Database } from "./database";

/**
 * Reserves up to `count` calls of a budget paced `stepMs` apart and returns when the first of them may start.
 * At most `burstMs / stepMs` calls can start at once after a pause.
 */
export async function reserveBudget(
  database: Database,
  request: { name: string; count: number; stepMs: number; burstMs: number; now: number },
): Promise<{ startAt: number }> {
  const { name, count, stepMs, burstMs, now } = request;
  const rows = await database.transaction((tx) =>
    run<{ tat: number }>(
      tx.db,
      `insert into budgets (name, tat) values ($1, $2)
       on conflict (name) do update set tat = case when budgets.tat > $3 then budgets.tat else $4 end + $5 returning tat`,
      [name, now + count * stepMs, now, now, count * stepMs],
    ),
  );
  const tat = rows[0]?.tat ?? now;
  return { startAt: Math.max(now, tat - count * stepMs - burstMs) };
}

/** Obeys a Retry-After: nothing of this budget starts before `until`. */
export async function pauseBudget(database: Database, name: string, until: number): Promise<void> {
  await database.transaction((tx) =>
    run(
      tx.db,
      "insert into budgets (name, tat) values ($1, $2) on conflict (name) do update set tat = case when budgets.tat > $3 then budgets.tat else $4 end",
      [name, until, until, until],
    ),
  );
}
