import { type Kysely, sql } from "kysely";
import type { Engine } from "../engine";

/** What notices need beyond one step: their sends, what is known of customers, and who does not want to be written to. */
export function fallback(engine: Engine) {
  const sqlite = engine === "sqlite";
  const key = sqlite ? sql`text` : sql`text collate "C"`;

  return {
    async up(db: Kysely<unknown>) {
      const table = (name: string) => db.schema.createTable(name);
      const withSeq = (name: string) =>
        sqlite
          ? table(name).addColumn("seq", "integer", (c) => c.primaryKey().autoIncrement())
          : table(name).addColumn("seq", "bigint", (c) => c.primaryKey().generatedByDefaultAsIdentity());
      const addToNotices = (name: string, type: "bigint" | "integer" | "text") =>
        db.schema.alterTable("notices").addColumn(name, type).execute();

      // The end of the grace time, of a wait between tries, or of the wait for a confirmation; null: nothing to wait for.
      await addToNotices("not_before", "bigint");
      // What it waits for, if not for that: quiet hours or the brake.
      await addToNotices("waits_for", "text");
      // Of the current step.
      await addToNotices("step_started_at", "bigint");
      await addToNotices("step_attempts", "integer");
      // Whose notice it is, on every policy; notices from before are found no more when their customer comes back.
      await addToNotices("customer_key", "text");
      await sql`create index notices_customer on notices (customer_key) where status in ('waiting', 'sending', 'accepted')`.execute(
        db,
      );
      // Set when the customer came back while a send was under way.
      await addToNotices("returned_at", "bigint");

      await withSeq("notice_sends")
        .addColumn("notice_seq", "bigint", (c) => c.notNull())
        .addColumn("policy", "text", (c) => c.notNull())
        .addColumn("step", "integer", (c) => c.notNull())
        .addColumn("attempt", "integer", (c) => c.notNull())
        .addColumn("channel", "text", (c) => c.notNull())
        .addColumn("recipient_key", key, (c) => c.notNull())
        .addColumn("address_key", key, (c) => c.notNull())
        // SHA-256 of what was written, by which a provider's list of messages is searched.
        .addColumn("text_hash", "text", (c) => c.notNull())
        .addColumn("at", "bigint", (c) => c.notNull())
        .addColumn("status", "text", (c) => c.notNull())
        .addColumn("provider_message_id", "text")
        .execute();
      const indexSends = (name: string, columns: string[]) =>
        db.schema.createIndex(name).on("notice_sends").columns(columns).execute();
      await indexSends("notice_sends_notice", ["notice_seq"]);
      await indexSends("notice_sends_recipient", ["recipient_key", "at"]);
      await indexSends("notice_sends_address", ["address_key", "at"]);
      await indexSends("notice_sends_policy", ["policy", "at"]);
      await sql`create index notice_sends_provider on notice_sends (substr(provider_message_id, 1, 200)) where provider_message_id is not null`.execute(
        db,
      );

      await table("customers")
        .addColumn("key", key, (c) => c.primaryKey())
        .addColumn("integration", "text", (c) => c.notNull())
        .addColumn("recipient_id", "text", (c) => c.notNull())
        .addColumn("email", "text")
        .addColumn("phone", "text")
        .addColumn("time_zone", "text")
        .addColumn("language", "text")
        .addColumn("changed_at", "bigint", (c) => c.notNull())
        .execute();

      await withSeq("consents")
        .addColumn("address_key", key, (c) => c.notNull())
        .addColumn("channel", "text", (c) => c.notNull())
        .addColumn("purpose", "text", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull())
        // Null once it was erased: the key goes on holding.
        .addColumn("address", "text")
        .addColumn("source", "text", (c) => c.notNull())
        .addColumn("reason", "text")
        .addColumn("at", "bigint", (c) => c.notNull())
        .addUniqueConstraint("consents_once", ["address_key", "channel", "purpose"])
        .execute();
      await withSeq("consent_history")
        .addColumn("address_key", key, (c) => c.notNull())
        .addColumn("channel", "text", (c) => c.notNull())
        .addColumn("purpose", "text", (c) => c.notNull())
        // optedOut, granted or removed.
        .addColumn("change", "text", (c) => c.notNull())
        .addColumn("source", "text", (c) => c.notNull())
        .addColumn("reason", "text")
        // What was received: ids and words of ours, never an address.
        .addColumn("evidence", "text")
        .addColumn("at", "bigint", (c) => c.notNull())
        .execute();
      await db.schema.createIndex("consent_history_address").on("consent_history").column("address_key").execute();
    },
  };
}
