/**
 * How a message's state moves: the store loads it under lock, a pure decision says what follows, and the new state, its ledger
 * lines and the tasks that follow are committed together. Many messages share a commit.
 */
import { StoreUnavailable } from "../errors";
import { createBatcher } from "./batch";
import type { Decide, Decided } from "./change";
import { Outdated, writeChanges } from "./change-writes";
import type { Database, Tx } from "./database";
import type { HandedHead, LaneTaker } from "./deliveries";
import type { Room } from "./handover";
import { laneTaskKey } from "./lanes";
import { loadHeads, loadStates, type MessageState, readHeads, type StartedDelivery } from "./states";
import { findLostClaims, type LeasedTask } from "./tasks";

export interface ChangeRequest {
  deliverySeq: number;
  decide: Decide;
  /** The state as the caller left it. Where nobody has changed it since, it need not be read again. */
  known?: MessageState;
  /** Who goes on with the lane, should the change release it. */
  next?: NextInLane;
}

/** Returns `change(request)`, which resolves once what was decided is on disk, with the state before it. */
export function createChanges(database: Database, now: () => number) {
  const apply = (requests: ChangeRequest[], mayTrust: boolean) =>
    database.transaction((tx) => applyChanges(tx, requests, now(), mayTrust));
  return createBatcher<ChangeRequest, MessageState | undefined>({
    async run(requests) {
      try {
        return await apply(requests, true);
      } catch (error) {
        if (!(error instanceof Outdated)) throw error;
        return apply(requests, false);
      }
    },
    maxBatch: 256,
    rests: database.engine === "postgres",
    maxWaiting: 100_000,
    overloaded: () => new StoreUnavailable("the store is behind: too many changes are waiting to be written"),
    retrySingly: (error) => !(error instanceof StoreUnavailable),
  });
}

interface Numbered {
  request: ChangeRequest;
  index: number;
}

/** Applies each request to the state its predecessors left; requests about one message are taken one after the other. */
async function applyChanges(
  tx: Tx,
  requests: ChangeRequest[],
  now: number,
  mayTrust: boolean,
): Promise<(MessageState | undefined)[]> {
  const results: (MessageState | undefined)[] = [];
  let rest = requests.map((request, index): Numbered => ({ request, index }));
  for (let isFirst = true; rest.length > 0; isFirst = false) {
    const round = new Map<number, Numbered>();
    const later: Numbered[] = [];
    for (const one of rest) {
      if (round.has(one.request.deliverySeq)) later.push(one);
      else round.set(one.request.deliverySeq, one);
    }
    const decided = mayTrust && isFirst ? decideOnKnown(round) : new Map<number, Decided>();
    const states = new Map([...decided].map(([deliverySeq, { state }]) => [deliverySeq, state]));
    const unread = [...round.keys()].filter((deliverySeq) => !decided.has(deliverySeq));
    for (const state of await loadStates(tx, unread)) states.set(state.delivery.seq, state);

    const touched = new Set<number>();
    const writes: Decided[] = [];
    const going: GoingOn[] = [];
    for (const [deliverySeq, one] of round) {
      const state = states.get(deliverySeq);
      if (state === undefined) continue;
      if (touched.has(state.seq)) {
        later.push(one);
        continue;
      }
      touched.add(state.seq);
      results[one.index] = state;
      const change = decided.get(deliverySeq)?.change ?? one.request.decide(state);
      if (change === undefined) continue;
      const next = change.lane === "release" && mayTrust ? one.request.next : undefined;
      const room = next && tx.reserve(next.taker, next.after);
      writes.push({ state, change, nextLeaseEnd: room?.leaseEnd });
      if (next && room) going.push({ room, lane: state.delivery.lane ?? "", ...next });
    }
    // In one order everywhere, so that no two transactions block each other.
    writes.sort((a, b) => a.state.seq - b.state.seq);
    const claimed = await writeChanges(tx, writes, now);
    await startNext(
      tx,
      going.filter(({ lane }) => claimed.has(lane)),
      now,
    );
    rest = later.sort((a, b) => a.index - b.index);
  }
  return requests.map((_, index) => results[index]);
}

/**
 * What follows from states that were not read again. Writing it fails with {@link Outdated} where one of them is old, so only what
 * writes the message itself, and with it looks at all that a decision may depend on, is decided here.
 */
function decideOnKnown(round: ReadonlyMap<number, Numbered>): Map<number, Decided> {
  const decided = new Map<number, Decided>();
  for (const [deliverySeq, { request }] of round) {
    const { known: state } = request;
    if (state === undefined || state.notice !== null || state.receipt !== null) continue;
    const change = request.decide(state);
    if (change?.message !== undefined && change.delivery !== undefined) decided.set(deliverySeq, { state, change });
  }
  return decided;
}

/** Goes on with the lane of a message that leaves it: `after` messages in a row that it was the last of. */
export interface NextInLane {
  taker: LaneTaker;
  after: number;
}

interface GoingOn extends NextInLane {
  lane: string;
  room: Room<HandedHead>;
}

/** Starts what follows in lanes that are claimed already. */
async function startNext(tx: Tx, going: readonly GoingOn[], now: number): Promise<void> {
  if (going.length === 0) return;
  const heads = await readHeads(
    tx,
    going.map(({ lane }) => lane),
  );
  const started: Decided[] = [];
  for (const { lane, taker, room, after } of going) {
    const head = heads.find((one) => one.lane === lane);
    if (head === undefined) continue;
    const { change, attempt } = taker.start(head.state);
    started.push({ state: head.state, change });
    if (attempt === undefined) continue;
    const state = { ...head.state, delivery: { ...head.state.delivery, ...change.delivery } };
    room.item = { attempt, after, leaseEnd: room.leaseEnd, ...head, state };
  }
  await writeChanges(tx, started, now);
}

/**
 * Writes what `decide` says about the heads of lanes and returns them, each with its delivery as it is then. With `claims`, lanes that
 * somebody else has claimed since are left to them.
 */
export async function startDeliveries(
  database: Database,
  lanes: readonly string[],
  decide: Decide,
  now: number,
  claims?: readonly LeasedTask[],
): Promise<StartedDelivery[]> {
  if (lanes.length === 0) return [];
  return database.transaction(async (tx) => {
    const heads = await loadHeads(tx, lanes);
    // Asked once the heads are locked: whoever had them before may have gone on with their lanes.
    const lost = claims === undefined ? new Set<string>() : await findLostClaims(tx, claims);
    const started = heads.filter(({ lane }) => !lost.has(laneTaskKey(lane)));
    const decided: Decided[] = [];
    for (const one of started) {
      const { state } = one;
      const change = decide(state);
      if (change === undefined) continue;
      decided.push({ state, change });
      one.state = { ...state, delivery: { ...state.delivery, ...change.delivery } };
    }
    await writeChanges(tx, decided, now);
    return started;
  });
}
