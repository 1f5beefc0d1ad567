/**
 * Lanes: what waits for one recipient leaves in the order of storing. A task stands for each lane that holds something.
 *
 * PostgreSQL finds the head of a lane by an index on lane and number. On SQLite such an index would write a page of its own for
 * nearly every webhook, because recipients come in no order. Its index has a coarse number in front, the bucket of a thousand
 * deliveries, so that what arrives together is written together; and the task of a lane keeps a number that none of the lane's
 * deliveries is below, from which the head is looked for, bucket by bucket.
 */
import { bulk, run, together } from "./bulk";
import type { Database, Tx } from "./database";
import { type Engine, forUpdate } from "./engine";
import { deliverQueue } from "./queues";

/** Due when the head of the lane is; its lease keeps the lane in order. */
export function laneTaskKey(lane: string): string {
  return `lane:${lane}`;
}

/** The number of the head of the lane whose task is `t`, or null; for SQLite. */
const headFromBound = `(
  with recursive bucket (n) as (
    select coalesce(t.subject, 0) / 1000
    union all
    select (select seq / 1000 from deliveries where lane is not null and seq / 1000 > n order by seq / 1000 limit 1)
    from bucket
    where n is not null and not exists (select 1 from deliveries where seq / 1000 = n and lane = substr(t.key, 6))
  )
  select min(seq) from deliveries where seq / 1000 = (select max(n) from bucket) and lane = substr(t.key, 6))`;

/** A query for the numbers of the heads of lanes: `{rows}` are the lanes. */
export const headsOf = {
  postgres: "select min(seq) from deliveries where lane in (values {rows}) group by lane",
  sqlite: `select ${headFromBound} from tasks t where t.key in (select 'lane:' || column1 from (values {rows}))`,
};

interface JoinedLane {
  lane: string;
  queue: string;
  deliveries: number;
  dueAt: number;
  /** 1: for the worker of this process, should the lane be empty. */
  leased: 0 | 1;
}

const columns = "key, queue, due_at, pending, leased, attempt";
const insertJoined = {
  postgres: `insert into tasks (${columns}) values {rows}`,
  sqlite: `insert into tasks (${columns}, subject)
    select *, (select max(seq) from deliveries) from (values {rows}) where true`,
};
const enterOf = (engine: Engine) => {
  const enter = (row: string, params: (one: JoinedLane) => readonly unknown[]) =>
    bulk<JoinedLane, { key: string; pending: number }>(
      `${insertJoined[engine]}
       on conflict (key) do update set pending = tasks.pending + excluded.pending returning key, pending`,
      row,
      (one) => [laneTaskKey(one.lane), one.queue, one.dueAt, one.deliveries, ...params(one)],
    );
  return {
    claimed: enter("(?, ?, ?, ?, ?, ?)", ({ leased }) => [leased, leased]),
    unclaimed: enter("(?, ?, ?, ?, 0, 0)", () => []),
  };
};
const enter = { sqlite: enterOf("sqlite"), postgres: enterOf("postgres") };

/**
 * Puts new deliveries at the end of their lanes. `reserve` may keep room for the head of a lane with the worker of this process;
 * returned are those lanes for which it did and which were empty: their heads are claimed.
 * Lanes are taken in one order everywhere, so that no two transactions block each other.
 */
export async function joinLanes(
  tx: Tx,
  joining: readonly { lane: string; channel: string }[],
  now: number,
  reserve: (lane: string) => { leaseEnd: number } | undefined = () => undefined,
): Promise<Set<string>> {
  const counts = new Map<string, { lane: string; queue: string; deliveries: number }>();
  for (const { lane, channel } of joining) {
    const known = counts.get(lane);
    if (known === undefined) counts.set(lane, { lane, queue: deliverQueue(channel), deliveries: 1 });
    else known.deliveries += 1;
  }
  const lanes = [...counts.values()]
    .sort((a, b) => (a.lane < b.lane ? -1 : 1))
    .map(({ lane, queue, deliveries }): JoinedLane => {
      const room = reserve(lane);
      return { lane, queue, deliveries, dueAt: room?.leaseEnd ?? now, leased: room === undefined ? 0 : 1 };
    });
  const { claimed: mayClaim, unclaimed } = enter[tx.engine];
  const rows = await (lanes.some((one) => one.leased === 1) ? mayClaim : unclaimed)(tx.db, lanes);
  const pending = new Map(rows.map((row) => [row.key, row.pending]));
  const claimed = new Set<string>();
  for (const one of lanes) {
    // Where others are before them, whoever has their head looks after the lane.
    if (pending.get(laneTaskKey(one.lane)) !== one.deliveries) continue;
    if (one.leased === 1) claimed.add(one.lane);
    else tx.wake(one.queue);
  }
  return claimed;
}

const lockTasks = (tx: Tx, keys: readonly string[]) =>
  run(
    tx.db,
    `select key from tasks where key in (${keys.map((_, n) => `$${n + 1}`).join(", ")}) order by key${forUpdate(tx.engine)}`,
    keys,
  );

// Whoever moves a lane has the message that is its head: nobody's earlier claim of the lane holds any more.

const postponeLanes = bulk<{ lane: string; dueAt: number }, { queue: string }>(
  "update tasks set due_at = v.column2, leased = 0, attempt = tasks.attempt + 1 from (values {rows}) as v where tasks.key = v.column1 returning tasks.queue",
  "(cast(? as text), cast(? as bigint))",
  (one) => [laneTaskKey(one.lane), one.dueAt],
);

const keepLanes = bulk<{ lane: string; dueAt: number }>(
  "update tasks set due_at = v.column2, attempt = tasks.attempt + 1 from (values {rows}) as v where tasks.key = v.column1 and tasks.leased = 1",
  "(cast(? as text), cast(? as bigint))",
  (one) => [laneTaskKey(one.lane), one.dueAt],
);

const leaveLastLanes = bulk<LeftLane>(
  "delete from tasks where key in (values {rows}) and pending <= 1",
  "(cast(? as text))",
  ({ lane }) => [laneTaskKey(lane)],
);

const advanceOf = (more: string) =>
  bulk<LeftLane & { now: number }, { key: string; queue: string; leased: number }>(
    `update tasks as t set due_at = v.column2, leased = v.column3, attempt = t.attempt + 1, pending = t.pending - 1${more}
     from (values {rows}) as v
     where t.key = v.column1 returning key, queue, leased`,
    "(cast(? as text), cast(? as bigint), cast(? as integer))",
    ({ lane, leaseEnd, now }) => [laneTaskKey(lane), leaseEnd ?? now, leaseEnd === undefined ? 0 : 1],
  );
const advanceLanes = { sqlite: advanceOf(`, subject = ${headFromBound}`), postgres: advanceOf("") };

export interface LaneMoves {
  /** The head tries again later and keeps its lane. */
  postpone: { lane: string; dueAt: number }[];
  /** The head is still under way and needs its lease for longer. */
  keep: { lane: string; dueAt: number }[];
  /** The head leaves. */
  release: LeftLane[];
}

/** The next of a lane is due at once, or claimed until `leaseEnd` by whoever releases the lane. */
interface LeftLane {
  lane: string;
  leaseEnd?: number | undefined;
}

/** Returns the lanes that are claimed and not empty. */
export async function moveLanes(tx: Tx, { postpone, keep, release }: LaneMoves, now: number): Promise<Set<string>> {
  const keys = [...postpone, ...keep, ...release].map(({ lane }) => laneTaskKey(lane));
  if (keys.length === 0) return new Set();
  const locked = tx.engine === "postgres" ? lockTasks(tx, keys) : Promise.resolve([]);
  const [, postponed, , , advanced] = await together(
    locked,
    postponeLanes(tx.db, postpone),
    keepLanes(tx.db, keep),
    leaveLastLanes(tx.db, release),
    // Those that are left.
    advanceLanes[tx.engine](
      tx.db,
      release.map((one) => ({ ...one, now })),
    ),
  );
  const claimed = new Set(advanced.filter(({ leased }) => leased === 1).map(({ key }) => key.slice("lane:".length)));
  // A worker that sleeps has to know until when.
  for (const { queue } of [...postponed, ...advanced.filter(({ leased }) => leased === 0)]) tx.wake(queue);
  return claimed;
}

/** Whether nothing is in the lane whose task is `t`. */
const isEmpty = {
  postgres: "not exists (select 1 from deliveries where lane = substr(t.key, 6))",
  sqlite: `${headFromBound} is null`,
};

/** Drops lanes that hold nothing any more, such as after an erasure. */
export async function dropEmptyLanes(database: Database, lanes: readonly string[]): Promise<void> {
  const keys = lanes.map(laneTaskKey);
  await database.transaction(async (tx) => {
    // Once the rows are locked, a new statement sees every delivery that has joined.
    await lockTasks(tx, keys);
    const list = keys.map((_, n) => `$${n + 1}`).join(", ");
    await run(tx.db, `delete from tasks as t where key in (${list}) and ${isEmpty[tx.engine]}`, keys);
  });
}
