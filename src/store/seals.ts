/**
 * Seals over the ledger: ranges of lines that nothing can join any more, each hashed together with the seal before it, so that
 * a line changed, added or taken away afterwards shows. Sealing follows behind; the road pays nothing for it. Who can rewrite
 * the whole chain is found out by a head noted elsewhere.
 */
import { createHash } from "node:crypto";
import { type Db, run } from "./bulk";
import type { Database } from "./database";

export interface Seal {
  number: number;
  from_seq: number;
  to_seq: number;
  lines: number;
  last_at: number;
  previous: string;
  hash: string;
  pruned: number;
}

interface Line {
  seq: number;
  message_seq: number;
  at: number;
  event: string;
  detail: string | null;
}

/** What the first seal takes for its predecessor. */
export const firstPrevious = "0".repeat(64);

/** Most lines under one seal. */
const sealSize = 1000;
/** Lines may become visible late, behind higher numbers: no transaction of ours takes as long as this. */
const settledAfterMs = 300_000;

/** Seals the oldest lines that are settled and returns how many; 0: nothing is waiting. */
export async function sealLedger(database: Database, now: number): Promise<number> {
  return database.transaction(async ({ db }) => {
    const last = await readNewestSeal(db);
    const lines = await readLines(db, {
      after: last?.to_seq ?? 0,
      upTo: Number.MAX_SAFE_INTEGER,
      limit: sealSize,
    });
    const young = lines.findIndex((line) => line.at > now - settledAfterMs);
    const settled = young === -1 ? lines : lines.slice(0, young);
    const [first] = settled;
    const newest = settled.at(-1);
    if (first === undefined || newest === undefined) return 0;
    const previous = last?.hash ?? firstPrevious;
    const lastAt = Math.max(...settled.map((line) => line.at));
    await run(
      db,
      // Another process may have sealed the same lines in the same moment: then its seal is this one.
      `insert into seals (number, from_seq, to_seq, lines, last_at, previous, hash, sealed_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
      [
        (last?.number ?? 0) + 1,
        first.seq,
        newest.seq,
        settled.length,
        lastAt,
        previous,
        hashLines(previous, settled),
        now,
      ],
    );
    return settled.length;
  });
}

export interface ChainFacts {
  seals: number;
  lines: number;
  /** Lines that no seal covers yet. */
  unsealed: number;
  /** Hash of the newest seal: noted elsewhere, it proves later that nothing before it was rewritten. */
  head: string | null;
}

export interface BrokenSeal {
  seal: number;
  problem: string;
}

/** Reads the whole chain, a seal at a time, and calls `onBroken` for each seal that does not hold. */
export async function verifyChain(
  db: Db,
  onBroken: (broken: BrokenSeal) => void,
  {
    knownHead,
    onProgress,
  }: { knownHead?: string | undefined; onProgress?: ((share: number) => void) | undefined } = {},
): Promise<ChainFacts> {
  const [newest] = await run<{ seq: number | null }>(db, "select max(seq) as seq from ledger");
  const facts: ChainFacts = { seals: 0, lines: 0, unsealed: 0, head: null };
  let before: { number: number; to_seq: number; hash: string } = {
    number: 0,
    to_seq: Number.MIN_SAFE_INTEGER,
    hash: firstPrevious,
  };
  let isHeadFound = knownHead === undefined;
  for (;;) {
    const seals = await run<Seal>(
      db,
      "select number, from_seq, to_seq, lines, last_at, previous, hash, pruned from seals where number > $1 order by number limit 50",
      [before.number],
    );
    for (const seal of seals) {
      const problem = await judgeSeal(db, seal, before);
      if (problem !== undefined) onBroken({ seal: seal.number, problem });
      facts.seals += 1;
      facts.lines += seal.lines;
      facts.head = seal.hash;
      isHeadFound ||= seal.hash === knownHead;
      before = seal;
    }
    if (seals.length === 0) break;
    onProgress?.(Math.max(0, before.to_seq) / Math.max(1, newest?.seq ?? 1));
    await new Promise(setImmediate);
  }
  if (!isHeadFound) {
    onBroken({
      seal: before.number,
      problem: "the head that was noted is not in the chain: seals were removed or made anew",
    });
  }
  const [rest] = await run<{ count: number }>(
    db,
    "select cast(count(*) as bigint) as count from ledger where seq > $1",
    [before.to_seq],
  );
  facts.unsealed = rest?.count ?? 0;
  return facts;
}

async function judgeSeal(
  db: Db,
  seal: Seal,
  before: { number: number; to_seq: number; hash: string },
): Promise<string | undefined> {
  if (seal.number !== before.number + 1) return `seals ${before.number + 1} to ${seal.number - 1} were taken away`;
  if (seal.previous !== before.hash) return "it does not continue the seal before it";
  if (seal.pruned === 1) return undefined;
  // One more than it covers, so that an added line shows.
  const lines = await readLines(db, { after: before.to_seq, upTo: seal.to_seq, limit: seal.lines + 1 });
  if (lines.length !== seal.lines) {
    return `it was made over ${seal.lines} lines of the ledger, and there are ${lines.length > seal.lines ? "more" : lines.length}`;
  }
  return hashLines(seal.previous, lines) === seal.hash ? undefined : "a line of the ledger under it was changed";
}

function readLines(db: Db, { after, upTo, limit }: { after: number; upTo: number; limit: number }): Promise<Line[]> {
  return run<Line>(
    db,
    "select seq, message_seq, at, event, detail from ledger where seq > $1 and seq <= $2 order by seq limit $3",
    [after, upTo, limit],
  );
}

export async function readNewestSeal(db: Db): Promise<Seal | undefined> {
  const [seal] = await run<Seal>(
    db,
    "select number, from_seq, to_seq, lines, last_at, previous, hash, pruned from seals order by number desc limit 1",
  );
  return seal;
}

/** SHA-256, hex, of the hash before and every line with all its columns. */
function hashLines(previous: string, lines: readonly Line[]): string {
  const hash = createHash("sha256").update(previous);
  for (const { seq, message_seq, at, event, detail } of lines) {
    hash.update(`\n${JSON.stringify([seq, message_seq, at, event, detail])}`);
  }
  return hash.digest("hex");
}
