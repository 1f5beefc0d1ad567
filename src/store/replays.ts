/** Replays: what is to be sent once more, to where, at what pace, and how far it is. One row each, worked off by a task. */
import { z } from "zod";
import { type Db, run } from "./bulk";
import type { Database, Tx } from "./database";
import { forUpdate } from "./engine";
import { addTasks, removeTasks } from "./tasks";

export const replayQueue = "replays";

/** `stopped`: its target failed too often in a row. `paused` and `stopped` go on when resumed. */
export const replayStates = ["running", "paused", "stopped", "cancelled", "done"] as const;
export type ReplayState = (typeof replayStates)[number];

export const replayPlan = z.strictObject({
  to: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("self") }),
    z.strictObject({ type: z.literal("channel"), channel: z.string() }),
    z.strictObject({ type: z.literal("url"), url: z.string() }),
  ]),
  /** Row numbers; absent: the filter chooses. */
  seqs: z.array(z.number()).optional(),
  filter: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  upTo: z.number(),
  pace: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("atOnce") }),
    z.strictObject({ type: z.literal("rate"), perSecond: z.number() }),
    z.strictObject({ type: z.literal("original") }),
  ]),
  dryRun: z.boolean(),
  /** To the bridge itself: whether a message that is known already counts as a repeat of it. */
  keepDedup: z.boolean(),
  /** To a URL: which `X-Hub-Signature-256` goes with the body. */
  signature: z.enum(["fresh", "original"]),
});
export type ReplayPlan = z.infer<typeof replayPlan>;

const count = z.number().default(0);
export const replayProgress = z.object({
  done: count,
  failed: count,
  skipped: count,
  /** Why messages failed or were skipped, and how many of each. */
  because: z.record(z.string(), z.number()).default({}),
  /** Rows beyond `position` that have had their turn. */
  ahead: z.array(z.number()).default([]),
  /** Failures in a row. */
  failuresInARow: count,
  /** When the last message was due, and when it first came: the pace counts from there. */
  paced: z.strictObject({ at: z.number(), receivedAt: z.number() }).optional(),
  /** A dry run: messages that would differ, how many differ in what, and the first of them. */
  differing: count,
  differences: z.record(z.string(), z.number()).default({}),
  examples: z.array(z.unknown()).default([]),
});
export type ReplayProgress = z.infer<typeof replayProgress>;

export interface Replay {
  seq: number;
  id: string;
  state: ReplayState;
  plan: ReplayPlan;
  by: string;
  reason: string | null;
  createdAt: number;
  changedAt: number;
  total: number;
  position: number;
  progress: ReplayProgress;
  problem: string | null;
}

export interface NewReplay {
  id: string;
  plan: ReplayPlan;
  by: string;
  reason: string | null;
  total: number;
}

/** Keeps a replay with the task that works it off. */
export async function addReplay(tx: Tx, replay: NewReplay, now: number): Promise<void> {
  const [row] = await run<{ seq: number }>(
    tx.db,
    `insert into replays (id, state, plan, requested_by, reason, created_at, changed_at, total, progress)
     values ($1, 'running', $2, $3, $4, $5, $6, $7, $8) returning seq`,
    [
      replay.id,
      JSON.stringify(replay.plan),
      replay.by,
      replay.reason,
      now,
      now,
      replay.total,
      JSON.stringify(replayProgress.parse({})),
    ],
  );
  if (row !== undefined) await addTasks(tx, [taskOf(row.seq, now)], now);
}

/** Pauses, resumes or cancels a replay; undefined: none has this id, false: it is past that. */
export async function steerReplay(
  database: Database,
  id: string,
  state: "paused" | "running" | "cancelled",
  now: number,
): Promise<boolean | undefined> {
  return database.transaction(async (tx) => {
    const replay = await findReplay(tx.db, id, forUpdate(tx.engine));
    if (replay === undefined) return undefined;
    if (replay.state === "done" || replay.state === "cancelled") return false;
    if (replay.state === state) return true;
    const progress = { ...replay.progress, failuresInARow: 0 };
    await writeReplay(tx, { ...replay, state, progress, problem: state === "running" ? null : replay.problem }, now);
    if (state === "running") await addTasks(tx, [taskOf(replay.seq, now)], now);
    else await removeTasks(tx, [taskOf(replay.seq, now).key]);
    return true;
  });
}

/** The replay under lock. */
export async function lockReplay(tx: Tx, seq: number): Promise<Replay | undefined> {
  const [row] = await run<ReplayRow>(tx.db, `select ${columns} from replays where seq = $1${forUpdate(tx.engine)}`, [
    seq,
  ]);
  return row === undefined ? undefined : replayOf(row);
}

export async function findReplay(db: Db, id: string, lock = ""): Promise<Replay | undefined> {
  const [row] = await run<ReplayRow>(db, `select ${columns} from replays where id = $1${lock}`, [id]);
  return row === undefined ? undefined : replayOf(row);
}

export async function readReplay(db: Db, seq: number): Promise<Replay | undefined> {
  const [row] = await run<ReplayRow>(db, `select ${columns} from replays where seq = $1`, [seq]);
  return row === undefined ? undefined : replayOf(row);
}

/** The newest replays first. */
export async function listReplays(db: Db, limit: number): Promise<Replay[]> {
  const rows = await run<ReplayRow>(db, `select ${columns} from replays order by seq desc limit $1`, [limit]);
  return rows.map(replayOf);
}

export async function writeReplay(tx: Tx, replay: Replay, now: number): Promise<void> {
  await run(
    tx.db,
    "update replays set state = $1, position = $2, progress = $3, problem = $4, changed_at = $5 where seq = $6",
    [replay.state, replay.position, JSON.stringify(replay.progress), replay.problem, now, replay.seq],
  );
}

function taskOf(seq: number, now: number) {
  return { key: `replay:${seq}`, queue: replayQueue, dueAt: now, subject: seq };
}

const columns =
  'seq, id, state, plan, requested_by as "by", reason, created_at, changed_at, total, position, progress, problem';

interface ReplayRow {
  seq: number;
  id: string;
  state: ReplayState;
  plan: string;
  by: string;
  reason: string | null;
  created_at: number;
  changed_at: number;
  total: number;
  position: number;
  progress: string;
  problem: string | null;
}

function replayOf({ plan, progress, created_at: createdAt, changed_at: changedAt, ...row }: ReplayRow): Replay {
  return {
    ...row,
    createdAt,
    changedAt,
    plan: replayPlan.parse(JSON.parse(plan)),
    progress: replayProgress.parse(JSON.parse(progress)),
  };
}
