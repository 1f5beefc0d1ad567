/** Every send of a notice: counted for caps and brakes, and matched with what providers report later. */
import { type Db, run } from "./bulk";
import type { Tx } from "./database";

export interface NoticeSend {
  noticeSeq: number;
  policy: string;
  step: number;
  attempt: number;
  channel: string;
  recipientKey: string;
  addressKey: string;
  /** SHA-256 of the text, base64url. */
  textHash: string;
  at: number;
}

const dayMs = 86_400_000;
const minuteMs = 60_000;

/**
 * Lets one transaction at a time decide that a notice goes out, whatever process it runs in: what it reads of consent, caps and brakes
 * holds until it commits. Call it before anything is read.
 */
export async function takeTurn(tx: Tx): Promise<void> {
  await run(
    tx.db,
    "insert into budgets (name, tat) values ('notices', 0) on conflict (name) do update set tat = excluded.tat",
  );
}

export async function saveSend(tx: Tx, send: NoticeSend): Promise<void> {
  await tx.db
    .insertInto("notice_sends")
    .values({
      notice_seq: send.noticeSeq,
      policy: send.policy,
      step: send.step,
      attempt: send.attempt,
      channel: send.channel,
      recipient_key: send.recipientKey,
      address_key: send.addressKey,
      text_hash: send.textHash,
      at: send.at,
      status: "sending",
      provider_message_id: null,
    })
    .execute();
}

export async function finishSend(
  tx: Tx,
  send: { noticeSeq: number; attempt: number; status: string; providerMessageId?: string | undefined },
): Promise<void> {
  const { noticeSeq, attempt, status, providerMessageId } = send;
  await tx.db
    .updateTable("notice_sends")
    .set({ status, ...(providerMessageId === undefined ? {} : { provider_message_id: providerMessageId }) })
    .where("notice_seq", "=", noticeSeq)
    .where("attempt", "=", attempt)
    .execute();
}

/** Other notices that reached this customer, at any of these addresses, in the 24 hours before `now`, or may have. */
export async function countToldInDay(
  tx: Tx,
  customer: { recipientKey: string; addressKeys: readonly string[]; exceptNotice: number },
  now: number,
): Promise<number> {
  const { recipientKey, addressKeys, exceptNotice } = customer;
  const rows = await tx.db
    .selectFrom("notice_sends")
    .select("notice_seq")
    .distinct()
    .where("at", ">", now - dayMs)
    .where("status", "<>", "failed")
    .where("notice_seq", "<>", exceptNotice)
    .where((eb) =>
      eb.or([
        eb("recipient_key", "=", recipientKey),
        ...(addressKeys.length === 0 ? [] : [eb("address_key", "in", addressKeys)]),
      ]),
    )
    .execute();
  return rows.length;
}

/** When the last sends of a policy were, at most `limit` of the minute before `now`, oldest first. */
export async function readSentInMinute(tx: Tx, policy: string, limit: number, now: number): Promise<number[]> {
  const rows = await run<{ at: number }>(
    tx.db,
    "select at from notice_sends where policy = $1 and at > $2 order by at desc limit $3",
    [policy, now - minuteMs, limit],
  );
  return rows.map((row) => row.at).reverse();
}

/** Whether any send of the notice is known to have reached the customer. */
export async function hasReached(tx: Tx, noticeSeq: number): Promise<boolean> {
  const row = await tx.db
    .selectFrom("notice_sends")
    .select("seq")
    .where("notice_seq", "=", noticeSeq)
    .where("status", "=", "delivered")
    .executeTakeFirst();
  return row !== undefined;
}

export interface FoundSend {
  noticeSeq: number;
  attempt: number;
  step: number;
  channel: string;
  addressKey: string;
  /** Its customer was erased since: nothing of it may be kept in clear any more. */
  isErased: boolean;
}

/** How far a send has come; read it once its notice is locked. */
export async function readSendStatus(tx: Tx, { noticeSeq, attempt }: FoundSend): Promise<string | undefined> {
  const row = await tx.db
    .selectFrom("notice_sends")
    .select("status")
    .where("notice_seq", "=", noticeSeq)
    .where("attempt", "=", attempt)
    .executeTakeFirst();
  return row?.status;
}

/** The send of a notice that a report speaks of: by our id of the notice, or the provider's of the message. The latest of several. */
export async function findSend(
  db: Db,
  by: { channel: string; deliveryId?: string | undefined; providerMessageId?: string | undefined },
): Promise<FoundSend | undefined> {
  const { channel, deliveryId, providerMessageId } = by;
  const select = () =>
    db
      .selectFrom("notice_sends as s")
      .select(["s.notice_seq", "s.attempt", "s.step", "s.channel", "s.address_key", "s.recipient_key"])
      .where("s.channel", "=", channel)
      .orderBy("s.seq", "desc");
  const byProvider =
    providerMessageId === undefined
      ? undefined
      : await select()
          .where((eb) =>
            eb(
              eb.fn<string>("substr", ["s.provider_message_id", eb.val(1), eb.val(200)]),
              "=",
              providerMessageId.slice(0, 200),
            ),
          )
          .where("s.provider_message_id", "=", providerMessageId)
          .executeTakeFirst();
  const row =
    byProvider ??
    (deliveryId === undefined
      ? undefined
      : await select()
          .innerJoin("notices as n", "n.seq", "s.notice_seq")
          .where("n.id", "=", deliveryId)
          .executeTakeFirst());
  if (row === undefined) return undefined;
  return {
    noticeSeq: row.notice_seq,
    attempt: row.attempt,
    step: row.step,
    channel: row.channel,
    addressKey: row.address_key,
    isErased: row.recipient_key === "erased",
  };
}

/** The send that was under way when a process ended: what to look for at the provider. */
export async function readOpenSend(db: Db, noticeSeq: number) {
  return db
    .selectFrom("notice_sends")
    .select(["attempt", "step", "channel", "text_hash", "at", "address_key"])
    .where("notice_seq", "=", noticeSeq)
    .where("status", "=", "sending")
    .orderBy("seq", "desc")
    .executeTakeFirst();
}

/** Whom and what the newest notice to an address was about: an answer from there belongs to it. */
export interface AnsweredNotice {
  noticeSeq: number;
  noticeId: string;
  /** That the notice went by. */
  channel: string;
  policy: string;
  integration: string;
  integrationId: string;
  recipientId: string;
  recipientIdType: string;
  conversationId: string | null;
}

/** The newest notice that went to this address since `since`; undefined when none did. */
export async function findAnswered(db: Db, addressKey: string, since: number): Promise<AnsweredNotice | undefined> {
  const row = await db
    .selectFrom("notice_sends as s")
    .innerJoin("messages as m", "m.notice_seq", "s.notice_seq")
    .innerJoin("notices as n", "n.seq", "s.notice_seq")
    .select([
      "s.notice_seq",
      "s.channel",
      "n.id as notice_id",
      "s.policy",
      "m.integration",
      "m.integration_id",
      "m.recipient_id",
      "m.recipient_id_type",
      "m.conversation_id",
    ])
    .where("s.address_key", "=", addressKey)
    .where("s.at", ">", since)
    .where("s.status", "<>", "failed")
    .orderBy("s.seq", "desc")
    .orderBy("m.seq", "desc")
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    noticeSeq: row.notice_seq,
    noticeId: row.notice_id,
    channel: row.channel,
    policy: row.policy,
    integration: row.integration,
    integrationId: row.integration_id,
    recipientId: row.recipient_id,
    recipientIdType: row.recipient_id_type,
    conversationId: row.conversation_id,
  };
}
