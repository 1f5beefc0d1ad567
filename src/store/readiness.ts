/** Whether the store is migrated and takes writes now. */
import { run } from "./bulk";
import type { Database } from "./database";

/** Writes one row and throws StoreUnavailable, saying why, when that cannot be done. */
export async function probeWrite(database: Database, now: number): Promise<void> {
  await database.transaction((tx) =>
    run(
      tx.db,
      "insert into meta (key, value) values ('probe', $1) on conflict (key) do update set value = excluded.value",
      [String(now)],
    ),
  );
}
