/** What triggers of Genesys Cloud told us, kept before it is answered and worked off by one task for each conversation. */
import { StoreUnavailable } from "../errors";
import type { GenesysEvent } from "../message/genesys-event";
import { createBatcher } from "./batch";
import { bulk, run } from "./bulk";
import type { Database, Tx } from "./database";
import { forUpdate } from "./engine";
import { keyOf } from "./keys";
import { addTasks, finishTasks, type LeasedTask, postponeTasks } from "./tasks";

/** Conversations to look at. */
export const conversationQueue = "conversations";
/** Opt-outs to hand to the consent list. */
export const optOutQueue = "optOuts";

export interface EventArrival {
  event: GenesysEvent;
  receivedAt: number;
  /** When it is to be acted on. */
  dueAt: number;
}

interface NewEvent {
  dedupKey: string;
  type: string;
  conversationId: string | null;
  receivedAt: number;
  dueAt: number;
  body: string;
  state: string;
}

interface AddedEvent {
  seq: number;
  type: string;
  conversation_id: string | null;
  due_at: number;
}

const insertEvents = bulk<NewEvent, AddedEvent>(
  `insert into genesys_events (dedup_key, type, conversation_id, received_at, due_at, body, state) values {rows}
   on conflict (dedup_key) do nothing returning seq, type, conversation_id, due_at`,
  "(?, ?, ?, ?, ?, ?, ?)",
  (one) => [one.dedupKey, one.type, one.conversationId, one.receivedAt, one.dueAt, one.body, one.state],
);

/**
 * A task that is there already is touched all the same: whoever finishes it holds its row, and an event that is stored while he
 * does waits for him and then finds no task.
 */
const wantChecks = bulk<{ conversationId: string; dueAt: number }>(
  `insert into tasks (key, queue, due_at, detail) values {rows} on conflict (key) do update
   set due_at = case when tasks.leased = 0 and excluded.due_at < tasks.due_at then excluded.due_at else tasks.due_at end`,
  "(?, ?, ?, ?)",
  ({ conversationId, dueAt }) => [
    checkTaskKey(conversationId),
    conversationQueue,
    dueAt,
    JSON.stringify({ conversationId }),
  ],
);

export function checkTaskKey(conversationId: string): string {
  return `check:${keyOf(conversationId)}`;
}

/** Returns `saveEvent(arrival)`, which resolves once it is on disk with the task that works it off. */
export function createGenesysEvents(database: Database, { now, newId }: { now: () => number; newId: () => string }) {
  return createBatcher<EventArrival, void>({
    async run(arrivals) {
      const events = arrivals.map((arrival) => writeEvent(arrival, newId));
      await database.transaction((tx) => saveEvents(tx, events, now()));
      return arrivals.map(() => undefined);
    },
    maxBatch: 256,
    maxWaiting: 10_000,
    overloaded: () => new StoreUnavailable("the store is behind: too many events are waiting to be kept"),
    retrySingly: (error) => !(error instanceof StoreUnavailable),
  });
}

/** An event that says when it happened is the same however often it comes; any other is taken each time. */
function writeEvent({ event, receivedAt, dueAt }: EventArrival, newId: () => string): NewEvent {
  const { type, conversationId, at } = event;
  const details = event.type === "optOut" ? [event.address, event.channel] : [];
  const ids = event.type === "undelivered" ? event.messageIds.toSorted() : [];
  const dedupKey =
    at === null ? keyOf(type, newId()) : keyOf(type, conversationId ?? "", String(at), ...details, ...ids);
  const state = type === "other" ? "noted" : "waiting";
  return { dedupKey, type, conversationId, receivedAt, dueAt, body: JSON.stringify(event), state };
}

async function saveEvents(tx: Tx, events: readonly NewEvent[], now: number): Promise<void> {
  const added = await insertEvents(tx.db, events);
  const optOuts = added.filter(({ type }) => type === "optOut");
  await addTasks(
    tx,
    optOuts.map(({ seq }) => ({ key: `optOut:${seq}`, queue: optOutQueue, dueAt: now, subject: seq })),
    now,
  );
  await addChecks(
    tx,
    added.flatMap(({ type, conversation_id: conversationId, due_at: dueAt }) =>
      conversationId === null || (type !== "customerEnd" && type !== "undelivered") ? [] : [{ conversationId, dueAt }],
    ),
    now,
  );
}

async function addChecks(
  tx: Tx,
  wanted: readonly { conversationId: string; dueAt: number }[],
  now: number,
): Promise<void> {
  // One row may be touched only once by a statement, and in one order by all of them.
  const earliest = new Map<string, number>();
  for (const { conversationId, dueAt } of wanted) {
    earliest.set(conversationId, Math.min(dueAt, earliest.get(conversationId) ?? dueAt));
  }
  const sorted = [...earliest].sort(([a], [b]) => (checkTaskKey(a) < checkTaskKey(b) ? -1 : 1));
  await wantChecks(
    tx.db,
    sorted.map(([conversationId, dueAt]) => ({ conversationId, dueAt })),
  );
  if (sorted.some(([, dueAt]) => dueAt <= now)) tx.wake(conversationQueue);
}

export interface WaitingEvent {
  seq: number;
  type: string;
  receivedAt: number;
  dueAt: number;
  event: GenesysEvent;
}

/** The events of a conversation that nothing was done about yet, oldest first. */
export async function readWaitingEvents({ db }: Pick<Tx, "db">, conversationId: string): Promise<WaitingEvent[]> {
  const rows = await db
    .selectFrom("genesys_events")
    .select(["seq", "type", "received_at", "due_at", "body"])
    .where("conversation_id", "=", conversationId)
    .where("state", "=", "waiting")
    .where("type", "<>", "optOut")
    .orderBy("seq")
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    type: row.type,
    receivedAt: row.received_at,
    dueAt: row.due_at,
    event: JSON.parse(row.body) as GenesysEvent,
  }));
}

/** How the events that a look-up answered have ended. */
export interface CheckResult {
  seqs: readonly number[];
  state: "done" | "unmatched" | "givenUp";
  answer: string;
}

/**
 * Ends a look-up. The task stays, due when the next event is, as long as one is waiting: `recheckAt` adds one of our own.
 */
export async function finishCheck(
  tx: Tx,
  task: LeasedTask,
  about: { conversationId: string; now: number; result: CheckResult; recheckAt?: number | undefined },
): Promise<void> {
  const { conversationId, now, result, recheckAt } = about;
  await run(tx.db, `select key from tasks where key = $1${forUpdate(tx.engine)}`, [task.key]);
  if (result.seqs.length > 0) {
    await tx.db
      .updateTable("genesys_events")
      .set({ state: result.state, answer: result.answer.slice(0, 500) })
      .where("seq", "in", [...result.seqs])
      .execute();
  }
  if (recheckAt !== undefined) {
    const again: GenesysEvent = { type: "customerEnd", conversationId, at: null };
    const dedupKey = keyOf("recheck", conversationId, String(recheckAt));
    const row = { dedupKey, type: "recheck", conversationId, receivedAt: now, dueAt: recheckAt, state: "waiting" };
    await insertEvents(tx.db, [{ ...row, body: JSON.stringify(again) }]);
  }
  const waiting = await readWaitingEvents(tx, conversationId);
  if (waiting.length === 0) await finishTasks(tx, [task]);
  else await postponeTasks(tx, [{ task, dueAt: Math.min(...waiting.map(({ dueAt }) => dueAt)) }]);
}

export interface StoredOptOut {
  seq: number;
  receivedAt: number;
  event: Extract<GenesysEvent, { type: "optOut" }>;
}

export async function readOptOut({ db }: Pick<Tx, "db">, seq: number): Promise<StoredOptOut | undefined> {
  const row = await db.selectFrom("genesys_events").selectAll().where("seq", "=", seq).executeTakeFirst();
  const event = row === undefined ? undefined : (JSON.parse(row.body) as GenesysEvent);
  return row === undefined || event?.type !== "optOut" ? undefined : { seq, receivedAt: row.received_at, event };
}

export async function finishOptOut(tx: Tx, task: LeasedTask, seq: number): Promise<void> {
  await tx.db.updateTable("genesys_events").set({ state: "done" }).where("seq", "=", seq).execute();
  await finishTasks(tx, [task]);
}
