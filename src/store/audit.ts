/** Proves that every message has exactly one fate: invariants over the whole store, read a slice of rows at a time. */
import { type Db, run } from "./bulk";

export interface Finding {
  messageId: string | null;
  problem: string;
  /** What to do about it. */
  mend: string;
}

export interface AuditResult {
  ok: boolean;
  counts: Record<string, number>;
  findings: Finding[];
}

export interface AuditOptions {
  now: number;
  /** Integrations whose failures are told to Genesys Cloud, by name. */
  tellsFailures: readonly string[];
  /** Integrations whose deliveries are told as well. */
  tellsDeliveries: readonly string[];
  /** Queues that a worker of these settings serves. */
  queues: readonly string[];
  /** Only messages received since. */
  since?: number | undefined;
  /** Called with the share of the store that has been read, 0 to 1. */
  onProgress?: ((share: number) => void) | undefined;
}

interface Check {
  problem: string;
  mend: string;
  /** A condition on `m`, a message; placeholders are not available. */
  where: string;
}

const lateMs = 600_000;
const slice = 20_000;
const mostFindings = 10_000;
const delivered =
  "exists (select 1 from deliveries d where d.message_seq = m.seq and d.status in ('delivered', 'read'))";
const hasLine = (...events: string[]) =>
  `exists (select 1 from ledger l where l.message_seq = m.seq and l.event in (${events.map((one) => `'${one}'`).join(", ")}))`;

const checks: Check[] = [
  {
    problem: "open, with nothing due that could decide it",
    mend: "replay the message; if it comes back, report it with `omb messages show ID --json`",
    where: `m.fate = 'open'
      and not exists (select 1 from deliveries d where d.message_seq = m.seq and d.lane is not null
        and exists (select 1 from tasks t where t.key = 'lane:' || d.lane))
      and not exists (select 1 from deliveries d where d.message_seq = m.seq and d.lane is null
        and exists (select 1 from tasks t where t.key = 'confirm:' || d.seq))
      and not exists (select 1 from tasks t where t.key = 'notice:' || m.notice_seq)`,
  },
  {
    problem: "its delivery waits in a lane that nothing will serve",
    mend: "restart a worker; if it stays, replay the message",
    where: `exists (select 1 from deliveries d where d.message_seq = m.seq and d.lane is not null
      and not exists (select 1 from tasks t where t.key = 'lane:' || d.lane))`,
  },
  {
    problem: "fate and ledger disagree: delivered without a confirmation",
    mend: "compare the timeline with the adapter's records",
    where: `m.fate = 'delivered' and (not ${delivered} or not ${hasLine("delivery.delivered", "delivery.read")})`,
  },
  {
    problem: "fate and ledger disagree: accepted by no channel",
    mend: "compare the timeline with the adapter's records",
    where: `m.fate = 'accepted' and not ${hasLine("delivery.accepted")}`,
  },
  {
    problem: "fate and ledger disagree: the channel confirmed it, the fate says otherwise",
    mend: "compare the timeline with the adapter's records",
    where: `m.fate not in ('delivered', 'open') and ${delivered}`,
  },
  {
    problem: "fate and ledger disagree: notified, but no notice went out",
    mend: "look at the notice in `omb messages show ID`",
    where: `m.fate = 'notified' and not exists (select 1 from notices n where n.seq = m.notice_seq and (n.status in ('accepted', 'delivered')
      or exists (select 1 from notice_sends s where s.notice_seq = n.seq and s.status = 'delivered')))`,
  },
  {
    problem: "failed without a reason",
    mend: "look at the attempts in `omb messages show ID`",
    where: `m.fate in ('failed', 'unreachable', 'exhausted', 'suppressed') and m.reason_code is null`,
  },
  {
    problem: "the fate is none that exists",
    mend: "the store was changed by something else than the bridge: restore it from a backup",
    where: `m.fate not in ('open', 'delivered', 'accepted', 'notified', 'failed', 'suppressed', 'unreachable', 'exhausted', 'returned', 'unknown', 'noted')`,
  },
  {
    problem: "no ledger line says that it was stored",
    mend: "the ledger was changed by something else than the bridge: restore it from a backup",
    where: `not ${hasLine("message.stored")}`,
  },
  {
    problem: "no capture belongs to it",
    mend: "the store was changed by something else than the bridge: restore it from a backup",
    where: "not exists (select 1 from captures c where c.message_seq = m.seq)",
  },
  {
    problem: "two notices for one message",
    mend: "the customer may have been told twice: compare the timeline with the mail server's log",
    // A notice may go on to its next step; the detail begins with the notice's id.
    where: `(select count(distinct substr(l.detail, 1, 48)) from ledger l where l.message_seq = m.seq and l.event = 'notice.accepted') > 1
      or exists (select 1 from notice_sends s where s.notice_seq = m.notice_seq and s.status in ('accepted', 'delivered')
        group by s.step having count(*) > 1)`,
  },
  {
    problem: "a customer's message failed, and its adapter is not told",
    mend: "tell the customer by hand, or replay the message",
    where: `m.source is not null and m.fate = 'failed' and not ${hasLine("failure.told", "failure.untold")}
      and not exists (select 1 from tasks t where t.key = 'failure:' || m.id)`,
  },
  {
    problem: "a receipt is owed and not queued",
    mend: "replay the message, or tell Genesys Cloud by hand",
    where: `exists (select 1 from receipts r where r.message_seq = m.seq and r.state = 'queued'
      and not exists (select 1 from tasks t where t.key = 'receipt:' || m.seq))`,
  },
];

/** Reads everything once; memory stays flat however large the store is. Work in flight is never a finding. */
export async function audit(db: Db, options: AuditOptions): Promise<AuditResult> {
  const findings: Finding[] = [];
  const add = (finding: Finding) => {
    if (findings.length < mostFindings) findings.push(finding);
  };
  const counts: Record<string, number> = { messages: 0 };
  const [bounds] = await run<{ low: number | null; high: number | null }>(
    db,
    "select min(seq) as low, max(seq) as high from messages where received_at >= $1",
    [options.since ?? 0],
  );
  const low = bounds?.low ?? 0;
  const high = bounds?.high ?? -1;
  const all = [...checks, ...owedChecks(options)];

  for (let from = low; from <= high; from += slice) {
    const to = Math.min(high, from + slice - 1);
    const fates = await run<{ fate: string; count: number }>(
      db,
      "select fate, cast(count(*) as bigint) as count from messages where seq between $1 and $2 and received_at >= $3 group by fate",
      [from, to, options.since ?? 0],
    );
    for (const { fate, count } of fates) {
      counts[fate] = (counts[fate] ?? 0) + count;
      counts.messages = (counts.messages ?? 0) + count;
    }
    for (const { problem, mend, where } of all) {
      const rows = await run<{ id: string }>(
        db,
        `select m.id from messages m where m.seq between $1 and $2 and m.received_at >= $3 and (${where}) limit 1000`,
        [from, to, options.since ?? 0],
      );
      for (const { id } of rows) add({ messageId: id, problem, mend });
    }
    options.onProgress?.((to - low + 1) / (high - low + 1));
    await new Promise(setImmediate);
  }
  for (const finding of await findOrphans(db, options)) add(finding);
  return { ok: findings.length === 0, counts, findings };
}

/** Receipts that the settings promise and the store does not know of. */
function owedChecks({ tellsFailures, tellsDeliveries }: AuditOptions): Check[] {
  const of = (names: readonly string[]) =>
    `m.integration in (${names.map((name) => `'${name.replaceAll("'", "''")}'`).join(", ")})`;
  const owed = `m.genesys_id is not null and m.recipient_id <> '' and m.direction = 'outbound'
    and not exists (select 1 from receipts r where r.message_seq = m.seq)`;
  const mend =
    "the organisation was added or receipts were switched on later, or the store was changed: tell Genesys Cloud by hand";
  return [
    ...(tellsFailures.length === 0
      ? []
      : [
          {
            problem: "a Failed receipt is owed and not queued",
            mend,
            where: `${of(tellsFailures)} and ${owed} and exists (select 1 from deliveries d where d.message_seq = m.seq and d.status = 'failed')`,
          },
        ]),
    ...(tellsDeliveries.length === 0
      ? []
      : [
          {
            problem: "a Delivered receipt is owed and not queued",
            mend,
            where: `${of(tellsDeliveries)} and ${owed} and m.fate = 'delivered'`,
          },
        ]),
  ];
}

/** Tasks about nothing, and queues that nobody serves. */
async function findOrphans(db: Db, { now, queues }: AuditOptions): Promise<Finding[]> {
  const lost = await run<{ key: string }>(
    db,
    `select t.key from tasks t where
       (t.key like 'lane:%' and not exists (select 1 from deliveries d where d.lane = substr(t.key, 6)))
       or (t.key like 'confirm:%' and not exists (select 1 from deliveries d where d.seq = t.subject))
       or (t.key like 'receipt:%' and not exists (select 1 from receipts r where r.message_seq = t.subject))
       or (t.key like 'notice:%' and not exists (select 1 from notices n where n.seq = t.subject))
       or (t.key like 'failure:%' and not exists (select 1 from messages m where m.id = substr(t.key, 9)))
       or (t.key like 'attributes:%' and not exists (select 1 from notices n where n.seq = t.subject))
       or (t.key like 'callback:%' and not exists (select 1 from callbacks c where c.seq = t.subject))
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
