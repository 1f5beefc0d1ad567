/**
 * How a message's state moves: the store loads it under lock, a pure decision says what follows, and the new state, its ledger
 * lines and the tasks that follow are committed together. Many messages share a commit.
 */
import { StoreUnavailable } from "../errors";
import type { AddressClass } from "../message/address";
import type { Reason, ReasonCode } from "../message/message";
import { createBatcher } from "./batch";
import { bulk } from "./bulk";
import { saveConsent } from "./consent";
import type { Database, Tx } from "./database";
import { bytes } from "./engine";
import { insertLedger, type LedgerLine } from "./ledger";
import { indexLearned } from "./lookups";
import { joinNotice, type NoticeJoin } from "./notices";
import {
  findLostClaims,
  laneTaskKey,
  type LeasedTask,
  addTasks,
  hastenTask,
  type LaneMoves,
  moveLanes,
  type NewTask,
  removeTasks,
} from "./tasks";

/** A message with the delivery that something happened to. */
export interface MessageState {
  seq: number;
  id: string;
  integration: string;
  integrationId: string;
  genesysMessageId: string | null;
  kind: string;
  /** The channel whose adapter brought it in; null for what Genesys Cloud sent. */
  source: string | null;
  recipientId: string;
  recipientIdType: string;
  receivedAt: number;
  fate: string;
  reason: Reason | null;
  notice: { seq: number; status: string } | null;
  receipt: { status: string; state: string } | null;
  delivery: DeliveryState;
}

export interface DeliveryState {
  seq: number;
  id: string;
  channel: string;
  /** Null once it has left its lane. */
  lane: string | null;
  trigger: string;
  status: string;
  /** Attempts begun. */
  attempts: number;
  /** Parts that the channel has taken: a retry sends the others. */
  partsSent: number;
  firstAttemptAt: number | null;
  acceptedAt: number | null;
  providerMessageId: string | null;
  reason: Reason | null;
}

/** What follows from an event. Absent parts stay as they are. */
export interface Change {
  delivery?: Partial<Omit<DeliveryState, "seq" | "id" | "channel" | "trigger" | "lane">>;
  /** What becomes of the lane the delivery heads: `release` takes the delivery out of it, a longer lease keeps it. */
  lane?: "release" | { retryAt: number } | { leaseUntil: number };
  attempt?: AttemptChange;
  /** An earlier attempt that a crash cut off. */
  interrupted?: { number: number; at: number };
  /** A digest of what was understood when it was sent. */
  meaning?: string;
  message?: MessageChange;
  ledger: LedgerLine[];
  /** A receipt owed to Genesys Cloud: kept once per message, with the task that sends it. */
  receipt?: { status: "Delivered" | "Failed"; reason?: Reason; at: number; queue: string };
  addTasks?: Omit<NewTask, "subject">[];
  removeTasks?: string[];
  /** The recipient does not want to be written to any more. */
  optOut?: { address: string; channel: AddressClass };
  /** Joins the notice that waits for this recipient, or starts one. */
  notice?: NoticeJoin;
}

/** Ids that are learned stay: undefined changes nothing. */
export interface MessageChange {
  fate?: string;
  reason?: Reason | null;
  genesysMessageId?: string | undefined;
  conversationId?: string | undefined;
}

export type AttemptChange =
  | { type: "started"; number: number; at: number }
  | { type: "finished"; number: number; at: number; result: string; answer: string };

/** A pure function of the state as it is now; undefined: nothing follows. */
export type Decide = (state: MessageState) => Change | undefined;

export interface ChangeRequest {
  deliverySeq: number;
  decide: Decide;
}

/** Returns `change({ deliverySeq, decide })`, which resolves once what was decided is on disk, with the state before it. */
export function createChanges(database: Database, now: () => number) {
  return createBatcher<ChangeRequest, MessageState | undefined>({
    run: (requests) => database.transaction((tx) => applyChanges(tx, requests, now())),
    maxBatch: 256,
    maxWaiting: 100_000,
    overloaded: () => new StoreUnavailable("the store is behind: too many changes are waiting to be written"),
    retrySingly: (error) => !(error instanceof StoreUnavailable),
  });
}

/** Applies each request to the state its predecessors left; requests about one message are taken one after the other. */
async function applyChanges(tx: Tx, requests: ChangeRequest[], now: number): Promise<(MessageState | undefined)[]> {
  const results: (MessageState | undefined)[] = [];
  let rest = requests.map((request, index) => ({ request, index }));
  while (rest.length > 0) {
    const round = new Map<number, { request: ChangeRequest; index: number }>();
    const later: typeof rest = [];
    for (const one of rest) {
      if (round.has(one.request.deliverySeq)) later.push(one);
      else round.set(one.request.deliverySeq, one);
    }
    const states = new Map((await loadStates(tx, [...round.keys()])).map((state) => [state.delivery.seq, state]));
    const decided: Decided[] = [];
    const touched = new Set<number>();
    for (const [deliverySeq, one] of round) {
      const state = states.get(deliverySeq);
      if (state === undefined) continue;
      if (touched.has(state.seq)) {
        later.push(one);
        continue;
      }
      touched.add(state.seq);
      results[one.index] = state;
      const change = one.request.decide(state);
      if (change !== undefined) decided.push({ state, change });
    }
    await writeChanges(tx, decided, now);
    rest = later.sort((a, b) => a.index - b.index);
  }
  return requests.map((_, index) => results[index]);
}

/** The heads of lanes, each with its capture, marked as `decide` says in the same transaction. */
export interface StartedDelivery {
  lane: string;
  state: MessageState;
  receivedAt: number;
  headers: Record<string, string>;
  /** Null when retention has removed it. */
  body: Buffer | null;
}

/** With `claims`, lanes that somebody else has claimed since are left to them. */
export async function startDeliveries(
  database: Database,
  lanes: readonly string[],
  decide: Decide,
  now: number,
  claims?: readonly LeasedTask[],
): Promise<StartedDelivery[]> {
  if (lanes.length === 0) return [];
  return database.transaction(async (tx) => {
    // On SQLite there is nobody else.
    const lost = claims === undefined || tx.engine === "sqlite" ? new Set<string>() : await findLostClaims(tx, claims);
    const rows = await loadHeads(
      tx,
      lanes.filter((lane) => !lost.has(laneTaskKey(lane))),
    );
    const started = rows.map((row) => ({
      lane: row.lane as string,
      state: stateOf(row),
      receivedAt: row.received_at,
      headers: row.headers === null ? {} : (JSON.parse(row.headers) as Record<string, string>),
      body: row.body === null ? null : bytes(row.body),
    }));
    const decided: Decided[] = [];
    for (const { state } of started) {
      const change = decide(state);
      if (change !== undefined) decided.push({ state, change });
    }
    await writeChanges(tx, decided, now);
    return started;
  });
}

export interface Decided {
  state: MessageState;
  change: Change;
}

/** Writes decided changes, table by table. */
export async function writeChanges(tx: Tx, decided: readonly Decided[], now: number): Promise<void> {
  if (decided.length === 0) return;
  const lanes: LaneMoves = { postpone: [], keep: [], release: [] };
  for (const { state, change } of decided) {
    const { lane } = state.delivery;
    if (lane === null || change.lane === undefined) continue;
    if (change.lane === "release") lanes.release.push(lane);
    else if ("leaseUntil" in change.lane) lanes.keep.push({ lane, dueAt: change.lane.leaseUntil });
    else lanes.postpone.push({ lane, dueAt: change.lane.retryAt });
  }

  const messages = decided.filter(({ change }) => change.message !== undefined);
  if (messages.length > 0) await updateMessages(tx.db, messages);
  await indexLearned(tx.db, messages.flatMap(listLearned));
  const deliveries = decided.filter(({ change }) => change.delivery !== undefined || change.lane === "release");
  if (deliveries.length > 0) await updateDeliveries(tx.db, deliveries);

  const started: StartedAttempt[] = [];
  const finished: FinishedAttempt[] = [];
  for (const { state, change } of decided) {
    if (change.attempt?.type === "started") started.push({ deliverySeq: state.delivery.seq, ...change.attempt });
    if (change.interrupted !== undefined) {
      const answer = "the process ended before the answer was recorded";
      finished.push({ deliverySeq: state.delivery.seq, ...change.interrupted, result: "unknown", answer });
    }
    if (change.attempt?.type === "finished") finished.push({ deliverySeq: state.delivery.seq, ...change.attempt });
  }
  if (started.length > 0) await insertAttempts(tx.db, started);
  if (finished.length > 0) await updateAttempts(tx.db, finished);

  const lines = decided.flatMap(({ state, change }) =>
    change.ledger.map((line) => ({ ...line, messageSeq: state.seq })),
  );
  if (lines.length > 0) await insertLedger(tx.db, lines);

  await addReceipts(tx, decided, now);
  const tasks = decided.flatMap(({ state, change }) =>
    (change.addTasks ?? []).map((task) => ({ ...task, subject: state.delivery.seq })),
  );
  await addTasks(tx, tasks, now);
  await removeTasks(
    tx,
    decided.flatMap(({ change }) => change.removeTasks ?? []),
  );
  for (const { state, change } of decided) {
    if (change.optOut !== undefined) await noteOptOut(tx, state, change.optOut, now);
    if (change.notice !== undefined) await joinNotice(tx, state.seq, change.notice, now);
    // A message that no longer counts as missed may leave its notice with nothing to say.
    else if (state.notice !== null && change.message?.fate !== undefined)
      await hastenTask(tx, `notice:${state.notice.seq}`, now);
  }
  await moveLanes(tx, lanes, now);
}

function noteOptOut(tx: Tx, state: MessageState, optOut: NonNullable<Change["optOut"]>, at: number) {
  const reason = "the channel says that the recipient opted out";
  const evidence = { message: state.id, channel: state.delivery.channel };
  return saveConsent(tx, { ...optOut, purpose: "*", state: "optedOut", source: "channel", reason, evidence, at });
}

const updateMessages = bulk<Decided>(
  `update messages set fate = v.column2, reason_code = v.column3, reason_message = v.column4,
     genesys_id = coalesce(v.column5, messages.genesys_id), conversation_id = coalesce(v.column6, messages.conversation_id)
   from (values {rows}) as v where messages.seq = v.column1`,
  "(cast(? as bigint), cast(? as text), cast(? as text), cast(? as text), cast(? as text), cast(? as text))",
  ({ state, change }) => {
    const reason = change.message?.reason === undefined ? state.reason : change.message.reason;
    return [
      state.seq,
      change.message?.fate ?? state.fate,
      reason?.code ?? null,
      reason?.message ?? null,
      change.message?.genesysMessageId ?? null,
      change.message?.conversationId ?? null,
    ];
  },
);

const updateDeliveries = bulk<Decided>(
  `update deliveries set status = v.column2, attempts = v.column3, first_attempt_at = v.column4, accepted_at = v.column5,
     provider_message_id = v.column6, reason_code = v.column7, reason_message = v.column8, lane = v.column9, parts_sent = v.column10,
     meaning = coalesce(v.column11, deliveries.meaning)
   from (values {rows}) as v where deliveries.seq = v.column1`,
  "(cast(? as bigint), cast(? as text), cast(? as integer), cast(? as bigint), cast(? as bigint), cast(? as text), cast(? as text), cast(? as text), cast(? as text), cast(? as integer), cast(? as text))",
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

interface StartedAttempt {
  deliverySeq: number;
  number: number;
  at: number;
}

const insertAttempts = bulk<StartedAttempt>(
  "insert into attempts (delivery_seq, number, started_at) values {rows}",
  "(?, ?, ?)",
  (one) => [one.deliverySeq, one.number, one.at],
);

interface FinishedAttempt extends StartedAttempt {
  result: string;
  answer: string;
}

const updateAttempts = bulk<FinishedAttempt>(
  `update attempts set finished_at = v.column3, result = v.column4, answer = v.column5 from (values {rows}) as v
   where attempts.delivery_seq = v.column1 and attempts.number = v.column2`,
  "(cast(? as bigint), cast(? as integer), cast(? as bigint), cast(? as text), cast(? as text))",
  (one) => [one.deliverySeq, one.number, one.at, one.result, one.answer],
);

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
  const owed = decided.filter(({ change }) => change.receipt !== undefined).map((one) => ({ ...one, now }));
  if (owed.length === 0) return;
  const added = new Set((await insertReceipts(tx.db, owed)).map((row) => row.message_seq));
  const tasks = owed.flatMap(({ state, change }) =>
    added.has(state.seq) && change.receipt
      ? [{ key: `receipt:${state.seq}`, queue: change.receipt.queue, dueAt: now, subject: state.seq }]
      : [],
  );
  await addTasks(tx, tasks, now);
}

interface StateRow {
  seq: number;
  id: string;
  integration: string;
  integration_id: string;
  genesys_id: string | null;
  kind: string;
  source: string | null;
  recipient_id: string;
  recipient_id_type: string;
  received_at: number;
  fate: string;
  reason_code: string | null;
  reason_message: string | null;
  notice_seq: number | null;
  notice_status: string | null;
  receipt_status: string | null;
  receipt_state: string | null;
  delivery_seq: number;
  delivery_id: string;
  channel: string;
  lane: string | null;
  trigger: string;
  status: string;
  attempts: number;
  parts_sent: number;
  first_attempt_at: number | null;
  accepted_at: number | null;
  provider_message_id: string | null;
  delivery_reason_code: string | null;
  delivery_reason_message: string | null;
}

const stateColumns = `m.seq, m.id, m.integration, m.integration_id, m.genesys_id, m.kind, m.source, m.recipient_id, m.recipient_id_type,
  m.received_at, m.fate, m.reason_code, m.reason_message, m.notice_seq, n.status as notice_status,
  r.status as receipt_status, r.state as receipt_state, d.seq as delivery_seq, d.id as delivery_id, d.channel, d.lane, d.trigger,
  d.status, d.attempts, d.parts_sent, d.first_attempt_at, d.accepted_at, d.provider_message_id, d.reason_code as delivery_reason_code,
  d.reason_message as delivery_reason_message`;

const stateTables = `deliveries d join messages m on m.seq = d.message_seq
  left join notices n on n.seq = m.notice_seq left join receipts r on r.message_seq = m.seq`;

const selectStates = bulk<number, StateRow>(
  `select ${stateColumns} from ${stateTables} where d.seq in (values {rows}) order by m.seq`,
  "(cast(? as bigint))",
  (seq) => [seq],
);

const headsOf = "select min(seq) from deliveries where lane in (values {rows}) group by lane";

const selectHeads = bulk<string, StateRow & { headers: string | null; body: Uint8Array | ArrayBuffer | null }>(
  `select ${stateColumns}, c.headers, c.body from ${stateTables} left join captures c on c.message_seq = m.seq
   where d.seq in (${headsOf}) order by m.seq`,
  "(cast(? as text))",
  (lane) => [lane],
);

const lockMessages = (deliveries: string) =>
  `select seq from messages where seq in (select message_seq from deliveries where seq in (${deliveries})) order by seq for update`;
const lockMessagesOfDeliveries = bulk<number, { seq: number }>(
  lockMessages("values {rows}"),
  "(cast(? as bigint))",
  (seq) => [seq],
);
const lockMessagesOfHeads = bulk<string, { seq: number }>(lockMessages(headsOf), "(cast(? as text))", (lane) => [lane]);

/**
 * A PostgreSQL statement that waits for a lock goes on with rows as they were before the wait, all but the locked one. So the
 * messages are locked first, and a second statement reads what those who held them have left.
 */
async function loadStates(tx: Tx, deliverySeqs: readonly number[]): Promise<MessageState[]> {
  if (tx.engine === "postgres") await lockMessagesOfDeliveries(tx.db, deliverySeqs);
  const rows = await selectStates(tx.db, deliverySeqs);
  return rows.map(stateOf);
}

async function loadHeads(tx: Tx, lanes: readonly string[]) {
  if (tx.engine === "sqlite") return selectHeads(tx.db, lanes);
  const locked = new Set<number>();
  for (;;) {
    for (const { seq } of await lockMessagesOfHeads(tx.db, lanes)) locked.add(seq);
    const heads = await selectHeads(tx.db, lanes);
    // Where the head left while its lock was waited for, another message is the head now.
    if (heads.every((head) => locked.has(head.seq))) return heads;
  }
}

function stateOf(row: StateRow): MessageState {
  return {
    seq: row.seq,
    id: row.id,
    integration: row.integration,
    integrationId: row.integration_id,
    genesysMessageId: row.genesys_id,
    kind: row.kind,
    source: row.source,
    recipientId: row.recipient_id,
    recipientIdType: row.recipient_id_type,
    receivedAt: row.received_at,
    fate: row.fate,
    reason: reasonOf(row.reason_code, row.reason_message),
    notice: row.notice_seq === null ? null : { seq: row.notice_seq, status: row.notice_status ?? "waiting" },
    receipt: row.receipt_status === null ? null : { status: row.receipt_status, state: row.receipt_state ?? "queued" },
    delivery: {
      seq: row.delivery_seq,
      id: row.delivery_id,
      channel: row.channel,
      lane: row.lane,
      trigger: row.trigger,
      status: row.status,
      attempts: row.attempts,
      partsSent: row.parts_sent,
      firstAttemptAt: row.first_attempt_at,
      acceptedAt: row.accepted_at,
      providerMessageId: row.provider_message_id,
      reason: reasonOf(row.delivery_reason_code, row.delivery_reason_message),
    },
  };
}

export function reasonOf(code: string | null, message: string | null): Reason | null {
  return code === null ? null : { code: code as ReasonCode, message: message ?? "" };
}
