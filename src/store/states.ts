/** A message with one of its deliveries, read under lock before something about it is decided. */
import type { Reason, ReasonCode } from "../message/message";
import { bulk } from "./bulk";
import type { Tx } from "./database";
import { bytes, type Engine } from "./engine";
import { headsOf } from "./lanes";

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
  /** When the newest attempt began, from the second on. */
  attemptAt: number | null;
  acceptedAt: number | null;
  providerMessageId: string | null;
  reason: Reason | null;
}

/** A delivery to which nothing has happened yet; its number comes with its row. */
export function newDelivery({ id, channel, lane }: { id: string; channel: string; lane: string }): DeliveryState {
  return {
    seq: 0,
    id,
    channel,
    lane,
    trigger: "first",
    status: "pending",
    attempts: 0,
    partsSent: 0,
    firstAttemptAt: null,
    attemptAt: null,
    acceptedAt: null,
    providerMessageId: null,
    reason: null,
  };
}

/** The head of a lane with its capture. */
export interface StartedDelivery {
  lane: string;
  state: MessageState;
  receivedAt: number;
  headers: Record<string, string>;
  /** Null when retention has removed it. */
  body: Buffer | null;
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
  attempt_at: number | null;
  accepted_at: number | null;
  provider_message_id: string | null;
  delivery_reason_code: string | null;
  delivery_reason_message: string | null;
}

const stateColumns = `m.seq, m.id, m.integration, m.integration_id, m.genesys_id, m.kind, m.source, m.recipient_id, m.recipient_id_type,
  m.received_at, m.fate, m.reason_code, m.reason_message, m.notice_seq, n.status as notice_status,
  r.status as receipt_status, r.state as receipt_state, d.seq as delivery_seq, d.id as delivery_id, d.channel, d.lane, d.trigger,
  d.status, d.attempts, d.parts_sent, d.first_attempt_at, d.attempt_at, d.accepted_at, d.provider_message_id,
  d.reason_code as delivery_reason_code, d.reason_message as delivery_reason_message`;

const stateTables = `deliveries d join messages m on m.seq = d.message_seq
  left join notices n on n.seq = m.notice_seq left join receipts r on r.message_seq = m.seq`;

const selectStates = bulk<number, StateRow>(
  `select ${stateColumns} from ${stateTables} where d.seq in (values {rows}) order by m.seq`,
  "(cast(? as bigint))",
  (seq) => [seq],
);

const selectHeadsOf = (engine: Engine) =>
  bulk<string, StateRow & { headers: string | null; body: Uint8Array | ArrayBuffer | null }>(
    `select ${stateColumns}, c.headers, c.body from ${stateTables} left join captures c on c.message_seq = m.seq
     where d.seq in (${headsOf[engine]}) order by m.seq`,
    "(cast(? as text))",
    (lane) => [lane],
  );
const selectHeads = { sqlite: selectHeadsOf("sqlite"), postgres: selectHeadsOf("postgres") };

const lockMessages = (deliveries: string) =>
  `select seq from messages where seq in (select message_seq from deliveries where seq in (${deliveries})) order by seq for update`;
const lockMessagesOfDeliveries = bulk<number, { seq: number }>(
  lockMessages("values {rows}"),
  "(cast(? as bigint))",
  (seq) => [seq],
);
const lockMessagesOfHeads = bulk<string, { seq: number }>(
  lockMessages(headsOf.postgres),
  "(cast(? as text))",
  (lane) => [lane],
);

/**
 * A PostgreSQL statement that waits for a lock goes on with rows as they were before the wait, all but the locked one. So the
 * messages are locked first, and a second statement reads what those who held them have left.
 */
export async function loadStates(tx: Tx, deliverySeqs: readonly number[]): Promise<MessageState[]> {
  if (tx.engine === "postgres") await lockMessagesOfDeliveries(tx.db, deliverySeqs);
  const rows = await selectStates(tx.db, deliverySeqs);
  return rows.map(stateOf);
}

/** The heads of lanes, locked. */
export async function loadHeads(tx: Tx, lanes: readonly string[]): Promise<StartedDelivery[]> {
  if (tx.engine === "sqlite") return readHeads(tx, lanes);
  const locked = new Set<number>();
  for (;;) {
    for (const { seq } of await lockMessagesOfHeads(tx.db, lanes)) locked.add(seq);
    const heads = await readHeads(tx, lanes);
    // Where the head left while its lock was waited for, another message is the head now.
    if (heads.every((head) => locked.has(head.state.seq))) return heads;
  }
}

/** The heads of lanes, each with its capture. */
export async function readHeads(tx: Tx, lanes: readonly string[]): Promise<StartedDelivery[]> {
  const rows = await selectHeads[tx.engine](tx.db, lanes);
  return rows.map((row) => ({
    lane: row.lane as string,
    state: stateOf(row),
    receivedAt: row.received_at,
    headers: row.headers === null ? {} : (JSON.parse(row.headers) as Record<string, string>),
    body: row.body === null ? null : bytes(row.body),
  }));
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
      attemptAt: row.attempt_at,
      acceptedAt: row.accepted_at,
      providerMessageId: row.provider_message_id,
      reason: reasonOf(row.delivery_reason_code, row.delivery_reason_message),
    },
  };
}

export function reasonOf(code: string | null, message: string | null): Reason | null {
  return code === null ? null : { code: code as ReasonCode, message: message ?? "" };
}
