/** What is due: claimed in batches under a lease. */
import { bulk, type Db, run } from "./bulk";
import type { Database, Tx } from "./database";
import { skipLocked } from "./engine";

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

/** A claimed task. `attempt` and `leaseEnd` are the fence: only the latest claim may finish it. */
export interface LeasedTask {
  key: string;
  attempt: number;
  /** Milliseconds UTC. Tells the claim from one of a later task of the same key, whose attempts are counted anew. */
  leaseEnd: number;
  subject: number | null;
  detail: Record<string, unknown> | null;
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
  // Before anything is waited for: what is written last hears of its success only with the commit, and others are told in it.
  for (const task of tasks) if (task.dueAt <= now) tx.wake(task.queue);
  await insertTasks(tx.db, tasks);
}

const dropTasks = bulk<string>("delete from tasks where key in (values {rows})", "(cast(? as text))", (key) => [key]);

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
  const { leaseEnd } = claim;
  return rows.map((row) => ({ ...row, leaseEnd, detail: row.detail === null ? null : JSON.parse(row.detail) }));
}

const claimRow = "(cast(? as text), cast(? as integer), cast(? as bigint))";

const stillClaimed = bulk<LeasedTask, { key: string }>(
  "select key from tasks where (key, attempt, due_at) in (values {rows})",
  claimRow,
  (task) => [task.key, task.attempt, task.leaseEnd],
);

/** The keys of claimed tasks whose lease ran out and which somebody else has claimed since. */
export async function findLostClaims(tx: Tx, tasks: readonly LeasedTask[]): Promise<Set<string>> {
  const ours = new Set((await stillClaimed(tx.db, tasks)).map((row) => row.key));
  return new Set(tasks.filter((task) => !ours.has(task.key)).map((task) => task.key));
}

const finishFenced = bulk<LeasedTask, { key: string }>(
  "delete from tasks where (key, attempt, due_at) in (values {rows}) returning key",
  claimRow,
  (task) => [task.key, task.attempt, task.leaseEnd],
);

/** Removes finished tasks and returns the keys of those that were still ours. */
export async function finishTasks(tx: Tx, tasks: readonly LeasedTask[]): Promise<Set<string>> {
  if (tasks.length === 0) return new Set();
  return new Set((await finishFenced(tx.db, tasks)).map((row) => row.key));
}

const postponeFenced = bulk<{ task: LeasedTask; dueAt: number }, { queue: string }>(
  `update tasks set due_at = v.column4, leased = 0 from (values {rows}) as v
   where tasks.key = v.column1 and tasks.attempt = v.column2 and tasks.due_at = v.column3 returning tasks.queue`,
  "(cast(? as text), cast(? as integer), cast(? as bigint), cast(? as bigint))",
  ({ task, dueAt }) => [task.key, task.attempt, task.leaseEnd, dueAt],
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
