/** What is due: claimed in batches under a lease, at most one delivery per lane at a time. */
import { bulk, type Db, run, together } from "./bulk";
import type { Database, Tx } from "./database";
import { forUpdate, skipLocked } from "./engine";
import { deliverQueue } from "./queues";

/** A row saying that something is due. `key` names it once; a second task with the same key is not added. */
export interface NewTask {
  key: string;
  /** Which worker loop takes it, such as `deliver:chat`. */
  queue: string;
  dueAt: number;
  /** The row number of what it is about. */
  subject?: number;
  detail?: Record<string, unknown>;
  /** Claimed already by who adds it: `dueAt` is then the end of the lease. */
  leased?: 1;
}

/** A claimed task. `attempt` is the fence: only the latest claim may finish it. */
export interface LeasedTask {
  key: string;
  attempt: number;
  subject: number | null;
  detail: Record<string, unknown> | null;
}

/** The task that stands for a lane: due when the head of the lane is. Its lease keeps the lane in order. */
export function laneTaskKey(lane: string): string {
  return `lane:${lane}`;
}

const insertTasks = bulk<NewTask>(
  "insert into tasks (key, queue, due_at, subject, detail, leased, attempt) values {rows} on conflict (key) do nothing",
  "(?, ?, ?, ?, ?, ?, ?)",
  (task) => [
    task.key,
    task.queue,
    task.dueAt,
    task.subject ?? null,
    task.detail === undefined ? null : JSON.stringify(task.detail),
    task.leased ?? 0,
    task.leased ?? 0,
  ],
);

export async function addTasks(tx: Tx, tasks: readonly NewTask[], now: number): Promise<void> {
  if (tasks.length === 0) return;
  await insertTasks(tx.db, tasks);
  for (const task of tasks) if (task.dueAt <= now) tx.wake(task.queue);
}

interface JoinedLane {
  lane: string;
  queue: string;
  deliveries: number;
  dueAt: number;
  /** 1: for the worker of this process, should the lane be empty. */
  leased: 0 | 1;
}

const enterOf = (row: string, params: (one: JoinedLane) => readonly unknown[]) =>
  bulk<JoinedLane, { key: string; pending: number }>(
    `insert into tasks (key, queue, due_at, pending, leased, attempt) values {rows}
     on conflict (key) do update set pending = tasks.pending + excluded.pending returning key, pending`,
    row,
    params,
  );
const joined = (one: JoinedLane) => [laneTaskKey(one.lane), one.queue, one.dueAt, one.deliveries];
const enterLanes = enterOf("(?, ?, ?, ?, ?, ?)", (one) => [...joined(one), one.leased, one.leased]);
const enterUnclaimed = enterOf("(?, ?, ?, ?, 0, 0)", joined);

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
  const enter = lanes.some((one) => one.leased === 1) ? enterLanes : enterUnclaimed;
  const pending = new Map((await enter(tx.db, lanes)).map((row) => [row.key, row.pending]));
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

const postponeLanes = bulk<{ lane: string; dueAt: number }, { queue: string }>(
  "update tasks set due_at = v.column2, leased = 0 from (values {rows}) as v where tasks.key = v.column1 returning tasks.queue",
  "(cast(? as text), cast(? as bigint))",
  (one) => [laneTaskKey(one.lane), one.dueAt],
);

const keepLanes = bulk<{ lane: string; dueAt: number }>(
  "update tasks set due_at = v.column2 from (values {rows}) as v where tasks.key = v.column1 and tasks.leased = 1",
  "(cast(? as text), cast(? as bigint))",
  (one) => [laneTaskKey(one.lane), one.dueAt],
);

const leaveLastLanes = bulk<LeftLane>(
  "delete from tasks where key in (values {rows}) and pending <= 1",
  "(cast(? as text))",
  ({ lane }) => [laneTaskKey(lane)],
);

const advanceLanes = bulk<LeftLane & { now: number }, { key: string; queue: string; leased: number }>(
  `update tasks set due_at = v.column2, leased = v.column3, attempt = tasks.attempt + v.column3, pending = tasks.pending - 1
   from (values {rows}) as v
   where tasks.key = v.column1 returning tasks.key, tasks.queue, tasks.leased`,
  "(cast(? as text), cast(? as bigint), cast(? as integer))",
  (one) => [laneTaskKey(one.lane), one.leaseEnd ?? one.now, one.leaseEnd === undefined ? 0 : 1],
);

const dropTasks = bulk<string>("delete from tasks where key in (values {rows})", "(cast(? as text))", (key) => [key]);

export interface LaneMoves {
  /** The head tries again later and keeps its lane. */
  postpone: { lane: string; dueAt: number }[];
  /** The head is still under way and needs its lease for longer. */
  keep: { lane: string; dueAt: number }[];
  /** The head leaves. */
  release: LeftLane[];
}

/** The next of a lane is due at once, or claimed until `leaseEnd` by whoever releases the lane: nobody's earlier claim holds then. */
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
    advanceLanes(
      tx.db,
      release.map(({ lane, leaseEnd }) => ({ lane, leaseEnd, now })),
    ),
  );
  const claimed = new Set(advanced.filter(({ leased }) => leased === 1).map(({ key }) => key.slice("lane:".length)));
  // A worker that sleeps has to know until when.
  for (const { queue } of [...postponed, ...advanced.filter(({ leased }) => leased === 0)]) tx.wake(queue);
  return claimed;
}

/** Drops lanes that hold nothing any more, such as after an erasure. */
export async function dropEmptyLanes(database: Database, lanes: readonly string[]): Promise<void> {
  const keys = lanes.map(laneTaskKey);
  await database.transaction(async (tx) => {
    // Once the rows are locked, a new statement sees every delivery that has joined.
    await lockTasks(tx, keys);
    const list = keys.map((_, n) => `$${n + 1}`).join(", ");
    const empty = "not exists (select 1 from deliveries d where d.lane = substr(tasks.key, 6))";
    await run(tx.db, `delete from tasks where key in (${list}) and ${empty}`, keys);
  });
}

export async function removeTasks(tx: Tx, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await dropTasks(tx.db, keys);
}

/** Claims up to `limit` due tasks of a queue. They are due again at `leaseEnd` unless finished before: that is the crash recovery. */
export async function leaseTasks(
  database: Database,
  claim: { queue: string; limit: number; now: number; leaseEnd: number },
): Promise<LeasedTask[]> {
  const rows = await database.transaction((tx) =>
    run<{ key: string; attempt: number; subject: number | null; detail: string | null }>(
      tx.db,
      `with due as materialized (select key from tasks where queue = $1 and due_at <= $2 order by due_at limit $3${skipLocked(tx.engine)})
       update tasks set due_at = $4, leased = 1, attempt = attempt + 1 where key in (select key from due)
       returning key, attempt, subject, detail`,
      [claim.queue, claim.now, claim.limit, claim.leaseEnd],
    ),
  );
  return rows.map((row) => ({ ...row, detail: row.detail === null ? null : JSON.parse(row.detail) }));
}

const stillClaimed = bulk<LeasedTask, { key: string }>(
  "select key from tasks where (key, attempt) in (values {rows})",
  "(cast(? as text), cast(? as integer))",
  (task) => [task.key, task.attempt],
);

/** The keys of claimed tasks whose lease ran out and which somebody else has claimed since. */
export async function findLostClaims(tx: Tx, tasks: readonly LeasedTask[]): Promise<Set<string>> {
  const ours = new Set((await stillClaimed(tx.db, tasks)).map((row) => row.key));
  return new Set(tasks.filter((task) => !ours.has(task.key)).map((task) => task.key));
}

const finishFenced = bulk<LeasedTask, { key: string }>(
  "delete from tasks where (key, attempt) in (values {rows}) returning key",
  "(cast(? as text), cast(? as integer))",
  (task) => [task.key, task.attempt],
);

/** Removes finished tasks and returns the keys of those that were still ours. */
export async function finishTasks(tx: Tx, tasks: readonly LeasedTask[]): Promise<Set<string>> {
  if (tasks.length === 0) return new Set();
  return new Set((await finishFenced(tx.db, tasks)).map((row) => row.key));
}

const postponeFenced = bulk<{ task: LeasedTask; dueAt: number }, { queue: string }>(
  "update tasks set due_at = v.column3, leased = 0 from (values {rows}) as v where tasks.key = v.column1 and tasks.attempt = v.column2 returning tasks.queue",
  "(cast(? as text), cast(? as integer), cast(? as bigint))",
  ({ task, dueAt }) => [task.key, task.attempt, dueAt],
);

/** Hands claimed tasks back, due again at `dueAt`. */
export async function postponeTasks(tx: Tx, tasks: readonly { task: LeasedTask; dueAt: number }[]): Promise<void> {
  for (const { queue } of await postponeFenced(tx.db, tasks)) tx.wake(queue);
}

/** Makes a waiting task due at once, if it is there. */
export async function hastenTask(tx: Tx, key: string, now: number): Promise<void> {
  const rows = await run<{ queue: string }>(
    tx.db,
    "update tasks set due_at = $1 where key = $2 and leased = 0 and due_at > $3 returning queue",
    [now, key, now],
  );
  for (const row of rows) tx.wake(row.queue);
}

/** When the next task of a queue is due; undefined when there is none. */
export async function nextDueAt(db: Db, queue: string): Promise<number | undefined> {
  const [row] = await run<{ due_at: number | null }>(db, "select min(due_at) as due_at from tasks where queue = $1", [
    queue,
  ]);
  return row?.due_at ?? undefined;
}

/** On SQLite the file's lock proves that whoever held leases is dead: everything leased is due at once. */
export async function releaseAllLeases(database: Database, now: number): Promise<void> {
  if (database.engine !== "sqlite") return;
  await database.transaction((tx) => run(tx.db, "update tasks set due_at = $1, leased = 0 where leased = 1", [now]));
}

/** The queues that hold tasks, with how many and the oldest due time. */
export async function readQueues(db: Db): Promise<{ queue: string; tasks: number; oldestDueAt: number }[]> {
  return run(
    db,
    `select queue, cast(count(*) as bigint) as tasks, min(due_at) as "oldestDueAt" from tasks group by queue order by queue`,
  );
}
