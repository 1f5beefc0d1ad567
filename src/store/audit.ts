/** Proves that every message has exactly one fate: invariants over the whole store, read a slice of rows at a time. */
import { type Db, run } from "./bulk";
import { checksOf, factsOfMessages, type Promised, rowChecks, waitingChecks } from "./checks";
import { type ChainFacts, verifyChain } from "./seals";

export interface Finding {
  messageId: string | null;
  problem: string;
  /** What to do about it. */
  mend: string;
}

export interface AuditResult {
  ok: boolean;
  /** Messages, in all and by fate. */
  counts: Record<string, number>;
  findings: Finding[];
  /** With the chain: what else was read, row by row of each table. */
  rows?: Record<string, number>;
  chain?: ChainFacts;
}

export interface AuditOptions extends Promised {
  now: number;
  /** Queues that a worker of these settings serves. */
  queues: readonly string[];
  /** Only messages received since. */
  since?: number | undefined;
  /** Verify the seals over the ledger as well. */
  chain?: boolean | undefined;
  /** The hash of a seal that was noted earlier: it must still be in the chain. */
  knownHead?: string | undefined;
  /** Called with the share of the work that is done, 0 to 1. */
  onProgress?: ((share: number) => void) | undefined;
}

const lateMs = 600_000;
const slice = 20_000;
/** More than anybody reads; memory stays flat in a store that is wrong all over. */
const mostFindings = 10_000;

/** Reads everything once; memory stays flat however large the store is. Work in flight is never a finding. */
export async function audit(db: Db, options: AuditOptions): Promise<AuditResult> {
  const findings: Finding[] = [];
  const add = (finding: Finding) => {
    if (findings.length < mostFindings) findings.push(finding);
  };
  const steps = options.chain ? 3 : 2;
  const progress = (step: number) => (share: number) => options.onProgress?.((step + share) / steps);
  const counts = await auditMessages(db, options, add, progress(0));
  const rows = options.since === undefined ? await auditRows(db, add, progress(1)) : {};
  for (const { problem, mend, from } of waitingChecks) {
    const [found] = await run<{ count: number }>(db, `select cast(count(*) as bigint) as count from ${from}`);
    if (found !== undefined && found.count > 0) add({ messageId: null, problem: countOf(problem, found.count), mend });
  }
  for (const finding of await findOrphans(db, options)) add(finding);
  if (!options.chain) {
    options.onProgress?.(1);
    return { ok: findings.length === 0, counts, findings };
  }
  const { knownHead } = options;
  const mend = "the ledger or its seals were changed by something else than the bridge: restore them from a backup";
  const chain = await verifyChain(
    db,
    ({ seal, problem }) => add({ messageId: null, problem: `seal ${seal} of the ledger: ${problem}`, mend }),
    { knownHead, onProgress: progress(2) },
  );
  options.onProgress?.(1);
  return { ok: findings.length === 0, counts, findings, rows, chain };
}

async function auditMessages(
  db: Db,
  options: AuditOptions,
  add: (finding: Finding) => void,
  onProgress: (share: number) => void,
): Promise<Record<string, number>> {
  const since = options.since ?? 0;
  const counts: Record<string, number> = { messages: 0 };
  const [bounds] = await run<{ low: number | null; high: number | null }>(
    db,
    "select min(seq) as low, max(seq) as high from messages where received_at >= $1",
    [since],
  );
  const low = bounds?.low ?? 0;
  const high = bounds?.high ?? -1;
  const [pruned] = await run<{ at: number | null }>(db, "select max(last_at) as at from seals where pruned = 1");
  const checks = checksOf(options);
  const flags = checks.map(({ where }, index) => `case when ${where} then 1 else 0 end as check_${index}`);
  const select = factsOfMessages.replace("{select}", `select m.id, ${flags.join(", ")}`);
  const text = `${select} and m.received_at >= $5 and (${checks.map(({ where }) => `(${where})`).join(" or ")}) limit 1000`;
  for (let from = low; from <= high; from += slice) {
    const to = Math.min(high, from + slice - 1);
    const fates = await run<{ fate: string; count: number }>(
      db,
      "select fate, cast(count(*) as bigint) as count from messages where seq between $1 and $2 and received_at >= $3 group by fate",
      [from, to, since],
    );
    for (const { fate, count } of fates) {
      counts[fate] = (counts[fate] ?? 0) + count;
      counts.messages = (counts.messages ?? 0) + count;
    }
    const rows = await run<{ id: string } & Record<string, unknown>>(db, text, [
      from,
      to,
      options.now,
      pruned?.at ?? -1,
      since,
    ]);
    for (const row of rows) {
      checks.forEach(({ problem, mend }, index) => {
        if (row[`check_${index}`] === 1) add({ messageId: row.id, problem, mend });
      });
    }
    onProgress((to - low + 1) / (high - low + 1));
    await new Promise(setImmediate);
  }
  return counts;
}

/** Every row of the other tables belongs to something. */
async function auditRows(
  db: Db,
  add: (finding: Finding) => void,
  onProgress: (share: number) => void,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [index, { table, key, problem, mend, where }] of rowChecks.entries()) {
    const [bounds] = await run<{ low: number | null; high: number | null }>(
      db,
      `select min(${key}) as low, max(${key}) as high from ${table}`,
    );
    const low = bounds?.low ?? 0;
    const high = bounds?.high ?? -1;
    let rows = 0;
    let wrong = 0;
    for (let from = low; from <= high; from += slice) {
      const [found] = await run<{ rows: number; wrong: number }>(
        db,
        `select cast(count(*) as bigint) as rows, cast(coalesce(sum(case when ${where} then 1 else 0 end), 0) as bigint) as wrong
         from ${table} x where x.${key} between $1 and $2`,
        [from, from + slice - 1],
      );
      rows += found?.rows ?? 0;
      wrong += found?.wrong ?? 0;
      onProgress((index + (from - low) / (high - low + 1)) / rowChecks.length);
      await new Promise(setImmediate);
    }
    counts[table] = rows;
    if (wrong > 0) add({ messageId: null, problem: countOf(problem, wrong), mend });
  }
  return counts;
}

function countOf(problem: string, count: number): string {
  return count === 1 ? problem : `${problem} (${count} of them)`;
}

/** Tasks about nothing, and queues that nobody serves. */
async function findOrphans(db: Db, { now, queues }: AuditOptions): Promise<Finding[]> {
  const lost = await run<{ key: string }>(
    db,
    `select t.key from tasks t left join (select distinct lane from deliveries where lane is not null) d on d.lane = substr(t.key, 6)
       where t.key like 'lane:%' and d.lane is null
     union all select t.key from tasks t where
       (t.key like 'confirm:%' and not exists (select 1 from deliveries d where d.seq = t.subject))
       or (t.key like 'receipt:%' and not exists (select 1 from receipts r where r.message_seq = t.subject))
       or (t.key like 'notice:%' and not exists (select 1 from notices n where n.seq = t.subject))
       or (t.key like 'failure:%' and not exists (select 1 from messages m where m.id = substr(t.key, 9)))
       or (t.key like 'attributes:%' and not exists (select 1 from notices n where n.seq = t.subject))
       or (t.key like 'callback:%' and not exists (select 1 from callbacks c where c.seq = t.subject))
       or (t.key like 'typing:%' and t.subject is not null and not exists (select 1 from messages m where m.seq = t.subject))
       or (t.key like 'replay:%' and not exists (select 1 from replays p where p.seq = t.subject))
     limit 1000`,
  );
  const waiting = await run<{ queue: string; tasks: number }>(
    db,
    "select queue, cast(count(*) as bigint) as tasks from tasks where due_at < $1 group by queue",
    [now - lateMs],
  );
  const served = new Set(queues);
  return [
    ...lost.map(({ key }) => ({
      messageId: null,
      problem: `the task ${key.split(":", 1)[0]} is about nothing`,
      mend: "harmless: a worker drops it when it is due",
    })),
    ...waiting
      .filter(({ queue }) => !served.has(queue))
      .map(({ queue, tasks }) => ({
        messageId: null,
        problem: `${tasks} tasks wait in ${queue}, which no worker of these settings serves`,
        mend: "put the channel or organisation of that name back into the settings",
      })),
  ];
}
