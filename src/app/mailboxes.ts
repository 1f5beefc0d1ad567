/** Mailboxes that mails come back to: read again and again, by one process at a time. */
import { setTimeout } from "node:timers/promises";
import { type MailboxRound, readMailbox } from "../channels/mailbox";
import type { Config } from "../config";
import type { Log } from "../log";
import { updateBudgets } from "../store/budgets";
import type { Database } from "../store/database";
import type { BounceResult } from "./bounces";

export interface MailboxDeps {
  config: Config;
  database: Database;
  takeMail(mail: string): Promise<BounceResult>;
  now: () => number;
  random: () => number;
  log: Pick<Log, "bounceFetched" | "mailboxFailed" | "mailboxRecovered">;
  count(facts: { channel: string; result: BounceResult["result"] }): void;
  onError(kind: string, error: unknown): void;
}

/** How a mailbox is, as far as this process knows; times in milliseconds UTC. */
export interface MailboxState {
  channel: string;
  /** `elsewhere`: another process has its turn. */
  state: "starting" | "read" | "failing" | "elsewhere";
  lastReadAt?: number;
  problem?: string;
  mend?: string;
  retryAt?: number;
}

/** A process that died over a mailbox keeps the others from it for this long; a round that takes as long as that is broken off. */
const turnMs = 120_000;
const roundMs = 110_000;
/** How soon a turn is noticed that came free before its time. */
const longestWaitMs = 10_000;
const firstRetryMs = 5_000;
const longestRetryMs = 300_000;

/** One reader for each channel whose bounces are fetched. */
export function createMailboxes(deps: MailboxDeps) {
  const readers = deps.config.channels.flatMap((channel) => {
    if (channel.type !== "email" || channel.bounces === undefined) return [];
    const { imap, everyMs } = channel.bounces;
    return [createReader({ channel: channel.name, everyMs, mailbox: { imap, timeoutMs: channel.timeoutMs } }, deps)];
  });
  const stopping = new AbortController();
  let running: Promise<unknown> | undefined;
  return {
    start() {
      running ??= Promise.all(readers.map((reader) => repeat(reader.turn, stopping.signal)));
    },
    async stop() {
      stopping.abort();
      await running;
    },
    /** Empty in a process that reads none. */
    describe: (): MailboxState[] => (running === undefined ? [] : readers.map((reader) => reader.describe())),
  };
}

interface Reader {
  channel: string;
  everyMs: number;
  mailbox: { imap: string; timeoutMs: number };
}

function createReader({ channel, everyMs, mailbox }: Reader, deps: MailboxDeps) {
  const { database, takeMail, now, random, log, count, onError } = deps;
  const turn = createTurn(database, `mailbox:${channel}`, Math.max(turnMs, everyMs, longestRetryMs));
  let state: MailboxState = { channel, state: "starting" };
  let failures = 0;

  async function take(mail: string): Promise<boolean> {
    const { result } = await takeMail(mail);
    count({ channel, result });
    log.bounceFetched({ channel, kind: result });
    return result !== "ignored";
  }

  /** How long to rest after a round. */
  function conclude(round: MailboxRound): number {
    const { lastReadAt } = state;
    if (round.status === "read") {
      if (failures > 0) log.mailboxRecovered({ channel, attempt: failures });
      failures = 0;
      state = { channel, state: "read", lastReadAt: now() };
      return round.more ? 0 : everyMs;
    }
    failures += 1;
    const longest = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 20));
    const waitMs = Math.ceil(longest * (0.5 + 0.5 * random()));
    const { code, problem, mend } = round;
    log.mailboxFailed({ channel, code, attempt: failures, waitMs });
    const retryAt = now() + waitMs;
    state = { channel, state: "failing", problem, mend, retryAt, ...(lastReadAt !== undefined && { lastReadAt }) };
    return waitMs;
  }

  return {
    describe: () => state,
    async turn(signal: AbortSignal): Promise<number> {
      let restMs = firstRetryMs;
      try {
        const waitMs = await turn.take(now());
        if (waitMs > 0) {
          const { lastReadAt } = state;
          state = { channel, state: "elsewhere", ...(lastReadAt !== undefined && { lastReadAt }) };
          return Math.min(waitMs, longestWaitMs);
        }
        try {
          const round = await readMailbox(mailbox, take, AbortSignal.any([signal, AbortSignal.timeout(roundMs)]));
          restMs = signal.aborted ? 0 : conclude(round);
        } finally {
          await turn.pass(now() + restMs);
        }
      } catch (error) {
        onError(`mailbox:${channel}`, error);
      }
      return restMs;
    },
  };
}

/** Something that one process does at a time: a row that says from when on the next may. */
function createTurn(database: Database, name: string, longestMs: number) {
  return {
    /** How long until it may be ours; 0: it is. A time beyond all that can be meant comes from a clock that was set back. */
    take: (at: number) =>
      updateBudgets(database, [name], (tats) => {
        const waitMs = Math.max(0, (tats.get(name) ?? 0) - at);
        if (waitMs > 0 && waitMs <= longestMs) return { tats: new Map(), result: waitMs };
        return { tats: new Map([[name, at + turnMs]]), result: 0 };
      }),
    pass: (freeAt: number) =>
      updateBudgets(database, [name], () => ({ tats: new Map([[name, freeAt]]), result: undefined })),
  };
}

async function repeat(turn: (signal: AbortSignal) => Promise<number>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const restMs = await turn(signal);
    await setTimeout(restMs, undefined, { signal }).catch(() => undefined);
  }
}
