/** What was done to external contacts, with what they were before: written before the act, completed after it. */
import type { Database, Tx } from "./database";

export interface JournalEntry {
  id: string;
  at: number;
  organisation: string;
  /** `claim`, `attach`, `merge` or `keepApart`. */
  action: string;
  /** Who wanted it: `flow`, `firstMessage` or `operator`. */
  cause: string;
  /** What proved that it is the customer: `email`, `sms`, `none` or `operator`. */
  proof: string;
  conversationId: string | null;
  /** The contacts as they are. */
  before: unknown;
}

export interface JournalResult {
  /** The contact that the customer is known as now. */
  contactId: string | null;
  after: unknown;
  /** What Genesys Cloud answered. */
  answer: string;
}

export interface JournalItem extends Omit<JournalEntry, "at" | "before">, Omit<JournalResult, "after" | "answer"> {
  /** ISO 8601. */
  at: string;
  before: unknown;
  /** Null when the process ended before it knew. */
  after: unknown;
  answer: string | null;
}

export async function beginJournal(database: Database, entry: JournalEntry): Promise<void> {
  await database.transaction((tx) =>
    tx.db
      .insertInto("contact_journal")
      .values({
        id: entry.id,
        at: entry.at,
        organisation: entry.organisation,
        action: entry.action,
        cause: entry.cause,
        proof: entry.proof,
        conversation_id: entry.conversationId,
        contact_id: null,
        before: JSON.stringify(entry.before),
        after: null,
        answer: null,
      })
      .execute(),
  );
}

export async function endJournal(database: Database, id: string, result: JournalResult): Promise<void> {
  await database.transaction((tx) =>
    tx.db
      .updateTable("contact_journal")
      .set({
        contact_id: result.contactId,
        after: JSON.stringify(result.after ?? null),
        answer: result.answer.slice(0, 500),
      })
      .where("id", "=", id)
      .execute(),
  );
}

/** Whether anything was done about a conversation's contact. */
export async function wasResolved({ db }: Pick<Tx, "db">, conversationId: string): Promise<boolean> {
  const row = await db
    .selectFrom("contact_journal")
    .select("id")
    .where("conversation_id", "=", conversationId)
    .where("answer", "is not", null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** The newest first. */
export async function listJournal(
  { db }: Pick<Tx, "db">,
  filter: { contactId?: string | undefined; conversationId?: string | undefined; limit: number },
): Promise<JournalItem[]> {
  let query = db.selectFrom("contact_journal").selectAll().orderBy("seq", "desc").limit(filter.limit);
  if (filter.contactId !== undefined) query = query.where("contact_id", "=", filter.contactId);
  if (filter.conversationId !== undefined) query = query.where("conversation_id", "=", filter.conversationId);
  const rows = await query.execute();
  return rows.map((row) => ({
    id: row.id,
    at: new Date(row.at).toISOString(),
    organisation: row.organisation,
    action: row.action,
    cause: row.cause,
    proof: row.proof,
    conversationId: row.conversation_id,
    contactId: row.contact_id,
    before: JSON.parse(row.before) as unknown,
    after: row.after === null ? null : (JSON.parse(row.after) as unknown),
    answer: row.answer,
  }));
}
