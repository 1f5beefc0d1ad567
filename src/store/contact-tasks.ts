/** What is due about customers' contacts, and the conversations it is about. */
import type { Tx } from "./database";
import { keyOf } from "./keys";
import type { NewTask } from "./tasks";

/** Contacts to resolve. */
export const contactQueue = "contacts";

/** Kept with a customer's message: one at a time for each customer, and nothing is done twice for one conversation. */
export function contactTask(message: {
  integration: string;
  recipientId: string;
  dueAt: number;
}): Omit<NewTask, "subject"> {
  const { integration, recipientId, dueAt } = message;
  return { key: `contact:${keyOf(integration, recipientId)}`, queue: contactQueue, dueAt };
}

/** A message's conversation, which Genesys Cloud names when it takes the message. */
export async function findConversation(
  { db }: Pick<Tx, "db">,
  messageSeq: number,
): Promise<{ integration: string; conversationId: string | null; fate: string; receivedAt: number } | undefined> {
  const row = await db
    .selectFrom("messages")
    .select(["integration", "conversation_id", "fate", "received_at"])
    .where("seq", "=", messageSeq)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    integration: row.integration,
    conversationId: row.conversation_id,
    fate: row.fate,
    receivedAt: row.received_at,
  };
}
