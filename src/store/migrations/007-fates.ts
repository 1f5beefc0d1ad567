import { type Kysely, sql } from "kysely";
import type { Engine } from "../engine";

const troubles = "'failed', 'notified', 'suppressed', 'unreachable', 'exhausted', 'returned', 'unknown'";

/**
 * No index speaks of the fate, which changes once or twice for every message: PostgreSQL writes a row anew into every index of its
 * table when a column that one of them speaks of has changed, and into none otherwise, if its page has room for it.
 */
export function fates(engine: Engine) {
  const isPostgres = engine === "postgres";

  return {
    async up(db: Kysely<unknown>) {
      for (const name of ["messages_fate", "messages_missed", "messages_missed_recipient"])
        await db.schema.dropIndex(name).execute();

      // The fate, where it is a rare one. SQLite adds no stored column to a table that exists.
      const kept = sql.raw(isPostgres ? "stored" : "virtual");
      await sql`alter table messages add column trouble text
        generated always as (case when fate in (${sql.raw(troubles)}) then fate end) ${kept}`.execute(db);
      await sql`create index messages_trouble on messages (trouble, seq) where trouble is not null`.execute(db);

      if (!isPostgres) return;
      // Half of a page is room: under load its rows change together, and each has two versions until that is committed.
      await sql`alter table messages set (fillfactor = 50)`.execute(db);
      await sql`alter table receipts set (fillfactor = 45)`.execute(db);
    },
  };
}
