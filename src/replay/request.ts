/** What somebody asks to have replayed, checked and kept. */
import { BridgeError } from "../errors";
import type { Database } from "../store/database";
import type { MessageFilter } from "../store/messages";
import { addReplay, type Replay, type ReplayPlan } from "../store/replays";
import { countSelected, newestSeq, resolveIds } from "../store/selection";

/** `ids` or `filter` choose the messages. */
export interface ReplayRequest {
  ids?: readonly string[] | undefined;
  filter?: MessageFilter | undefined;
  /** `self`, `channel:NAME` or an http(s) URL. */
  to: string;
  /** Messages a second; absent: at once. */
  rate?: number | undefined;
  /** As far apart as they first came. */
  originalSpacing: boolean;
  dryRun: boolean;
  /** To `self`: a message that is known already counts as a repeat of it. */
  keepDedup: boolean;
  /** To a URL: signed with the integration's current secret, or the signature it came with. */
  signature: "fresh" | "original";
  reason?: string | undefined;
  by?: string | undefined;
}

export interface RequestDeps {
  database: Database;
  channels: readonly string[];
  now: () => number;
  newId: () => string;
}

/** Keeps the replay; it begins at once. Throws BridgeError `invalid_field` or `not_found` naming what is wrong. */
export async function requestReplay(
  { database, channels, now, newId }: RequestDeps,
  request: ReplayRequest,
): Promise<{ id: string; total: number }> {
  const to = readTarget(request.to, channels);
  const pace = readPace(request);
  const { ids, filter, dryRun, keepDedup, signature } = request;
  if (ids === undefined && filter === undefined) {
    throw new BridgeError("invalid_field", "ids or filter must say what is to be replayed", "filter");
  }
  if (ids !== undefined && filter !== undefined) {
    throw new BridgeError("invalid_field", "either ids or a filter is expected, not both", "filter");
  }
  const id = newId();
  const total = await database.transaction(async (tx) => {
    const upTo = await newestSeq(tx.db);
    const seqs = ids === undefined ? undefined : await resolve(tx.db, ids);
    const chosen = seqs === undefined ? { filter: compact(filter) } : { seqs };
    const plan: ReplayPlan = { to, ...chosen, upTo, pace, dryRun, keepDedup, signature };
    const count = await countSelected(tx.db, plan);
    const { by = "api", reason = null } = request;
    await addReplay(tx, { id, plan, by, reason, total: count }, now());
    return count;
  });
  return { id, total };
}

async function resolve(db: Parameters<typeof resolveIds>[0], ids: readonly string[]): Promise<number[]> {
  const { seqs, missing } = await resolveIds(db, ids);
  if (missing.length === 0) return seqs;
  const others = missing.length === 1 ? "" : ` (and ${missing.length - 1} others)`;
  throw new BridgeError("not_found", `no message has the id ${missing[0]}${others}, ours or Genesys Cloud's`, "ids");
}

function compact(filter: MessageFilter = {}): Record<string, string | number> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

/** Throws BridgeError `invalid_field`. */
export function readTarget(text: string, channels: readonly string[]): ReplayPlan["to"] {
  if (text === "self") return { type: "self" };
  if (text.startsWith("channel:")) {
    const channel = text.slice("channel:".length);
    if (channels.includes(channel)) return { type: "channel", channel };
    const known = channels.length === 0 ? "there is none" : `there are ${channels.join(", ")}`;
    throw new BridgeError("invalid_field", `no channel is called ${JSON.stringify(channel)}: ${known}`, "to");
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return { type: "url", url: url.href };
  throw new BridgeError("invalid_field", "self, channel:NAME or an http(s) URL is expected", "to");
}

function readPace({ rate, originalSpacing }: ReplayRequest): ReplayPlan["pace"] {
  if (rate !== undefined && originalSpacing) {
    throw new BridgeError("invalid_field", "rate and originalSpacing exclude each other", "rate");
  }
  if (originalSpacing) return { type: "original" };
  return rate === undefined ? { type: "atOnce" } : { type: "rate", perSecond: rate };
}

/** A replay as the API shows it. */
export function describeReplay(replay: Replay) {
  const { plan, progress } = replay;
  const { to, pace } = plan;
  return {
    id: replay.id,
    state: replay.state,
    to: to.type === "self" ? "self" : to.type === "channel" ? `channel:${to.channel}` : to.url,
    dryRun: plan.dryRun,
    pace: pace.type === "rate" ? { type: pace.type, perSecond: pace.perSecond } : { type: pace.type },
    filter: plan.filter === undefined ? null : showFilter(plan.filter),
    by: replay.by,
    reason: replay.reason,
    createdAt: new Date(replay.createdAt).toISOString(),
    changedAt: new Date(replay.changedAt).toISOString(),
    total: replay.total,
    done: progress.done,
    failed: progress.failed,
    skipped: progress.skipped,
    because: progress.because,
    problem: replay.problem,
    ...(plan.dryRun
      ? { differing: progress.differing, differences: progress.differences, examples: progress.examples }
      : {}),
  };
}

/** Times as everywhere in the API. */
function showFilter(filter: NonNullable<ReplayPlan["filter"]>) {
  const shown = (name: string, value: string | number | undefined) =>
    (name === "since" || name === "until") && typeof value === "number" ? new Date(value).toISOString() : value;
  return Object.fromEntries(Object.entries(filter).map(([name, value]) => [name, shown(name, value)]));
}

export type ReplayView = ReturnType<typeof describeReplay>;
