/** Rates shared by every process: one row each, changed under lock. */
import { type Db, run } from "./bulk";
import type { Database } from "./database";
import { forUpdate } from "./engine";

/**
 * Changes budgets together: `decide` maps the theoretical arrival times as they are (milliseconds UTC, fractions kept; 0 for a
 * budget never used) to those to write, and whatever the caller wants to know. The generic cell rate algorithm does the rest.
 */
export async function updateBudgets<Result>(
  database: Database,
  names: readonly string[],
  decide: (tats: ReadonlyMap<string, number>) => { tats: ReadonlyMap<string, number>; result: Result },
): Promise<Result> {
  const sorted = [...new Set(names)].sort();
  return database.transaction(async (tx) => {
    const list = sorted.map((_, n) => `$${n + 1}`).join(", ");
    const select = `select name, tat from budgets where name in (${list}) order by name${forUpdate(tx.engine)}`;
    let rows = await run<{ name: string; tat: number }>(tx.db, select, sorted);
    if (rows.length < sorted.length) {
      for (const name of sorted) {
        await run(tx.db, "insert into budgets (name, tat) values ($1, 0) on conflict (name) do nothing", [name]);
      }
      rows = await run(tx.db, select, sorted);
    }
    const { tats, result } = decide(new Map(rows.map(({ name, tat }) => [name, tat / 1000])));
    for (const [name, tat] of tats) {
      await run(tx.db, "update budgets set tat = $1 where name = $2", [Math.ceil(tat * 1000), name]);
    }
    return result;
  });
}

/** One budget as it stands, without lock; 0 for one never used. */
export async function readBudget(db: Db, name: string): Promise<number> {
  const [row] = await run<{ tat: number }>(db, "select tat from budgets where name = $1", [name]);
  return (row?.tat ?? 0) / 1000;
}
