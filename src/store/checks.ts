/** What must hold of every row: conditions that find the rows of which it does not. */

export interface Check {
  problem: string;
  /** What to do about it. */
  mend: string;
  /**
   * SQL over a message `m`, what its ledger lines (`l`), deliveries (`d`) and receipt (`r`) come to, and the numbers `p.now`
   * and `p.pruned_before`: lines up to then may have been removed by retention.
   */
  where: string;
}

/** What an audit needs to know of the settings. */
export interface Promised {
  /** Integrations whose failures are told to Genesys Cloud, by name. */
  tellsFailures: readonly string[];
  /** Integrations whose deliveries are told as well. */
  tellsDeliveries: readonly string[];
}

const any = (condition: string) => `max(case when ${condition} then 1 else 0 end)`;

/** Rows $1 to $2 of messages, each with what belongs to it; $3 now, $4 the time up to which lines may have been removed. */
export const factsOfMessages = `
  with l as (select message_seq, ${any("event in ('message.stored', 'message.imported')")} as stored,
      ${any("event in ('delivery.delivered', 'delivery.read')")} as confirmed, ${any("event = 'delivery.accepted'")} as accepted,
      count(distinct case when event = 'notice.accepted' then substr(detail, 1, 48) end) as notices,
      ${any("event in ('failure.told', 'failure.untold')")} as failure_told, min(at) as first_at
    from ledger where message_seq between $1 and $2 group by message_seq),
  d as (select message_seq, ${any("status in ('delivered', 'read')")} as arrived, ${any("lane is not null")} as in_lane,
      ${any("status in ('pending', 'sending') and lane is null")} as stranded,
      ${any("status in ('failed', 'unconfirmed', 'unknown')")} as missed, ${any("status = 'failed'")} as failed,
      ${any("status = 'failed' and trigger = 'first'")} as failed_first, ${any("status = 'failed' and reason_code is null")} as unexplained
    from deliveries where message_seq between $1 and $2 group by message_seq),
  p as (select cast($3 as bigint) as now, cast($4 as bigint) as pruned_before)
  {select} from messages m cross join p left join l on l.message_seq = m.seq left join d on d.message_seq = m.seq
    left join receipts r on r.message_seq = m.seq
  where m.seq between $1 and $2`;

const restore = "the store was changed by something else than the bridge: restore it from a backup";
const compare = "compare the timeline with the adapter's records";
/** Lines of the ledger that should be there are. */
const hasLedger = "m.received_at > p.pruned_before";
const hasNo = (fact: string) => `coalesce(${fact}, 0) = 0`;

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
    where: `d.in_lane = 1 and exists (select 1 from deliveries d where d.message_seq = m.seq and d.lane is not null
      and not exists (select 1 from tasks t where t.key = 'lane:' || d.lane))`,
  },
  {
    problem: "its delivery is unfinished and in no lane",
    mend: "replay the message to its channel",
    where: "d.stranded = 1",
  },
  {
    problem: "fate and ledger disagree: delivered without a confirmation",
    mend: compare,
    where: `m.fate = 'delivered' and (${hasNo("d.arrived")} or (${hasLedger} and ${hasNo("l.confirmed")}))`,
  },
  {
    problem: "fate and ledger disagree: accepted by no channel",
    mend: compare,
    where: `m.fate = 'accepted' and ${hasLedger} and ${hasNo("l.accepted")}`,
  },
  {
    problem: "fate and ledger disagree: the channel confirmed it, the fate says otherwise",
    mend: compare,
    where: "m.fate not in ('delivered', 'open') and d.arrived = 1",
  },
  {
    problem: "fate and ledger disagree: notified, but no notice went out",
    mend: "look at the notice in `omb messages show ID`",
    where: `m.fate = 'notified' and not exists (select 1 from notices n where n.seq = m.notice_seq and (n.status in ('accepted', 'delivered')
      or exists (select 1 from notice_sends s where s.notice_seq = n.seq and s.status = 'delivered')))`,
  },
  {
    problem: "failed, and no delivery of it did",
    mend: compare,
    where: "m.fate = 'failed' and d.missed = 0",
  },
  {
    problem: "noted as nothing to deliver, and it has a delivery",
    mend: restore,
    where: "m.fate = 'noted' and d.message_seq is not null",
  },
  {
    problem: "failed without a reason",
    mend: "look at the attempts in `omb messages show ID`",
    where: `(m.fate in ('failed', 'unreachable', 'exhausted', 'suppressed') and m.reason_code is null) or d.unexplained = 1`,
  },
  {
    problem: "the fate is none that exists",
    mend: restore,
    where: `m.fate not in ('open', 'delivered', 'accepted', 'notified', 'failed', 'suppressed', 'unreachable', 'exhausted', 'returned', 'unknown', 'noted')`,
  },
  {
    problem: "no ledger line says that it was stored",
    mend: "the ledger was changed by something else than the bridge: restore it from a backup",
    where: `${hasLedger} and ${hasNo("l.stored")}`,
  },
  {
    problem: "no capture belongs to it",
    mend: restore,
    where: "not exists (select 1 from captures c where c.message_seq = m.seq)",
  },
  {
    problem: "two notices for one message",
    mend: "the customer may have been told twice: compare the timeline with the mail server's log",
    // A notice may go on to its next step; the detail begins with the notice's id.
    where: `l.notices > 1 or exists (select 1 from notice_sends s where s.notice_seq = m.notice_seq
      and s.status in ('accepted', 'delivered') group by s.step having count(*) > 1)`,
  },
  {
    problem: "a customer's message failed, and its adapter is not told",
    mend: "tell the customer by hand, or replay the message",
    where: `m.source is not null and m.fate = 'failed' and ${hasLedger} and ${hasNo("l.failure_told")}
      and not exists (select 1 from tasks t where t.key = 'failure:' || m.id)`,
  },
  {
    problem: "a receipt is owed and not queued",
    mend: "replay the message, or tell Genesys Cloud by hand",
    where: "r.state = 'queued' and not exists (select 1 from tasks t where t.key = 'receipt:' || m.seq)",
  },
  {
    problem: "the clock was turned back: its ledger begins before it was received",
    mend: "keep the machines' clocks in step (NTP); times of this message are off by as much",
    where: "l.first_at < m.received_at - 60000",
  },
  {
    problem: "the clock is off: it was received in the future",
    mend: "keep the machines' clocks in step (NTP)",
    where: "m.received_at > p.now + 600000",
  },
];

/** All checks of messages, with those that the settings promise. */
export function checksOf({ tellsFailures, tellsDeliveries }: Promised): Check[] {
  const of = (names: readonly string[]) =>
    `m.integration in (${names.map((name) => `'${name.replaceAll("'", "''")}'`).join(", ")})`;
  const owed =
    "m.genesys_id is not null and m.recipient_id <> '' and m.direction = 'outbound' and r.message_seq is null";
  const mend =
    "the organisation was added or receipts were switched on later, or the store was changed: tell Genesys Cloud by hand";
  const failures: Check = {
    problem: "a Failed receipt is owed and not queued",
    mend,
    where: `${of(tellsFailures)} and ${owed} and (d.failed_first = 1 or (d.failed = 1 and m.fate not in ('delivered', 'accepted')))`,
  };
  const deliveries: Check = {
    problem: "a Delivered receipt is owed and not queued",
    mend,
    where: `${of(tellsDeliveries)} and ${owed} and m.fate = 'delivered'`,
  };
  return [
    ...checks,
    ...(tellsFailures.length === 0 ? [] : [failures]),
    ...(tellsDeliveries.length === 0 ? [] : [deliveries]),
  ];
}

/** Rows of another table, a slice at a time by `key`, that belong to nothing or contradict themselves. */
export interface RowCheck {
  table: string;
  key: string;
  problem: string;
  mend: string;
  /** SQL over the row `x`. */
  where: string;
}

const noMessage = "not exists (select 1 from messages m where m.seq = x.message_seq)";

export const rowChecks: RowCheck[] = [
  { table: "captures", key: "message_seq", problem: "a capture has no message", mend: restore, where: noMessage },
  { table: "deliveries", key: "seq", problem: "a delivery has no message", mend: restore, where: noMessage },
  { table: "receipts", key: "message_seq", problem: "a receipt has no message", mend: restore, where: noMessage },
  { table: "ledger", key: "seq", problem: "a ledger line has no message", mend: restore, where: noMessage },
  {
    table: "attempts",
    key: "delivery_seq",
    problem: "an attempt has no delivery",
    mend: restore,
    where: "not exists (select 1 from deliveries d where d.seq = x.delivery_seq)",
  },
  {
    table: "attempts",
    key: "delivery_seq",
    problem: "the clock was turned back: an attempt ended before it began",
    mend: "keep the machines' clocks in step (NTP)",
    where: "x.finished_at < x.started_at - 1000",
  },
];

/** What waits, and nothing will ever look at it. */
export const waitingChecks: { problem: string; mend: string; from: string }[] = [
  {
    problem: "a notice waits, with no task that sends it",
    mend: "nobody is missed by it: its messages are decided, or gone",
    from: `notices x where x.status in ('waiting', 'sending') and not exists (select 1 from tasks t where t.key = 'notice:' || x.seq)
      and not exists (select 1 from messages m where m.notice_seq = x.seq and m.fate = 'open')`,
  },
  {
    problem: "a report of an adapter waits, with no task that reads it",
    mend: "ask the adapter to send it again under another webhook-id",
    from: "callbacks x where x.state = 'waiting' and not exists (select 1 from tasks t where t.key = 'callback:' || x.seq)",
  },
  {
    problem: "a replay runs, with no task that works it off",
    mend: "pause it and resume it",
    from: "replays x where x.state = 'running' and not exists (select 1 from tasks t where t.key = 'replay:' || x.seq)",
  },
];
