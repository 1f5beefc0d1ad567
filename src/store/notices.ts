/** Notices of missed messages: one waits per recipient and policy, and messages join it until it is sent. */
import { type Db, run } from "./bulk";
import { customerKeyOf } from "./customers";
import type { Tx } from "./database";
import { bytes, forUpdate } from "./engine";
import { insertLedger } from "./ledger";
import { addTasks, hastenTask, type NewTask, removeTasks } from "./tasks";

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
  const { integration, recipient_id } = await tx.db
    .selectFrom("messages")
    .select(["integration", "recipient_id"])
    .where("seq", "=", messageSeq)
    .executeTakeFirstOrThrow();
  const [notice] = await run<{ seq: number; id: string }>(
    tx.db,
    `insert into notices (id, policy, recipient_key, customer_key, status, created_at, changed_at, not_before)
     values ($1, $2, $3, $4, 'waiting', $5, $6, $7)
     on conflict (recipient_key) where status = 'waiting' do update set changed_at = excluded.changed_at returning seq, id`,
    [join.id, join.policy, join.recipientKey, customerKeyOf(integration, recipient_id), now, now, join.dueAt],
  );
  if (notice === undefined) throw new Error("an upsert returned no row");
  await run(tx.db, "update messages set notice_seq = $1 where seq = $2", [notice.seq, messageSeq]);
  await insertLedger(tx.db, [
    { messageSeq, at: now, event: "notice.joined", detail: { notice: notice.id, policy: join.policy } },
  ]);
  if (notice.id === join.id) await addTasks(tx, [noticeTask(notice.seq, join.dueAt)], now);
}

export function noticeTaskKey(seq: number): string {
  return `notice:${seq}`;
}

function noticeTask(seq: number, dueAt: number): NewTask {
  return { key: noticeTaskKey(seq), queue: noticeQueue, dueAt, subject: seq };
}

export interface NoticeState {
  seq: number;
  id: string;
  policy: string;
  recipientKey: string;
  status: string;
  step: number;
  channel: string | null;
  /** Of all steps. */
  attempts: number;
  inFlight: boolean;
  createdAt: number;
  /** The end of the grace time, of a wait between tries, or of the wait for a confirmation. */
  notBefore: number | null;
  waitsFor: string | null;
  /** Of the current step. */
  stepStartedAt: number | null;
  stepAttempts: number;
  /** When the customer came back, if that was while a send was under way, or after the notice had ended. */
  returnedAt: number | null;
  /** Its messages that are still missed, oldest first. */
  missed: MissedMessage[];
}

export interface MissedMessage {
  seq: number;
  id: string;
  integration: string;
  integrationId: string;
  conversationId: string | null;
  kind: string;
  recipientId: string;
  recipientIdType: string;
  receivedAt: number;
  sentAt: number | null;
  reason: string | null;
  body: Buffer | null;
}

interface NoticeRow {
  seq: number;
  id: string;
  policy: string;
  recipient_key: string;
  status: string;
  step: number;
  channel: string | null;
  attempts: number;
  in_flight: number;
  created_at: number;
  not_before: number | null;
  waits_for: string | null;
  step_started_at: number | null;
  step_attempts: number | null;
  returned_at: number | null;
}

/** The notice under lock, with what is still missed. */
export async function loadNotice(tx: Tx, seq: number): Promise<NoticeState | undefined> {
  const [row] = await run<NoticeRow>(
    tx.db,
    `select seq, id, policy, recipient_key, status, step, channel, attempts, in_flight, created_at, not_before, waits_for,
       step_started_at, step_attempts, returned_at
     from notices where seq = $1${forUpdate(tx.engine)}`,
    [seq],
  );
  if (row === undefined) return undefined;
  return {
    seq: row.seq,
    id: row.id,
    policy: row.policy,
    recipientKey: row.recipient_key,
    status: row.status,
    step: row.step,
    channel: row.channel,
    attempts: row.attempts,
    inFlight: row.in_flight === 1,
    createdAt: row.created_at,
    notBefore: row.not_before,
    waitsFor: row.waits_for,
    stepStartedAt: row.step_started_at,
    stepAttempts: row.step_attempts ?? 0,
    returnedAt: row.returned_at,
    missed: await readMissed(tx, seq),
  };
}

async function readMissed(tx: Tx, noticeSeq: number): Promise<MissedMessage[]> {
  const rows = await run<{
    seq: number;
    id: string;
    integration: string;
    integration_id: string;
    conversation_id: string | null;
    kind: string;
    recipient_id: string;
    recipient_id_type: string;
    received_at: number;
    sent_at: number | null;
    reason_code: string | null;
    body: Uint8Array | ArrayBuffer | null;
  }>(
    tx.db,
    `select m.seq, m.id, m.integration, m.integration_id, m.conversation_id, m.kind, m.recipient_id, m.recipient_id_type, m.received_at, m.sent_at,
       m.reason_code, c.body
     from messages m left join captures c on c.message_seq = m.seq
     where m.notice_seq = $1 and m.fate = 'open' order by m.seq${forUpdate(tx.engine, "m")}`,
    [noticeSeq],
  );
  return rows.map((one) => ({
    seq: one.seq,
    id: one.id,
    integration: one.integration,
    integrationId: one.integration_id,
    conversationId: one.conversation_id,
    kind: one.kind,
    recipientId: one.recipient_id,
    recipientIdType: one.recipient_id_type,
    receivedAt: one.received_at,
    sentAt: one.sent_at,
    reason: one.reason_code,
    body: one.body === null ? null : bytes(one.body),
  }));
}

export interface NoticeChange {
  status: string;
  channel?: string | null;
  step?: number;
  attempts?: number;
  stepAttempts?: number;
  stepStartedAt?: number | null;
  notBefore?: number | null;
  waitsFor?: string | null;
  inFlight?: boolean;
  providerMessageId?: string | null;
  answer?: string | null;
  /** What the missed messages end as, if this decides it. */
  fate?: string;
  /** A ledger line for each missed message; absent: nothing worth a line. */
  event?: string;
  detail?: Record<string, unknown>;
}

/** Writes a notice's new state, the fate of its missed messages and their ledger lines. */
export async function writeNotice(tx: Tx, notice: NoticeState, change: NoticeChange, now: number): Promise<void> {
  if (change.status === "waiting" && notice.status !== "waiting") await absorbWaiting(tx, notice, now);
  await tx.db
    .updateTable("notices")
    .set({
      status: change.status,
      changed_at: now,
      in_flight: change.inFlight ? 1 : 0,
      ...(change.channel === undefined ? {} : { channel: change.channel }),
      ...(change.step === undefined ? {} : { step: change.step }),
      ...(change.attempts === undefined ? {} : { attempts: change.attempts }),
      ...(change.stepAttempts === undefined ? {} : { step_attempts: change.stepAttempts }),
      ...(change.stepStartedAt === undefined ? {} : { step_started_at: change.stepStartedAt }),
      ...(change.notBefore === undefined ? {} : { not_before: change.notBefore }),
      ...(change.waitsFor === undefined ? {} : { waits_for: change.waitsFor }),
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
  const { event } = change;
  if (event === undefined) return;
  const detail = { notice: notice.id, ...change.detail };
  await insertLedger(
    tx.db,
    seqs.map((messageSeq) => ({ messageSeq, at: now, event, detail })),
  );
}

/**
 * A notice that waits again takes over what was missed meanwhile: one notice waits per recipient, and it tells of everything.
 */
async function absorbWaiting(tx: Tx, notice: NoticeState, now: number): Promise<void> {
  const [other] = await run<{ seq: number }>(
    tx.db,
    `select seq from notices where recipient_key = $1 and status = 'waiting' and seq <> $2${forUpdate(tx.engine)}`,
    [notice.recipientKey, notice.seq],
  );
  if (other === undefined) return;
  await run(tx.db, "update notices set status = 'cancelled', changed_at = $1 where seq = $2", [now, other.seq]);
  const moved = await run<{ seq: number }>(
    tx.db,
    "update messages set notice_seq = $1 where notice_seq = $2 and fate = 'open' returning seq",
    [notice.seq, other.seq],
  );
  await removeTasks(tx, [noticeTaskKey(other.seq)]);
  const detail = { notice: notice.id, policy: notice.policy };
  await insertLedger(
    tx.db,
    moved.map(({ seq }) => ({ messageSeq: seq, at: now, event: "notice.joined", detail })),
  );
}

/** Late news of a notice that has ended: messages of one of the fates `from` end as `fate` after all. */
export async function correctFates(
  tx: Tx,
  notice: { seq: number; id: string },
  change: { from: readonly string[]; fate: string; event: string; detail?: Record<string, unknown> },
  now: number,
): Promise<number> {
  const rows = await tx.db
    .updateTable("messages")
    .set({ fate: change.fate })
    .where("notice_seq", "=", notice.seq)
    .where("fate", "in", change.from)
    .returning("seq")
    .execute();
  const detail = { notice: notice.id, ...change.detail };
  await insertLedger(
    tx.db,
    rows.map(({ seq }) => ({ messageSeq: seq, at: now, event: change.event, detail })),
  );
  return rows.length;
}

/** Makes a waiting notice due, adding its task again should it have ended. */
export async function wakeNotice(tx: Tx, seq: number, dueAt: number, now: number): Promise<void> {
  await addTasks(tx, [noticeTask(seq, dueAt)], now);
  if (dueAt <= now) await hastenTask(tx, noticeTaskKey(seq), now);
}

export async function readNotice(db: Db, seq: number) {
  return db.selectFrom("notices").selectAll().where("seq", "=", seq).executeTakeFirst();
}

/** A ledger line for the messages of one conversation that a notice spoke of. */
export async function insertNoticeLine(
  tx: Tx,
  line: { noticeSeq: number; conversationId: string; at: number; event: string; detail: Record<string, unknown> },
): Promise<void> {
  const { noticeSeq, conversationId, at, event, detail } = line;
  const messages = await run<{ seq: number }>(
    tx.db,
    "select seq from messages where notice_seq = $1 and conversation_id = $2",
    [noticeSeq, conversationId],
  );
  await insertLedger(
    tx.db,
    messages.map(({ seq }) => ({ messageSeq: seq, at, event, detail })),
  );
}
