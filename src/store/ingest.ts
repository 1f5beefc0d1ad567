/** Keeps what came in: capture, message, delivery, ledger line and task in one commit, many requests at a time. */
import { StoreUnavailable } from "../errors";
import type { Message } from "../message/message";
import { createBatcher } from "./batch";
import { bulk, type Db, together } from "./bulk";
import { type CustomerFacts, customerKeyOf, rememberCustomer } from "./customers";
import type { Database, Tx } from "./database";
import {
  addDeliveries,
  addHeads,
  hasTaker,
  joinHeads,
  type NewDelivery,
  type NewHead,
  type Trigger,
} from "./deliveries";
import { bytes } from "./engine";
import { insertLedger, type LedgerLine, ownLine } from "./ledger";
import { markReturned } from "./returns";
import { type MessageState, newDelivery } from "./states";
import { addTasks, type NewTask } from "./tasks";

/** A verified request, understood, and what follows from it. */
export interface Arrival {
  id: string;
  dedupKey: string;
  integration: string;
  integrationId: string;
  genesysMessageId: string | null;
  direction: "inbound" | "outbound";
  kind: string;
  conversationId: string | null;
  recipientId: string;
  recipientIdType: string;
  receivedAt: number;
  sentAt: number | null;
  summary: string;
  fate: string;
  reason: { code: string; message: string } | null;
  headers: Record<string, string>;
  body: Uint8Array;
  /** What was understood of the body, for the worker of this process. */
  message?: Message;
  /** The channel whose adapter brought it; absent for what Genesys Cloud sent. */
  source?: string;
  /** It shows that the customer is there: what waits to be told elsewhere need not be. */
  showsPresence?: true;
  /** How else the customer can be reached, as far as the adapter knows. */
  customer?: CustomerFacts;
  /** Present when the message goes on in its lane; `trigger` is `first` unless said otherwise. */
  delivery?: { id: string; channel: string; lane: string; trigger?: Trigger };
  ledger: LedgerLine[];
  tasks?: Omit<NewTask, "subject">[];
}

export type Stored = { duplicate: boolean };

type NewMessage = Omit<Arrival, "delivery" | "tasks">;

const insertOf = (more: string, row: string, params: (one: NewMessage) => readonly unknown[]) =>
  bulk<NewMessage, { seq: number; id: string }>(
    `insert into messages (id, dedup_key, integration, integration_id, genesys_id, direction, kind, conversation_id,
       recipient_id, recipient_id_type, received_at, sent_at, summary, fate${more})
     values {rows} on conflict (dedup_key) do nothing returning seq, id`,
    row,
    params,
  );

const allHave = (one: NewMessage): unknown[] => [
  one.id,
  one.dedupKey,
  one.integration,
  one.integrationId,
  text(one.genesysMessageId),
  one.direction,
  one.kind,
  text(one.conversationId),
  text(one.recipientId),
  text(one.recipientIdType),
  one.receivedAt,
  one.sentAt,
  text(one.summary),
  one.fate,
];
const insertPlain = insertOf("", "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", allHave);
const insertOthers = insertOf(
  ", reason_code, reason_message, source",
  "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  (one) => [...allHave(one), one.reason?.code ?? null, one.reason?.message ?? null, one.source ?? null],
);
const isPlain = ({ reason, source }: NewMessage) => reason === null && source === undefined;

/** Adds those that are not there yet. Most of what Genesys Cloud sends has no reason and no source: saying so would cost it time. */
export async function insertMessages(db: Db, arrivals: readonly NewMessage[]): Promise<{ seq: number; id: string }[]> {
  const added = await together(
    insertPlain(db, arrivals.filter(isPlain)),
    insertOthers(
      db,
      arrivals.filter((one) => !isPlain(one)),
    ),
  );
  return added.flat();
}

interface Kept {
  arrival: Arrival;
  seq: number;
}

export const insertCaptures = bulk<{ seq: number; arrival: Pick<Arrival, "headers" | "body"> }>(
  "insert into captures (message_seq, headers, body) values {rows}",
  "(?, ?, ?)",
  ({ seq, arrival }) => [seq, JSON.stringify(arrival.headers), arrival.body],
);

const countDuplicates = bulk<[key: string, copies: number]>(
  "update messages set duplicates = messages.duplicates + v.column2 from (values {rows}) as v where messages.dedup_key = v.column1",
  "(cast(? as text), cast(? as integer))",
  ([key, copies]) => [key, copies],
);

/**
 * Returns `saveArrival(arrival)`, which resolves once the arrival is synced to disk and says whether it was known already.
 * Rejects with StoreUnavailable when it cannot be kept now.
 */
export function createIngest(database: Database, now: () => number) {
  const isShared = database.engine === "postgres";
  return createBatcher<Arrival, Stored>({
    run: (arrivals) => database.transaction((tx) => saveArrivals(tx, arrivals, now())),
    // While PostgreSQL works on some batches, this process answers one and prepares another.
    ...(isShared ? { maxBatch: 64, atOnce: 3, rests: true } : { maxBatch: 256 }),
    keyOf: ({ recipientId }) => recipientId ?? "",
    maxWaiting: 10_000,
    overloaded: () => new StoreUnavailable("the store is behind: too many requests are waiting to be kept"),
    retrySingly: (error) => !(error instanceof StoreUnavailable),
  });
}

/** Keeps arrivals inside a transaction: those whose `dedupKey` is known are counted and not kept. */
export async function saveArrivals(tx: Tx, arrivals: Arrival[], now: number): Promise<Stored[]> {
  const inserted = await insertMessages(tx.db, arrivals);
  const seqs = new Map(inserted.map((row) => [row.id, row.seq]));
  const kept: Kept[] = [];
  const repeated = new Map<string, number>();
  for (const arrival of arrivals) {
    const seq = seqs.get(arrival.id);
    if (seq === undefined) repeated.set(arrival.dedupKey, (repeated.get(arrival.dedupKey) ?? 0) + 1);
    else kept.push({ arrival, seq });
  }
  // Everywhere, messages are locked before lanes.
  if (repeated.size > 0) await countDuplicates(tx.db, [...repeated].sort());
  if (kept.length > 0) await saveKept(tx, kept, now);
  return arrivals.map((arrival) => ({ duplicate: !seqs.has(arrival.id) }));
}

async function saveKept(tx: Tx, kept: Kept[], now: number): Promise<void> {
  // Before the messages' own lanes are touched: everywhere, notices are locked before lanes.
  const present = kept.filter(({ arrival }) => arrival.showsPresence);
  await markReturned(
    tx,
    present.map(({ arrival }) => ({
      integration: arrival.integration,
      recipientId: text(arrival.recipientId) ?? "",
    })),
    now,
  );
  await rememberCustomers(tx, kept, now);
  const tasks = kept.flatMap(({ arrival, seq }) => (arrival.tasks ?? []).map((task) => ({ ...task, subject: seq })));
  const heads: NewHead[] = [];
  const deliveries: NewDelivery[] = [];
  for (const { arrival, seq } of kept) {
    const { delivery } = arrival;
    if (delivery === undefined) continue;
    if (delivery.trigger !== "replay" && hasTaker(tx, delivery.channel)) heads.push(headOf(arrival, delivery, seq));
    else {
      const { id, channel, lane, trigger = "first" } = delivery;
      deliveries.push({ messageSeq: seq, id, channel, lane, trigger });
    }
  }
  const [joined] = await together(
    joinHeads(tx, heads, now),
    insertCaptures(tx.db, kept),
    addTasks(tx, tasks, now),
    addDeliveries(tx, deliveries, now),
    insertLedger(
      tx.db,
      kept.flatMap(({ arrival, seq }) => arrival.ledger.map((line) => ownLine(seq, line))),
    ),
  );
  tx.last(insertLedger(tx.db, joined.ledger));
  tx.last(addHeads(tx, joined));
}

function headOf(arrival: Arrival, delivery: NonNullable<Arrival["delivery"]>, seq: number): NewHead {
  const { receivedAt, headers, body, message } = arrival;
  const state: MessageState = {
    seq,
    id: arrival.id,
    integration: arrival.integration,
    integrationId: arrival.integrationId,
    genesysMessageId: text(arrival.genesysMessageId),
    kind: arrival.kind,
    source: arrival.source ?? null,
    recipientId: text(arrival.recipientId) ?? "",
    recipientIdType: text(arrival.recipientIdType) ?? "",
    receivedAt,
    fate: arrival.fate,
    reason: null,
    notice: null,
    receipt: null,
    delivery: newDelivery(delivery),
  };
  return { lane: delivery.lane, state, receivedAt, headers, body: bytes(body), message };
}

/** In one order everywhere, so that no two transactions block each other. */
async function rememberCustomers(tx: Tx, kept: readonly Kept[], now: number): Promise<void> {
  const told = new Map(
    kept.flatMap(({ arrival: { customer, integration, recipientId } }) =>
      customer === undefined
        ? []
        : [[customerKeyOf(integration, recipientId), { ...customer, integration, recipientId }] as const],
    ),
  );
  for (const [, customer] of [...told].sort(([a], [b]) => (a < b ? -1 : 1))) await rememberCustomer(tx, customer, now);
}

/** PostgreSQL refuses NUL in text and SQLite stops reading at it; the capture keeps the original bytes. */
function text(value: string | null): string | null {
  return value?.includes("\u0000") ? value.replaceAll("\u0000", "\uFFFD") : value;
}
