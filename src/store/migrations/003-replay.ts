import { type Kysely, sql } from "kysely";
import type { Engine } from "../engine";

/** Replays, seals of the ledger, and what was understood of each message when it was sent. */
export function replay(engine: Engine) {
  const sqlite = engine === "sqlite";

  return {
    async up(db: Kysely<unknown>) {
      const table = db.schema.createTable("replays");
      const withSeq = sqlite
        ? table.addColumn("seq", "integer", (c) => c.primaryKey().autoIncrement())
        : table.addColumn("seq", "bigint", (c) => c.primaryKey().generatedByDefaultAsIdentity());
      await withSeq
        .addColumn("id", "text", (c) => c.notNull().unique())
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("plan", "text", (c) => c.notNull())
        .addColumn("requested_by", "text", (c) => c.notNull())
        .addColumn("reason", "text")
        .addColumn("created_at", "bigint", (c) => c.notNull())
        .addColumn("changed_at", "bigint", (c) => c.notNull())
        .addColumn("total", "bigint", (c) => c.notNull())
        // Every selected message up to this row has had its turn.
        .addColumn("position", "bigint", (c) => c.notNull().defaultTo(0))
        .addColumn("progress", "text", (c) => c.notNull())
        .addColumn("problem", "text")
        .execute();

      await db.schema
        .createTable("seals")
        .addColumn("number", sqlite ? "integer" : "bigint", (c) => c.primaryKey())
        .addColumn("from_seq", "bigint", (c) => c.notNull().unique())
        .addColumn("to_seq", "bigint", (c) => c.notNull())
        .addColumn("lines", "bigint", (c) => c.notNull())
        .addColumn("last_at", "bigint", (c) => c.notNull())
        .addColumn("previous", "text", (c) => c.notNull())
        .addColumn("hash", "text", (c) => c.notNull())
        .addColumn("sealed_at", "bigint", (c) => c.notNull())
        // 1 once retention has removed its lines: its hash still holds the chain together.
        .addColumn("pruned", "integer", (c) => c.notNull().defaultTo(0))
        .execute();

      await sql`alter table captures add column meaning text`.execute(db);
      await sql`alter table deliveries add column meaning text`.execute(db);
    },
  };
}
