import { type Kysely, sql } from "kysely";
import type { Engine } from "../engine";

/** On SQLite, lanes are indexed by buckets of a thousand deliveries: see lanes.ts. */
export function lanes(engine: Engine) {
  return {
    async up(db: Kysely<unknown>) {
      if (engine === "postgres") return;
      await db.schema.dropIndex("deliveries_lane").execute();
      await sql`create index deliveries_lane on deliveries (seq / 1000, lane) where lane is not null`.execute(db);
    },
  };
}
