/** Deliveries at the end of their lanes; where a lane was empty, the worker of this process may take over at once. */
import type { Message } from "../message/message";
import { bulk, together } from "./bulk";
import type { Change } from "./change";
import type { Tx } from "./database";
import type { HandOver, Room, Taker } from "./handover";
import { joinLanes } from "./lanes";
import { ownLine, type OwnedLine } from "./ledger";
import { deliverQueue } from "./queues";
import type { MessageState, StartedDelivery } from "./states";

export interface NewDelivery {
  messageSeq: number;
  id: string;
  channel: string;
  lane: string;
  trigger: Trigger;
}

/** What set a delivery off. */
export type Trigger = "first" | "replay";

/** A statement for each trigger: a parameter more would cost every webhook. */
const insertOf = (trigger: Trigger) =>
  bulk<NewDelivery>(
    "insert into deliveries (message_seq, id, channel, lane, trigger, status, attempts) values {rows}",
    `(?, ?, ?, ?, '${trigger}', 'pending', 0)`,
    (one) => [one.messageSeq, one.id, one.channel, one.lane],
  );
const insert = { first: insertOf("first"), replay: insertOf("replay") };

/** Adds deliveries, which are sent once everything before them in their lanes has left it. */
export async function addDeliveries(tx: Tx, deliveries: readonly NewDelivery[], now: number): Promise<void> {
  if (deliveries.length === 0) return;
  const of = (trigger: Trigger) => deliveries.filter((one) => one.trigger === trigger);
  await together(joinLanes(tx, deliveries, now), insert.first(tx.db, of("first")), insert.replay(tx.db, of("replay")));
}

/** The head of a lane that this process has claimed, its attempt committed as begun. */
export interface HandedHead extends StartedDelivery {
  leaseEnd: number;
  attempt: number;
  /** Messages of its lane that were sent in a row before it. */
  after: number;
  /** What the edge understood of it. */
  message?: Message | undefined;
}

export interface LaneTaker extends Taker<HandedHead> {
  /** Decides how the head of a lane begins. Pure. */
  start(state: MessageState): { change: Change; attempt?: number };
}

export const lanesHandedOver: HandOver<LaneTaker> = { name: "lanes" };

/** A message that has just been stored, with its first delivery: `delivery.seq` is 0, for it has none yet. */
export type NewHead = Pick<HandedHead, "lane" | "state" | "receivedAt" | "headers" | "body" | "message">;

interface StartedHead {
  head: NewHead;
  room: Room<HandedHead>;
  change: Change;
  attempt: number;
}

/** First deliveries, those of them that begin at once, and the lines that say so. */
export interface JoinedHeads {
  waiting: readonly NewHead[];
  started: readonly StartedHead[];
  ledger: OwnedLine[];
}

/** Puts the first deliveries of new messages at the end of their lanes, and decides which of them begin at once. */
export async function joinHeads(tx: Tx, heads: readonly NewHead[], now: number): Promise<JoinedHeads> {
  if (heads.length === 0) return { waiting: [], started: [], ledger: [] };
  const firsts = new Map<string, NewHead>();
  for (const head of heads) if (!firsts.has(head.lane)) firsts.set(head.lane, head);
  const rooms = new Map<string, Room<HandedHead>>();
  const joining = heads.map(({ lane, state }) => ({ lane, channel: state.delivery.channel }));
  const claimed = await joinLanes(tx, joining, now, (lane) => {
    const taker = takerOf(tx, firsts.get(lane));
    const room = taker && tx.reserve(taker);
    if (room !== undefined) rooms.set(lane, room);
    return room;
  });
  const started: StartedHead[] = [];
  for (const lane of claimed) {
    const head = firsts.get(lane);
    const room = rooms.get(lane);
    const decided = head && takerOf(tx, head)?.start(head.state);
    if (!head || !room || decided?.attempt === undefined)
      throw new RangeError("a lane was claimed that nobody can start");
    started.push({ head, room, change: decided.change, attempt: decided.attempt });
  }
  const begun = new Set(started.map(({ head }) => head));
  return {
    waiting: heads.filter((head) => !begun.has(head)),
    started,
    ledger: started.flatMap(({ head, change }) => change.ledger.map((line) => ownLine(head.state.seq, line))),
  };
}

/** Whether somebody in this process takes over the lanes of a channel. */
export function hasTaker(tx: Tx, channel: string): boolean {
  return tx.takers.find(lanesHandedOver, deliverQueue(channel)) !== undefined;
}

function takerOf(tx: Tx, head: NewHead | undefined): LaneTaker | undefined {
  return head && tx.takers.find(lanesHandedOver, deliverQueue(head.state.delivery.channel));
}

const insertStarted = bulk<StartedHead, { seq: number; id: string }>(
  "insert into deliveries (message_seq, id, channel, lane, trigger, status, attempts, first_attempt_at) values {rows} returning seq, id",
  "(?, ?, ?, ?, 'first', ?, ?, ?)",
  ({ head: { lane, state }, change }) => [
    state.seq,
    state.delivery.id,
    state.delivery.channel,
    lane,
    change.delivery?.status,
    change.delivery?.attempts,
    change.delivery?.firstAttemptAt,
  ],
);

/** Writes what {@link joinHeads} decided. Those that begin stand before what follows them in their lanes. */
export async function addHeads(tx: Tx, { started, waiting }: JoinedHeads): Promise<void> {
  const [rows] = await together(
    insertStarted(tx.db, started),
    insert.first(
      tx.db,
      waiting.map(({ lane, state: { seq, delivery } }) => ({
        messageSeq: seq,
        id: delivery.id,
        channel: delivery.channel,
        lane,
        trigger: "first" as const,
      })),
    ),
  );
  const seqs = new Map(rows.map(({ id, seq }) => [id, seq]));
  for (const { head, room, change, attempt } of started) {
    const { delivery } = head.state;
    const seq = seqs.get(delivery.id) ?? 0;
    const state = { ...head.state, delivery: { ...delivery, ...change.delivery, seq } };
    room.item = { attempt, after: 0, leaseEnd: room.leaseEnd, ...head, state };
  }
}
