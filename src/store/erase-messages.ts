/** Takes what is personal out of one recipient's messages and all that hangs on them, and ends what was still to be done for them. */
import { bulk, type Db, run } from "./bulk";
import { blankCaptures } from "./captures";
import type { Tx } from "./database";
import { forUpdate } from "./engine";
import { laneTaskKey } from "./lanes";
import { insertLedger } from "./ledger";
import { lookupKey, whereFound } from "./lookups";
import { failureTaskKey } from "./queues";
import { removeTasks } from "./tasks";

export interface Erasure {
  /** The recipient's id, exactly as messages name it. */
  recipient: string;
  /** Names and ids; absent: every integration. */
  integrations?: readonly string[] | undefined;
}

export interface EraseDeps {
  now: () => number;
  /** Removes the copies kept of these messages' attachments, by our ids; says how many there were. */
  removeFiles(messageIds: readonly string[]): Promise<number>;
}

/** What was found of one batch of messages. */
export interface MessagesErased {
  /** Ours. */
  ids: string[];
  /** Messages whose fate was open: they are delivered no more. */
  cancelled: number;
  deliveries: number;
  notices: number;
  providerIds: Set<string>;
  conversations: Set<string>;
}

/** Rows in one commit. */
export const atOnce = 200;
/** In place of what a message said. */
export const erasedSummary = "[erased]";

interface FoundMessage {
  seq: number;
  id: string;
  fate: string;
  source: string | null;
  reason_code: string | null;
  conversation_id: string | null;
  notice_seq: number | null;
}

interface FoundDelivery {
  seq: number;
  message_seq: number;
  lane: string | null;
  status: string;
  provider_message_id: string | null;
}

const selectDeliveries = bulk<number, FoundDelivery>(
  "select seq, message_seq, lane, status, provider_message_id from deliveries where message_seq in (values {rows})",
  "(cast(? as bigint))",
  (seq) => [seq],
);
const blankMessages = bulk<{ seq: number; fate: string; code: string | null }>(
  `update messages set recipient_id = '', recipient_id_type = '', conversation_id = null, summary = '${erasedSummary}', fate = v.column2,
     reason_code = v.column3, reason_message = case when v.column3 is null then null else '' end
   from (values {rows}) as v where messages.seq = v.column1`,
  "(cast(? as bigint), cast(? as text), cast(? as text))",
  (one) => [one.seq, one.fate, one.code],
);
const blankDeliveries = bulk<{ seq: number; status: string }>(
  `update deliveries set status = v.column2, lane = null, provider_message_id = null, meaning = null,
     reason_code = case when v.column2 = 'failed' then coalesce(reason_code, 'GeneralError') else reason_code end,
     reason_message = case when reason_code is null and v.column2 <> 'failed' then null else '' end
   from (values {rows}) as v where deliveries.seq = v.column1`,
  "(cast(? as bigint), cast(? as text))",
  (one) => [one.seq, one.status],
);
const blankAttempts = bulk<number>(
  "update attempts set answer = null where delivery_seq in (values {rows})",
  "(cast(? as bigint))",
  (seq) => [seq],
);
const blankReceipts = bulk<number, { message_seq: number }>(
  `update receipts set reason_message = case when reason_code is null then null else '' end, answer = null,
     state = case when state = 'queued' then 'skipped' else state end
   where message_seq in (values {rows}) returning message_seq`,
  "(cast(? as bigint))",
  (seq) => [seq],
);
const leaveLanes = bulk<{ lane: string; count: number }, { key: string; pending: number }>(
  "update tasks set pending = tasks.pending - v.column2 from (values {rows}) as v where tasks.key = v.column1 returning tasks.key, tasks.pending",
  "(cast(? as text), cast(? as integer))",
  (one) => [laneTaskKey(one.lane), one.count],
);
const forgetLookups = bulk<{ key: string; seq: number }>(
  "delete from lookups where (key, message_seq) in (values {rows})",
  "(cast(? as text), cast(? as bigint))",
  (one) => [one.key, one.seq],
);

/** The messages of the next batch. */
function selectMessages(db: Db, { recipient, integrations }: Erasure) {
  const query = db
    .selectFrom("messages as m")
    .select(["m.seq", "m.id", "m.fate", "m.source", "m.reason_code", "m.conversation_id", "m.notice_seq"])
    .where(whereFound("recipient", recipient))
    .where("m.recipient_id", "=", recipient)
    .orderBy("m.seq")
    .limit(atOnce);
  if (integrations === undefined) return query;
  return query.where((eb) =>
    eb.or([eb("m.integration", "in", integrations), eb("m.integration_id", "in", integrations)]),
  );
}

/** The ids, ours, of those that {@link eraseMessages} would take next. */
export async function findMessages(db: Db, erasure: Erasure): Promise<string[]> {
  return (await selectMessages(db, erasure).execute()).map(({ id }) => id);
}

/** Blanks one batch, the oldest messages of the recipient that are left. */
export async function eraseMessages(tx: Tx, erasure: Erasure, now: number): Promise<MessagesErased> {
  const query = selectMessages(tx.db, erasure);
  const messages: FoundMessage[] = await (tx.engine === "postgres" ? query.forUpdate() : query).execute();
  const seqs = messages.map(({ seq }) => seq);
  const deliveries = await selectDeliveries(tx.db, seqs);
  await endDeliveries(tx, deliveries);
  await blankCaptures(tx.db, seqs);
  await blankMessages(
    tx.db,
    messages.map(({ seq, fate, reason_code }) => ({
      seq,
      ...(fate === "open" ? endOpen(deliveries, seq, reason_code) : { fate, code: reason_code }),
    })),
  );
  await blankReceipts(tx.db, seqs);
  await removeTasks(
    tx,
    seqs.map((seq) => `receipt:${seq}`),
  );
  await forgetLookups(
    tx.db,
    messages.flatMap(({ seq, conversation_id: id }) => [
      { key: lookupKey("recipient", erasure.recipient), seq },
      ...(id === null ? [] : [{ key: lookupKey("conversation", id), seq }]),
    ]),
  );
  const noticeSeqs = new Set(messages.flatMap(({ notice_seq }) => (notice_seq === null ? [] : [notice_seq])));
  await endNotices(tx, [...noticeSeqs], now);
  // The adapter that brought a message in cannot be told of its failure any more: nobody is named to tell.
  const untold = messages.filter(({ source, fate }) => source !== null && (fate === "open" || fate === "failed"));
  await removeTasks(
    tx,
    untold.map(({ id }) => failureTaskKey(id)),
  );
  await insertLedger(tx.db, [
    ...untold.map(({ seq }) => ({ messageSeq: seq, at: now, event: "failure.untold", detail: { because: "erased" } })),
    ...seqs.map((messageSeq) => ({ messageSeq, at: now, event: "message.erased" })),
  ]);
  return {
    ids: messages.map(({ id }) => id),
    cancelled: messages.filter(({ fate }) => fate === "open").length,
    deliveries: deliveries.length,
    notices: noticeSeqs.size,
    conversations: new Set(messages.flatMap(({ conversation_id: id }) => id ?? [])),
    providerIds: new Set(deliveries.flatMap(({ provider_message_id: id }) => id ?? [])),
  };
}

/** What can no more be delivered has failed; what a channel has taken, and may have delivered, is not known. */
function endOpen(deliveries: readonly FoundDelivery[], seq: number, code: string | null) {
  const taken = deliveries.some(({ message_seq, status }) => message_seq === seq && isTaken(status));
  return { fate: taken ? "unknown" : "failed", code: code ?? "GeneralError" };
}

function isTaken(status: string): boolean {
  return status === "accepted" || status === "unknown" || status === "unconfirmed";
}

async function endDeliveries(tx: Tx, deliveries: readonly FoundDelivery[]): Promise<void> {
  const lanes = new Map<string, number>();
  for (const { lane } of deliveries) if (lane !== null) lanes.set(lane, (lanes.get(lane) ?? 0) + 1);
  const sorted = [...lanes].map(([lane, count]) => ({ lane, count })).sort((a, b) => (a.lane < b.lane ? -1 : 1));
  const left = await leaveLanes(tx.db, sorted);
  await removeTasks(
    tx,
    left.filter(({ pending }) => pending <= 0).map(({ key }) => key),
  );
  await removeTasks(
    tx,
    deliveries.map(({ seq }) => `confirm:${seq}`),
  );
  await blankDeliveries(
    tx.db,
    deliveries.map(({ seq, status }) => ({
      seq,
      status: status === "pending" || status === "sending" ? "failed" : status,
    })),
  );
  await blankAttempts(
    tx.db,
    deliveries.map(({ seq }) => seq),
  );
}

/** A notice that is being sent in this moment is left to end by itself. */
async function endNotices(tx: Tx, seqs: readonly number[], now: number): Promise<void> {
  for (const seq of seqs) {
    const [notice] = await run<{ status: string; in_flight: number }>(
      tx.db,
      `select status, in_flight from notices where seq = $1${forUpdate(tx.engine)}`,
      [seq],
    );
    const isWaiting = notice?.in_flight === 0 && (notice.status === "waiting" || notice.status === "sending");
    await run(
      tx.db,
      `update notices set recipient_key = 'erased:' || cast(seq as text), customer_key = null, provider_message_id = null, answer = null,
         status = $1, changed_at = $2
       where seq = $3`,
      [isWaiting ? "cancelled" : notice?.status, now, seq],
    );
    await run(
      tx.db,
      "update notice_sends set recipient_key = 'erased', provider_message_id = null, text_hash = '' where notice_seq = $1",
      [seq],
    );
    if (isWaiting) await removeTasks(tx, [`notice:${seq}`]);
  }
}
