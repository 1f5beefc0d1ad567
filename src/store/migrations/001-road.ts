import { type Kysely, sql } from "kysely";
import type { Engine } from "../engine";

/** Captures, messages, deliveries, attempts, ledger, tasks, receipts, callbacks, notices, quarantine, budgets. */
export function road(engine: Engine) {
  const sqlite = engine === "sqlite";
  const bytes = sqlite ? sql`blob` : sql`bytea`;
  // Keys are compared byte by byte on both engines, so that a prefix is a range.
  const key = sqlite ? sql`text` : sql`text collate "C"`;

  return {
    async up(db: Kysely<unknown>) {
      const table = (name: string) => db.schema.createTable(name);
      const withSeq = (name: string) =>
        sqlite
          ? table(name).addColumn("seq", "integer", (c) => c.primaryKey().autoIncrement())
          : table(name).addColumn("seq", "bigint", (c) => c.primaryKey().generatedByDefaultAsIdentity());

      await withSeq("messages")
        .addColumn("id", "text", (c) => c.notNull())
        .addColumn("dedup_key", key, (c) => c.notNull())
        .addColumn("integration", "text", (c) => c.notNull())
        .addColumn("integration_id", "text", (c) => c.notNull())
        .addColumn("genesys_id", "text")
        .addColumn("direction", "text", (c) => c.notNull())
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("conversation_id", "text")
        .addColumn("recipient_id", "text", (c) => c.notNull())
        .addColumn("recipient_id_type", "text", (c) => c.notNull())
        .addColumn("received_at", "bigint", (c) => c.notNull())
        .addColumn("sent_at", "bigint")
        .addColumn("summary", "text", (c) => c.notNull())
        .addColumn("fate", "text", (c) => c.notNull())
        .addColumn("reason_code", "text")
        .addColumn("reason_message", "text")
        .addColumn("notice_seq", "bigint")
        .addColumn("duplicates", "integer", (c) => c.notNull().defaultTo(0))
        .execute();
      await db.schema.createIndex("messages_id").unique().on("messages").column("id").execute();
      await db.schema.createIndex("messages_dedup").unique().on("messages").column("dedup_key").execute();
      await sql`create index messages_fate on messages (fate, seq) where fate in ('failed', 'notified', 'suppressed', 'unreachable', 'exhausted', 'returned', 'unknown')`.execute(
        db,
      );
      await sql`create index messages_notice on messages (notice_seq) where notice_seq is not null`.execute(db);

      // The index of ids from outside, filled behind the front: see lookups.ts.
      await table("lookups")
        .addColumn("key", key, (c) => c.notNull())
        .addColumn("message_seq", "bigint", (c) => c.notNull())
        .addPrimaryKeyConstraint("lookups_pk", ["key", "message_seq"])
        .modifyEnd(sqlite ? sql`without rowid` : sql``)
        .execute();
      await sql`create index messages_missed on messages (notice_seq) where fate = 'open' and notice_seq is not null`.execute(
        db,
      );

      await table("captures")
        .addColumn("message_seq", sqlite ? "integer" : "bigint", (c) => c.primaryKey())
        .addColumn("headers", "text", (c) => c.notNull())
        .addColumn("body", bytes)
        .execute();

      await withSeq("deliveries")
        .addColumn("message_seq", "bigint", (c) => c.notNull())
        .addColumn("id", "text", (c) => c.notNull())
        .addColumn("channel", "text", (c) => c.notNull())
        .addColumn("lane", key)
        .addColumn("trigger", "text", (c) => c.notNull())
        .addColumn("status", "text", (c) => c.notNull())
        .addColumn("attempts", "integer", (c) => c.notNull())
        .addColumn("parts_sent", "integer", (c) => c.notNull().defaultTo(0))
        .addColumn("first_attempt_at", "bigint")
        .addColumn("accepted_at", "bigint")
        .addColumn("provider_message_id", "text")
        .addColumn("reason_code", "text")
        .addColumn("reason_message", "text")
        .execute();
      await db.schema.createIndex("deliveries_id").unique().on("deliveries").column("id").execute();
      await db.schema.createIndex("deliveries_message").on("deliveries").column("message_seq").execute();
      await sql`create index deliveries_lane on deliveries (lane, seq) where lane is not null`.execute(db);
      await sql`create index deliveries_provider on deliveries (substr(provider_message_id, 1, 200)) where provider_message_id is not null`.execute(
        db,
      );

      await table("attempts")
        .addColumn("delivery_seq", "bigint", (c) => c.notNull())
        .addColumn("number", "integer", (c) => c.notNull())
        .addColumn("started_at", "bigint", (c) => c.notNull())
        .addColumn("finished_at", "bigint")
        .addColumn("result", "text")
        .addColumn("answer", "text")
        .addPrimaryKeyConstraint("attempts_pk", ["delivery_seq", "number"])
        .execute();

      await withSeq("ledger")
        .addColumn("message_seq", "bigint", (c) => c.notNull())
        .addColumn("at", "bigint", (c) => c.notNull())
        .addColumn("event", "text", (c) => c.notNull())
        .addColumn("detail", "text")
        .execute();
      await db.schema.createIndex("ledger_message").on("ledger").column("message_seq").execute();

      await table("tasks")
        .addColumn("key", key, (c) => c.primaryKey())
        .addColumn("queue", "text", (c) => c.notNull())
        .addColumn("due_at", "bigint", (c) => c.notNull())
        .addColumn("attempt", "integer", (c) => c.notNull().defaultTo(0))
        .addColumn("leased", "integer", (c) => c.notNull().defaultTo(0))
        .addColumn("pending", "integer", (c) => c.notNull().defaultTo(1))
        .addColumn("subject", "bigint")
        .addColumn("detail", "text")
        .execute();
      await db.schema.createIndex("tasks_due").on("tasks").columns(["queue", "due_at"]).execute();

      await table("receipts")
        .addColumn("message_seq", sqlite ? "integer" : "bigint", (c) => c.primaryKey())
        .addColumn("status", "text", (c) => c.notNull())
        .addColumn("reason_code", "text")
        .addColumn("reason_message", "text")
        .addColumn("at", "bigint", (c) => c.notNull())
        .addColumn("owed_at", "bigint", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("answer", "text")
        .execute();

      await withSeq("callbacks")
        .addColumn("channel", "text", (c) => c.notNull())
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("webhook_id", "text", (c) => c.notNull())
        .addColumn("received_at", "bigint", (c) => c.notNull())
        .addColumn("body", "text", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull().defaultTo("waiting"))
        .addUniqueConstraint("callbacks_once", ["channel", "kind", "webhook_id"])
        .execute();

      await withSeq("notices")
        .addColumn("id", "text", (c) => c.notNull().unique())
        .addColumn("policy", "text", (c) => c.notNull())
        .addColumn("recipient_key", key, (c) => c.notNull())
        .addColumn("status", "text", (c) => c.notNull())
        .addColumn("step", "integer", (c) => c.notNull().defaultTo(0))
        .addColumn("channel", "text")
        .addColumn("attempts", "integer", (c) => c.notNull().defaultTo(0))
        // 1 from the commit before a send until the commit after it: found set at the next claim, the outcome is unknown.
        .addColumn("in_flight", "integer", (c) => c.notNull().defaultTo(0))
        .addColumn("provider_message_id", "text")
        .addColumn("answer", "text")
        .addColumn("created_at", "bigint", (c) => c.notNull())
        .addColumn("changed_at", "bigint", (c) => c.notNull())
        .execute();
      await sql`create unique index notices_waiting on notices (recipient_key) where status = 'waiting'`.execute(db);

      await withSeq("quarantine")
        .addColumn("integration", "text", (c) => c.notNull())
        .addColumn("received_at", "bigint", (c) => c.notNull())
        .addColumn("problem", "text", (c) => c.notNull())
        .addColumn("headers", "text", (c) => c.notNull())
        .addColumn("body", bytes, (c) => c.notNull())
        .addColumn("size", "integer", (c) => c.notNull())
        .execute();
      await db.schema.createIndex("quarantine_integration").on("quarantine").columns(["integration", "seq"]).execute();

      await table("budgets")
        .addColumn("name", "text", (c) => c.primaryKey())
        // Microseconds UTC: a step of a large budget is a fraction of a millisecond.
        .addColumn("tat", "bigint", (c) => c.notNull())
        .execute();
      await table("meta")
        .addColumn("key", "text", (c) => c.primaryKey())
        .addColumn("value", "text", (c) => c.notNull())
        .execute();
    },
  };
}
