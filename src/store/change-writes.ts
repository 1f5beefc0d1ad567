/** Writes what was decided about messages, table by table. */
import { type EndedAttempt, saveAttempts } from "./attempts";
import { bulk, together } from "./bulk";
import type { Change, Decided } from "./change";
import { saveConsent } from "./consent";
import type { Tx } from "./database";
import { type LaneMoves, moveLanes } from "./lanes";
import { insertLedger, ownLine } from "./ledger";
import { indexLearned } from "./lookups";
import { joinNotice } from "./notices";
import { type OwedReceipt, queueReceipts } from "./receipts";
import type { MessageState } from "./states";
import { addTasks, hastenTask, removeTasks } from "./tasks";

/**
 * Writes decided changes, table by table, and returns the lanes that are claimed for who released them and hold something.
 * Throws {@link Outdated} where a state is not what was decided on.
 */
export async function writeChanges(tx: Tx, decided: readonly Decided[], now: number): Promise<Set<string>> {
  if (decided.length === 0) return new Set();
  const lanes: LaneMoves = { postpone: [], keep: [], release: [] };
  for (const { state, change, nextLeaseEnd } of decided) {
    const { lane } = state.delivery;
    if (lane === null || change.lane === undefined) continue;
    if (change.lane === "release") lanes.release.push({ lane, leaseEnd: nextLeaseEnd });
    else if ("leaseUntil" in change.lane) lanes.keep.push({ lane, dueAt: change.lane.leaseUntil });
    else lanes.postpone.push({ lane, dueAt: change.lane.retryAt });
  }

  const messages = decided.filter(({ change }) => change.message !== undefined);
  const deliveries = decided.filter(({ change }) => change.delivery !== undefined || change.lane === "release");
  const lines = decided.flatMap(({ state, change }) => change.ledger.map((line) => ownLine(state.seq, line)));
  const tasks = decided.flatMap(({ state, change }) =>
    (change.addTasks ?? []).map((task) => ({ subject: state.delivery.seq, ...task })),
  );
  const done = decided.flatMap(({ change }) => change.removeTasks ?? []);
  const writes = [
    holdAll(messages.length, updateMessages(tx.db, messages)),
    indexLearned(tx.db, messages.flatMap(listLearned)),
    holdAll(deliveries.length, updateDeliveries(tx.db, deliveries)),
    saveAttempts(tx.db, decided.flatMap(listEnded)),
    insertLedger(tx.db, lines),
    addReceipts(tx, decided, now),
    addTasks(tx, tasks, now),
    removeTasks(tx, done),
  ];
  const apart = decided.filter(concernsOthers);
  if (apart.length > 0) {
    await together(...writes);
    for (const one of apart) await writeToOthers(tx, one, now);
    return moveLanes(tx, lanes, now);
  }
  const [, claimed] = await together(together(...writes), moveLanes(tx, lanes, now));
  return claimed;
}

/** Whether more than the message and its delivery is changed. */
function concernsOthers({ state, change }: Decided): boolean {
  return (
    change.optOut !== undefined ||
    change.notice !== undefined ||
    (state.notice !== null && change.message?.fate !== undefined)
  );
}

async function writeToOthers(tx: Tx, { state, change }: Decided, now: number): Promise<void> {
  if (change.optOut !== undefined) await noteOptOut(tx, state, change.optOut, now);
  if (change.notice !== undefined) await joinNotice(tx, state.seq, change.notice, now);
  // A message that no longer counts as missed may leave its notice with nothing to say.
  else if (state.notice !== null && change.message?.fate !== undefined)
    await hastenTask(tx, `notice:${state.notice.seq}`, now);
}

function listEnded({ state: { delivery }, change: { attempt, interrupted } }: Decided): EndedAttempt[] {
  const ended: EndedAttempt[] = [];
  if (interrupted !== undefined) {
    const answer = "the process ended before the answer was recorded";
    ended.push({ delivery, ...interrupted, result: "unknown", answer });
  }
  if (attempt !== undefined) ended.push({ delivery, ...attempt });
  return ended;
}

function noteOptOut(tx: Tx, state: MessageState, optOut: NonNullable<Change["optOut"]>, at: number) {
  const reason = "the channel says that the recipient opted out";
  const evidence = { message: state.id, channel: state.delivery.channel };
  return saveConsent(tx, { ...optOut, purpose: "*", state: "optedOut", source: "channel", reason, evidence, at });
}

/** What a state was read as is not what is there any more: another process, or another part of this one, was faster. */
export class Outdated extends Error {}

async function holdAll(expected: number, written: Promise<readonly unknown[]>): Promise<void> {
  if ((await written).length < expected) throw new Outdated("the state has changed since it was read");
}

/** Writes only over the state that was decided on. */
const updateMessages = bulk<Decided, { seq: number }>(
  `update messages set fate = v.column2, reason_code = v.column3, reason_message = v.column4,
     genesys_id = coalesce(v.column5, messages.genesys_id), conversation_id = coalesce(v.column6, messages.conversation_id)
   from (values {rows}) as v where messages.seq = v.column1 and messages.fate = v.column7 and messages.recipient_id = v.column8
     and coalesce(messages.notice_seq, 0) = v.column9 returning messages.seq`,
  "(cast(? as bigint), cast(? as text), cast(? as text), cast(? as text), cast(? as text), cast(? as text), cast(? as text), cast(? as text), cast(? as bigint))",
  ({ state, change }) => {
    const reason = change.message?.reason === undefined ? state.reason : change.message.reason;
    return [
      state.seq,
      change.message?.fate ?? state.fate,
      reason?.code ?? null,
      reason?.message ?? null,
      change.message?.genesysMessageId ?? null,
      change.message?.conversationId ?? null,
      state.fate,
      state.recipientId,
      state.notice?.seq ?? 0,
    ];
  },
);

const updateDeliveries = bulk<Decided, { seq: number }>(
  `update deliveries set status = v.column2, attempts = v.column3, first_attempt_at = v.column4, accepted_at = v.column5,
     provider_message_id = v.column6, reason_code = v.column7, reason_message = v.column8, lane = v.column9, parts_sent = v.column10,
     meaning = coalesce(v.column11, deliveries.meaning), attempt_at = v.column15
   from (values {rows}) as v where deliveries.seq = v.column1 and deliveries.status = v.column12 and deliveries.attempts = v.column13
     and deliveries.parts_sent = v.column14 returning deliveries.seq`,
  "(cast(? as bigint), cast(? as text), cast(? as integer), cast(? as bigint), cast(? as bigint), cast(? as text), cast(? as text), cast(? as text), cast(? as text), cast(? as integer), cast(? as text), cast(? as text), cast(? as integer), cast(? as integer), cast(? as bigint))",
  ({ state, change }) => {
    const next = { ...state.delivery, ...change.delivery };
    return [
      next.seq,
      next.status,
      next.attempts,
      next.firstAttemptAt,
      next.acceptedAt,
      next.providerMessageId,
      next.reason?.code ?? null,
      next.reason?.message ?? null,
      change.lane === "release" ? null : next.lane,
      next.partsSent,
      change.meaning ?? null,
      state.delivery.status,
      state.delivery.attempts,
      state.delivery.partsSent,
      next.attemptAt,
    ];
  },
);

function listLearned({ state, change }: Decided) {
  const { genesysMessageId, conversationId } = change.message ?? {};
  return [
    ...(genesysMessageId ? [{ kind: "genesys" as const, value: genesysMessageId, messageSeq: state.seq }] : []),
    ...(conversationId ? [{ kind: "conversation" as const, value: conversationId, messageSeq: state.seq }] : []),
  ];
}

const insertReceipts = bulk<Decided & { now: number }, { message_seq: number }>(
  `insert into receipts (message_seq, status, reason_code, reason_message, at, owed_at, state) values {rows}
   on conflict (message_seq) do nothing returning message_seq`,
  "(?, ?, ?, ?, ?, ?, 'queued')",
  ({ state, change, now }) => [
    state.seq,
    change.receipt?.status,
    change.receipt?.reason?.code ?? null,
    change.receipt?.reason?.message ?? null,
    change.receipt?.at,
    now,
  ],
);

async function addReceipts(tx: Tx, decided: readonly Decided[], now: number): Promise<void> {
  const owed = decided
    .filter(({ change }) => change.receipt !== undefined)
    .map(({ state, change }) => ({ state, change, now }));
  if (owed.length === 0) return;
  const added = new Set((await insertReceipts(tx.db, owed)).map((row) => row.message_seq));
  const receipts = owed.flatMap(({ state, change: { receipt } }) =>
    receipt && added.has(state.seq) ? [{ queue: receipt.queue, owed: oweReceipt(state, receipt, now) }] : [],
  );
  queueReceipts(tx, receipts, now);
}

function oweReceipt(state: MessageState, receipt: NonNullable<Change["receipt"]>, now: number): OwedReceipt {
  return {
    messageSeq: state.seq,
    messageId: state.id,
    status: receipt.status,
    reason: receipt.reason ?? null,
    at: receipt.at,
    owedAt: now,
    integration: state.integration,
    integrationId: state.integrationId,
    genesysMessageId: state.genesysMessageId,
    recipientId: state.recipientId,
    recipientIdType: state.recipientIdType,
    receivedAt: state.receivedAt,
  };
}
