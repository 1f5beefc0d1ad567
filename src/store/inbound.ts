/** Looking up customers' messages by the ids that Genesys Cloud and adapters know. */
import type { Db } from "./bulk";
import type { KeptBody } from "./captures";
import { bytes } from "./engine";
import { whereFound } from "./lookups";

/** A message that came in and the newest delivery of it. */
export interface InboundDelivery {
  messageId: string;
  deliverySeq: number;
}

/**
 * The customer's message a receipt of Genesys Cloud speaks of: by the id we gave it, else by the one Genesys Cloud gave it.
 * Only within the integration whose webhook brought the receipt.
 */
export async function findInboundDelivery(
  db: Db,
  by: { integration: string; messageId: string | null; genesysMessageId: string | null },
): Promise<InboundDelivery | undefined> {
  const select = () =>
    db
      .selectFrom("messages as m")
      .innerJoin("deliveries as d", "d.message_seq", "m.seq")
      .select(["m.id as messageId", "d.seq as deliverySeq"])
      .where("m.source", "is not", null)
      .where("m.integration", "=", by.integration)
      .orderBy("d.seq", "desc")
      .limit(1);
  const { messageId, genesysMessageId } = by;
  const own = messageId === null ? undefined : await select().where("m.id", "=", messageId).executeTakeFirst();
  if (own !== undefined || genesysMessageId === null) return own;
  return select().where(whereFound("genesys", genesysMessageId)).executeTakeFirst();
}

/** What one of our ids is to Genesys Cloud; undefined when it is none of ours. */
export async function readGenesysIds(
  db: Db,
  messageId: string,
): Promise<{ genesysMessageId: string | null; conversationId: string | null } | undefined> {
  const row = await db
    .selectFrom("messages")
    .select(["genesys_id", "conversation_id"])
    .where("id", "=", messageId)
    .executeTakeFirst();
  return row && { genesysMessageId: row.genesys_id, conversationId: row.conversation_id };
}

/** A customer's message that did not reach Genesys Cloud. */
export interface FailedInbound {
  seq: number;
  id: string;
  integration: string;
  integrationId: string;
  recipientId: string;
  recipientIdType: string;
  fate: string;
  reason: { code: string; message: string } | null;
  /** The adapter's request as it came; null when retention has removed it. */
  body: Buffer | null;
}

export async function readFailedInbound(db: Db, messageId: string): Promise<FailedInbound | undefined> {
  const row = await db
    .selectFrom("messages as m")
    .leftJoin("captures as c", "c.message_seq", "m.seq")
    .select(["m.seq", "m.id", "m.integration", "m.integration_id", "m.recipient_id", "m.recipient_id_type"])
    .select(["m.fate", "m.reason_code", "m.reason_message", "c.body"])
    .where("m.id", "=", messageId)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    seq: row.seq,
    id: row.id,
    integration: row.integration,
    integrationId: row.integration_id,
    recipientId: row.recipient_id,
    recipientIdType: row.recipient_id_type,
    fate: row.fate,
    reason: row.reason_code === null ? null : { code: row.reason_code, message: row.reason_message ?? "" },
    body: row.body === null ? null : bytes(row.body),
  };
}

/** A message that went out through a channel, by its delivery's id: what it said, and to whom. */
export async function readDelivered(
  db: Db,
  by: { deliveryId: string; channel: string },
): Promise<(KeptBody & { recipientId: string }) | undefined> {
  const row = await db
    .selectFrom("deliveries as d")
    .innerJoin("messages as m", "m.seq", "d.message_seq")
    .innerJoin("captures as c", "c.message_seq", "m.seq")
    .select(["m.id", "m.integration", "m.integration_id", "m.kind", "m.source", "m.recipient_id", "c.body"])
    .where("d.id", "=", by.deliveryId)
    .where("d.channel", "=", by.channel)
    .executeTakeFirst();
  if (row === undefined || row.body === null) return undefined;
  const { id, integration, integration_id: integrationId, kind, source, recipient_id: recipientId, body } = row;
  return { id, integration, integrationId, kind, source, recipientId, body: bytes(body) };
}
