import { type Kysely, sql } from "kysely";

/** Customers' messages: which adapter brought them, and whom a returning customer's waiting notices are for. */
export const inbound = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("messages").addColumn("source", "text").execute();
    // Few rows are missed at any time, so that looking for a customer's costs nothing however long the history is.
    await sql`create index messages_missed_recipient on messages (substr(recipient_id, 1, 200)) where notice_seq is not null and fate = 'open'`.execute(
      db,
    );
  },
};
