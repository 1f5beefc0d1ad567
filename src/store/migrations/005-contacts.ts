import { type Kysely, sql } from "kysely";
import type { Engine } from "../engine";

/** What Genesys Cloud's triggers told us, proofs of who owns an address, and what was done to external contacts. */
export function contacts(engine: Engine) {
  const sqlite = engine === "sqlite";
  const key = sqlite ? sql`text` : sql`text collate "C"`;

  return {
    async up(db: Kysely<unknown>) {
      const withSeq = (name: string) =>
        sqlite
          ? db.schema.createTable(name).addColumn("seq", "integer", (c) => c.primaryKey().autoIncrement())
          : db.schema
              .createTable(name)
              .addColumn("seq", "bigint", (c) => c.primaryKey().generatedByDefaultAsIdentity());

      await withSeq("genesys_events")
        .addColumn("dedup_key", key, (c) => c.notNull().unique())
        .addColumn("type", "text", (c) => c.notNull())
        .addColumn("conversation_id", "text")
        .addColumn("received_at", "bigint", (c) => c.notNull())
        // When it is to be acted on.
        .addColumn("due_at", "bigint", (c) => c.notNull())
        .addColumn("body", "text", (c) => c.notNull())
        // waiting, done, noted (nothing to do), unmatched (no such conversation) or given up.
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("answer", "text")
        .execute();
      await sql`create index genesys_events_waiting on genesys_events (conversation_id, due_at) where state = 'waiting'`.execute(
        db,
      );

      await withSeq("contact_proofs")
        .addColumn("id", "text", (c) => c.notNull().unique())
        .addColumn("integration", "text")
        .addColumn("conversation_id", "text", (c) => c.notNull())
        .addColumn("channel", "text", (c) => c.notNull())
        // Null once the proof has ended.
        .addColumn("address", "text")
        .addColumn("address_key", key, (c) => c.notNull())
        .addColumn("salt", "text")
        .addColumn("code_hash", "text")
        .addColumn("tries", "integer", (c) => c.notNull().defaultTo(0))
        .addColumn("created_at", "bigint", (c) => c.notNull())
        .addColumn("expires_at", "bigint", (c) => c.notNull())
        // asked, sent, withheld (over a limit), failed, proven or void (too many wrong codes, or a newer one took its place).
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("answer", "text")
        .execute();
      const index = (name: string, table: string, columns: string[]) =>
        db.schema.createIndex(name).on(table).columns(columns).execute();
      await index("contact_proofs_conversation", "contact_proofs", ["conversation_id", "created_at"]);
      await index("contact_proofs_address", "contact_proofs", ["address_key", "created_at"]);
      await index("contact_proofs_time", "contact_proofs", ["channel", "created_at"]);

      await withSeq("contact_journal")
        .addColumn("id", "text", (c) => c.notNull().unique())
        .addColumn("at", "bigint", (c) => c.notNull())
        .addColumn("organisation", "text", (c) => c.notNull())
        // claimed, attached, merged, or what was left undone: kept apart, none.
        .addColumn("action", "text", (c) => c.notNull())
        .addColumn("cause", "text", (c) => c.notNull())
        .addColumn("proof", "text", (c) => c.notNull())
        .addColumn("conversation_id", "text")
        .addColumn("contact_id", "text")
        // JSON: the contacts as they were, and as they are now.
        .addColumn("before", "text", (c) => c.notNull())
        .addColumn("after", "text")
        .addColumn("answer", "text")
        .execute();
      await index("contact_journal_contact", "contact_journal", ["contact_id"]);
      await index("contact_journal_conversation", "contact_journal", ["conversation_id"]);
    },
  };
}
