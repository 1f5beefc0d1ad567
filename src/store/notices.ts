/** Notices of missed messages: one waits per recipient and policy, and messages join it until it is sent. */
import { type Db, run } from "./bulk";
import type { Tx } from "./database";
import { bytes, forUpdate } from "./engine";
import { insertLedger } from "./ledger";
import { addTasks } from "./tasks";

export const noticeQueue = "notices";

export interface NoticeJoin {
  /** Id of the notice, should this message start one. */
  id: string;
  policy: string;
  /** Who is told: one notice waits per key. */
  recipientKey: string;
  /** When the grace time of a new notice ends. */
  dueAt: number;
}

/** Adds the message to the notice that waits for its recipient, starting one if none does. */
export async function joinNotice(tx: Tx, messageSeq: number, join: NoticeJoin, now: number): Promise<void> {
  const [notice] = await run<{ seq: number; id: string }>(
    tx.db,
    `insert into notices (id, policy, recipient_key, status, created_at, changed_at) values ($1, $2, $3, 'waiting', $4, $5)
     on conflict (recipient_key) where status = 'waiting' do update set changed_at = excluded.changed_at returning seq, id`,
    [join.id, join.policy, join.recipientKey, now, now],
  );
  if (notice === undefined) throw new Error("an upsert returned no row");
  await run(tx.db, "update messages set notice_seq = $1 where seq = $2", [notice.seq, messageSeq]);
  await insertLedger(tx.db, [
    { messageSeq, at: now, event: "notice.joined", detail: { notice: notice.id, policy: join.policy } },
  ]);
  if (notice.id === join.id) {
    await addTasks(
      tx,
      [{ key: noticeTaskKey(notice.seq), queue: noticeQueue, dueAt: join.dueAt, subject: notice.seq }],
      now,
    );
  }
}

export function noticeTaskKey(seq: number): string {
  return `notice:${seq}`;
}

export interface NoticeState {
  seq: number;
  id: string;
  policy: string;
  status: string;
  step: number;
  channel: string | null;
  attempts: number;
  inFlight: boolean;
  createdAt: number;
  /** Its messages that are still missed, oldest first. */
  missed: MissedMessage[];
}

export interface MissedMessage {
  seq: number;
  id: string;
  integration: string;
  integrationId: string;
  kind: string;
  recipientId: string;
  recipientIdType: string;
  receivedAt: number;
  sentAt: number | null;
  reason: string | null;
  body: Buffer | null;
}

/** The notice under lock, with what is still missed. */
export async function loadNotice(tx: Tx, seq: number): Promise<NoticeState | undefined> {
  const [row] = await run<{
    seq: number;
    id: string;
    policy: string;
    status: string;
    step: number;
    channel: string | null;
    attempts: number;
    in_flight: number;
    created_at: number;
  }>(
    tx.db,
    `select seq, id, policy, status, step, channel, attempts, in_flight, created_at from notices where seq = $1${forUpdate(tx.engine)}`,
    [seq],
  );
  if (row === undefined) return undefined;
  const missed = await run<{
    seq: number;
    id: string;
    integration: string;
    integration_id: string;
    kind: string;
    recipient_id: string;
    recipient_id_type: string;
    received_at: number;
    sent_at: number | null;
    reason_code: string | null;
    body: Uint8Array | ArrayBuffer | null;
  }>(
    tx.db,
    `select m.seq, m.id, m.integration, m.integration_id, m.kind, m.recipient_id, m.recipient_id_type, m.received_at, m.sent_at, m.reason_code, c.body
     from messages m left join captures c on c.message_seq = m.seq
     where m.notice_seq = $1 and m.fate = 'open' order by m.seq${forUpdate(tx.engine, "m")}`,
    [seq],
  );
  return {
    seq: row.seq,
    id: row.id,
    policy: row.policy,
    status: row.status,
    step: row.step,
    channel: row.channel,
    attempts: row.attempts,
    inFlight: row.in_flight === 1,
    createdAt: row.created_at,
    missed: missed.map((one) => ({
      seq: one.seq,
      id: one.id,
      integration: one.integration,
      integrationId: one.integration_id,
      kind: one.kind,
      recipientId: one.recipient_id,
      recipientIdType: one.recipient_id_type,
      receivedAt: one.received_at,
      sentAt: one.sent_at,
      reason: one.reason_code,
      body: one.body === null ? null : bytes(one.body),
    })),
  };
}

export interface NoticeChange {
  status: string;
  channel?: string | null;
  attempts?: number;
  inFlight?: boolean;
  providerMessageId?: string | null;
  answer?: string | null;
  /** What the missed messages end as, if this decides it. */
  fate?: string;
  /** A ledger line for each missed message. */
  event: string;
  detail?: Record<string, unknown>;
}

/** Writes a notice's new state, the fate of its missed messages and their ledger lines. */
export async function writeNotice(tx: Tx, notice: NoticeState, change: NoticeChange, now: number): Promise<void> {
  await tx.db
    .updateTable("notices")
    .set({
      status: change.status,
      changed_at: now,
      in_flight: change.inFlight ? 1 : 0,
      ...(change.channel === undefined ? {} : { channel: change.channel }),
      ...(change.attempts === undefined ? {} : { attempts: change.attempts }),
      ...(change.providerMessageId === undefined ? {} : { provider_message_id: change.providerMessageId }),
      ...(change.answer === undefined ? {} : { answer: change.answer }),
    })
    .where("seq", "=", notice.seq)
    .execute();
  const seqs = notice.missed.map((one) => one.seq);
  if (seqs.length === 0) return;
  if (change.fate !== undefined) {
    await tx.db
      .updateTable("messages")
      .set({ fate: change.fate })
      .where("seq", "in", seqs)
      .where("fate", "=", "open")
      .execute();
  }
  const detail = { notice: notice.id, ...change.detail };
  await insertLedger(
    tx.db,
    seqs.map((messageSeq) => ({ messageSeq, at: now, event: change.event, detail })),
  );
}

export async function readNotice(db: Db, seq: number) {
  return db.selectFrom("notices").selectAll().where("seq", "=", seq).executeTakeFirst();
}
