/** Works replays off: a page of messages at a time, in order, each step committed with how far it came. */
import type { Database, Tx } from "../store/database";
import { insertLedger } from "../store/ledger";
import { lockReplay, type Replay, readReplay, replayQueue, writeReplay } from "../store/replays";
import { readSelected, type SelectedMessage } from "../store/selection";
import { finishTasks, type LeasedTask, postponeTasks } from "../store/tasks";
import { type AgainDeps, sendToChannel, sendToSelf } from "./again";
import { compare, type Today } from "./diff";
import { planStep } from "./pace";
import { createPost, type PostDeps } from "./post";
import { contentRemoved, integrationGone, noWebhook, type Turn } from "./turn";

export interface ReplayDeps extends PostDeps, AgainDeps {
  database: Database;
  /** What today's code and settings make of a message; undefined when its integration is not configured any more. */
  judge(message: SelectedMessage & { body: Buffer }): Today | undefined;
  now: () => number;
  log: {
    replayEnded(facts: { replayId: string; status: string; count: number; failed: number; durationMs: number }): void;
  };
}

/** Most messages of one step. */
const pageSize = 100;
/** This many failures in a row, and the target is taken for broken. */
const mostFailures = 20;
const mostExamples = 200;
const leaseMs = 90_000;

export function createReplays(deps: ReplayDeps) {
  const post = createPost(deps);
  return {
    queue: replayQueue,
    concurrency: 4,
    leaseMs,
    begin: async (tasks: LeasedTask[]) => tasks.map((task) => step(task)),
    close: post.close,
  };

  async function step(task: LeasedTask): Promise<void> {
    const replay = task.subject === null ? undefined : await readReplay(deps.database.db, task.subject);
    if (replay === undefined || replay.state !== "running") return drop(task);
    if (replay.plan.to.type !== "url" || replay.plan.dryRun) {
      // The effect and how far it came are one commit: after a crash nothing is done twice.
      await deps.database.transaction(async (tx) => {
        const current = await lockReplay(tx, replay.seq);
        if (current === undefined || current.state !== "running") return;
        const due = await readDue(current, tx);
        await commit(tx, task, current, due, await takeTurns(tx, current, due.messages));
      });
      return;
    }
    const due = await readDue(replay);
    const turns = await post.send(replay, replay.plan.to.url, due.messages);
    await deps.database.transaction(async (tx) => {
      const current = await lockReplay(tx, replay.seq);
      // Paused or cancelled meanwhile: what was sent is recorded all the same.
      if (current === undefined || current.position !== replay.position) return;
      await commit(tx, task, current, due, turns);
    });
  }

  async function drop(task: LeasedTask): Promise<void> {
    await deps.database.transaction((tx) => finishTasks(tx, [task]));
  }

  /** The messages whose turn it is, and when to look again. */
  async function readDue(replay: Replay, tx?: Tx): Promise<Due> {
    const { plan, position, progress } = replay;
    const page = await readSelected(tx?.db ?? deps.database.db, plan, { after: position, limit: pageSize });
    const ahead = new Set(progress.ahead);
    const waiting = page.filter((message) => !ahead.has(message.seq));
    const { take, nextAt, paced } = planStep(
      plan.dryRun ? { type: "atOnce" } : plan.pace,
      waiting.map((message) => message.receivedAt),
      progress.paced,
      deps.now(),
    );
    return { page, messages: waiting.slice(0, take), nextAt, paced, isLast: page.length < pageSize };
  }

  async function takeTurns(tx: Tx, replay: Replay, messages: SelectedMessage[]): Promise<Turn[]> {
    const { to, dryRun } = replay.plan;
    if (dryRun) return messages.map((message) => judgeMessage(message, deps.judge));
    if (to.type === "channel") return sendToChannel(deps, tx, replay, to.channel, messages);
    return sendToSelf(deps, tx, replay, messages);
  }

  async function commit(tx: Tx, task: LeasedTask, replay: Replay, due: Due, turns: Turn[]): Promise<void> {
    const now = deps.now();
    const lines = turns.flatMap(({ message, line }) => (line ? [{ ...line, messageSeq: message.seq }] : []));
    if (lines.length > 0) await insertLedger(tx.db, lines);
    const next = advance(replay, due, turns);
    await writeReplay(tx, next, now);
    if (next.state === "running") {
      await postponeTasks(tx, [{ task, dueAt: due.nextAt }]);
      if (due.nextAt <= now) tx.wake(replayQueue);
      return;
    }
    await finishTasks(tx, [task]);
    if (next.state === "paused") return;
    const { done, failed } = next.progress;
    const durationMs = now - replay.createdAt;
    deps.log.replayEnded({ replayId: replay.id, status: next.state, count: done, failed, durationMs });
  }
}

interface Due {
  /** The whole page, those that had their turn already among it. */
  page: SelectedMessage[];
  messages: SelectedMessage[];
  nextAt: number;
  paced: Replay["progress"]["paced"];
  isLast: boolean;
}

/** What a message would meet today. */
export function judgeMessage(message: SelectedMessage, judge: ReplayDeps["judge"]): Turn {
  const { body, source } = message;
  if (source !== null) return { message, result: "skipped", because: noWebhook };
  if (body === null) return { message, result: "failed", because: contentRemoved };
  const today = judge({ ...message, body });
  if (today === undefined) return { message, result: "failed", because: integrationGone };
  return { message, result: "done", changes: compare(message, today) };
}

/** The replay once these turns are taken. Pure. */
export function advance(replay: Replay, due: Due, turns: readonly Turn[]): Replay {
  const taken = new Set([...replay.progress.ahead, ...turns.map(({ message }) => message.seq)]);
  let position = replay.position;
  for (const { seq } of due.page) {
    if (!taken.has(seq)) break;
    position = seq;
  }
  const progress = countTurns(replay.progress, turns);
  progress.ahead = [...taken].filter((seq) => seq > position);
  progress.paced = due.paced;
  const isDone = due.isLast && due.page.every(({ seq }) => taken.has(seq));
  if (replay.state !== "running") return { ...replay, position, progress };
  if (isDone) return { ...replay, position, progress, state: "done" };
  if (progress.failuresInARow >= mostFailures && replay.plan.to.type === "url") {
    const problem = `the target failed ${progress.failuresInARow} times in a row: mend it, then resume the replay`;
    return { ...replay, position, progress, state: "stopped", problem };
  }
  return { ...replay, position, progress };
}

function countTurns(before: Replay["progress"], turns: readonly Turn[]): Replay["progress"] {
  const progress = { ...before, because: { ...before.because }, differences: { ...before.differences } };
  const examples = [...before.examples];
  for (const { message, result, because, changes } of turns) {
    progress[result] += 1;
    if (because !== undefined) progress.because[because] = (progress.because[because] ?? 0) + 1;
    if (result === "failed") progress.failuresInARow += 1;
    else if (result === "done") progress.failuresInARow = 0;
    if (changes === undefined || changes.length === 0) continue;
    progress.differing += 1;
    for (const { what } of changes) progress.differences[what] = (progress.differences[what] ?? 0) + 1;
    if (examples.length < mostExamples) examples.push({ messageId: message.id, changes });
  }
  return { ...progress, examples };
}
