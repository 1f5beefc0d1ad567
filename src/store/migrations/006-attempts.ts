import type { Kysely } from "kysely";

/** When the attempt under way began: it has no row before it has ended. */
export const attempts = {
  async up(db: Kysely<unknown>) {
    // Null until the second attempt: `first_attempt_at` is the begin of the first one.
    await db.schema.alterTable("deliveries").addColumn("attempt_at", "bigint").execute();
  },
};
