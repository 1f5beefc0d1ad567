/** Takes everything personal about one recipient out of the store, and leaves what happened: rows, fates, times, the ledger. */
import { bulk, type Db, run } from "./bulk";
import { blankCaptures } from "./captures";
import { eraseConsents } from "./consent";
import { eraseCustomer } from "./customers";
import type { Database, Tx } from "./database";
import { forUpdate } from "./engine";
import { laneTaskKey } from "./lanes";
import { insertLedger } from "./ledger";
import { lookupKey, whereFound } from "./lookups";
import { failureTaskKey } from "./queues";
import { removeTasks } from "./tasks";

/** What was blanked, row by row of each kind. */
export interface Erased {
  messages: number;
  /** Messages whose fate was open: they are delivered no more. */
  cancelled: number;
  deliveries: number;
  notices: number;
  callbacks: number;
  quarantined: number;
  replays: number;
  /** Proofs of addresses, what was done to contacts, and what Genesys Cloud's triggers said of the recipient's conversations. */
  contacts: number;
  /** What adapters told of the recipient, such as an e-mail address. */
  customers: number;
  /** Addresses in consents; the keys stay, so that whoever opted out is not written to again. */
  consents: number;
}

export interface Erasure {
  /** The recipient's id, exactly as messages name it. */
  recipient: string;
  /** Name or id; absent: every integration. */
  integration?: string | undefined;
}

const atOnce = 200;
const erasedSummary = "[erased]";

/** Runs in many small commits; an interrupted one is simply run again. */
export async function eraseRecipient(database: Database, erasure: Erasure, now: () => number): Promise<Erased> {
  // Freed pages are overwritten, not only let go of.
  if (database.engine === "sqlite") await run(database.db, "pragma secure_delete = on");
  try {
    const erased = {
      messages: 0,
      cancelled: 0,
      deliveries: 0,
      notices: 0,
      callbacks: 0,
      quarantined: 0,
      replays: 0,
      contacts: 0,
      customers: 0,
      consents: 0,
    };
    const providerIds = new Set<string>();
    const conversations = new Set<string>();
    for (;;) {
      const found = await database.transaction((tx) =>
        eraseMessages(tx, erasure, { erased, providerIds, conversations, now: now() }),
      );
      if (found < atOnce) break;
    }
    await database.transaction(async (tx) => {
      if (erasure.integration === undefined) {
        await run(tx.db, "delete from lookups where key = $1", [lookupKey("recipient", erasure.recipient)]);
      }
      erased.quarantined = await eraseQuarantine(tx.db, erasure);
      erased.replays = await eraseReplays(tx.db, erasure);
    });
    await database.transaction(async (tx) => {
      const customers = await readCustomersOf(tx.db, erasure);
      const addresses = new Set([erasure.recipient, ...customers.flatMap(({ email, phone }) => [email, phone])]);
      for (const address of addresses) if (address !== null) erased.consents += await eraseConsents(tx, address);
      for (const { integration, recipient_id } of customers) {
        if (await eraseCustomer(tx, integration, recipient_id)) erased.customers += 1;
      }
    });
    erased.contacts = await database.transaction((tx) => eraseContacts(tx.db, erasure, [...conversations]));
    erased.callbacks = await eraseCallbacks(database, erasure, providerIds);
    return erased;
  } finally {
    if (database.engine === "sqlite") {
      await run(database.db, "pragma secure_delete = off");
      // What was blanked still stands in the log until it is copied back.
      await run(database.db, "pragma wal_checkpoint(truncate)");
    }
  }
}

interface FoundMessage {
  seq: number;
  id: string;
  fate: string;
  source: string | null;
  reason_code: string | null;
  conversation_id: string | null;
  notice_seq: number | null;
}

interface FoundDelivery {
  seq: number;
  message_seq: number;
  lane: string | null;
  status: string;
  provider_message_id: string | null;
}

const selectDeliveries = bulk<number, FoundDelivery>(
  "select seq, message_seq, lane, status, provider_message_id from deliveries where message_seq in (values {rows})",
  "(cast(? as bigint))",
  (seq) => [seq],
);
const blankMessages = bulk<{ seq: number; fate: string; code: string | null }>(
  `update messages set recipient_id = '', recipient_id_type = '', conversation_id = null, summary = '${erasedSummary}', fate = v.column2,
     reason_code = v.column3, reason_message = case when v.column3 is null then null else '' end
   from (values {rows}) as v where messages.seq = v.column1`,
  "(cast(? as bigint), cast(? as text), cast(? as text))",
  (one) => [one.seq, one.fate, one.code],
);
const blankDeliveries = bulk<{ seq: number; status: string }>(
  `update deliveries set status = v.column2, lane = null, provider_message_id = null, meaning = null,
     reason_code = case when v.column2 = 'failed' then coalesce(reason_code, 'GeneralError') else reason_code end,
     reason_message = case when reason_code is null and v.column2 <> 'failed' then null else '' end
   from (values {rows}) as v where deliveries.seq = v.column1`,
  "(cast(? as bigint), cast(? as text))",
  (one) => [one.seq, one.status],
);
const blankAttempts = bulk<number>(
  "update attempts set answer = null where delivery_seq in (values {rows})",
  "(cast(? as bigint))",
  (seq) => [seq],
);
const blankReceipts = bulk<number, { message_seq: number }>(
  `update receipts set reason_message = case when reason_code is null then null else '' end, answer = null,
     state = case when state = 'queued' then 'skipped' else state end
   where message_seq in (values {rows}) returning message_seq`,
  "(cast(? as bigint))",
  (seq) => [seq],
);
const leaveLanes = bulk<{ lane: string; count: number }, { key: string; pending: number }>(
  "update tasks set pending = tasks.pending - v.column2 from (values {rows}) as v where tasks.key = v.column1 returning tasks.key, tasks.pending",
  "(cast(? as text), cast(? as integer))",
  (one) => [laneTaskKey(one.lane), one.count],
);
const forgetLookups = bulk<{ key: string; seq: number }>(
  "delete from lookups where (key, message_seq) in (values {rows})",
  "(cast(? as text), cast(? as bigint))",
  (one) => [one.key, one.seq],
);

interface Account {
  erased: Erased;
  providerIds: Set<string>;
  conversations: Set<string>;
  now: number;
}

/** One batch; returns how many messages it held. */
async function eraseMessages(tx: Tx, { recipient, integration }: Erasure, account: Account): Promise<number> {
  const { erased, now } = account;
  let query = tx.db
    .selectFrom("messages as m")
    .select(["m.seq", "m.id", "m.fate", "m.source", "m.reason_code", "m.conversation_id", "m.notice_seq"])
    .where(whereFound("recipient", recipient))
    .where("m.recipient_id", "=", recipient)
    .orderBy("m.seq")
    .limit(atOnce);
  if (integration !== undefined) {
    query = query.where((eb) =>
      eb.or([eb("m.integration", "=", integration), eb("m.integration_id", "=", integration)]),
    );
  }
  const messages: FoundMessage[] = await (tx.engine === "postgres" ? query.forUpdate() : query).execute();
  if (messages.length === 0) return 0;
  const seqs = messages.map(({ seq }) => seq);
  const deliveries = await selectDeliveries(tx.db, seqs);
  await endDeliveries(tx, deliveries);
  await blankCaptures(tx.db, seqs);
  await blankMessages(
    tx.db,
    messages.map(({ seq, fate, reason_code }) => ({
      seq,
      ...(fate === "open" ? endOpen(deliveries, seq, reason_code) : { fate, code: reason_code }),
    })),
  );
  await blankReceipts(tx.db, seqs);
  await removeTasks(
    tx,
    seqs.map((seq) => `receipt:${seq}`),
  );
  await forgetLookups(
    tx.db,
    messages.flatMap(({ seq, conversation_id: id }) => [
      { key: lookupKey("recipient", recipient), seq },
      ...(id === null ? [] : [{ key: lookupKey("conversation", id), seq }]),
    ]),
  );
  const noticeSeqs = new Set(messages.flatMap(({ notice_seq }) => (notice_seq === null ? [] : [notice_seq])));
  await endNotices(tx, [...noticeSeqs], now);
  // The adapter that brought a message in cannot be told of its failure any more: nobody is named to tell.
  const untold = messages.filter(({ source, fate }) => source !== null && (fate === "open" || fate === "failed"));
  await removeTasks(
    tx,
    untold.map(({ id }) => failureTaskKey(id)),
  );
  await insertLedger(tx.db, [
    ...untold.map(({ seq }) => ({ messageSeq: seq, at: now, event: "failure.untold", detail: { because: "erased" } })),
    ...seqs.map((messageSeq) => ({ messageSeq, at: now, event: "message.erased" })),
  ]);
  for (const { conversation_id: id } of messages) if (id !== null) account.conversations.add(id);
  for (const { provider_message_id: id } of deliveries) if (id !== null) account.providerIds.add(id);
  erased.messages += messages.length;
  erased.cancelled += messages.filter(({ fate }) => fate === "open").length;
  erased.deliveries += deliveries.length;
  erased.notices += noticeSeqs.size;
  return messages.length;
}

/** What can no more be delivered has failed; what a channel has taken, and may have delivered, is not known. */
function endOpen(deliveries: readonly FoundDelivery[], seq: number, code: string | null) {
  const taken = deliveries.some(({ message_seq, status }) => message_seq === seq && isTaken(status));
  return { fate: taken ? "unknown" : "failed", code: code ?? "GeneralError" };
}

function isTaken(status: string): boolean {
  return status === "accepted" || status === "unknown" || status === "unconfirmed";
}

async function endDeliveries(tx: Tx, deliveries: readonly FoundDelivery[]): Promise<void> {
  const lanes = new Map<string, number>();
  for (const { lane } of deliveries) if (lane !== null) lanes.set(lane, (lanes.get(lane) ?? 0) + 1);
  const sorted = [...lanes].map(([lane, count]) => ({ lane, count })).sort((a, b) => (a.lane < b.lane ? -1 : 1));
  const left = await leaveLanes(tx.db, sorted);
  await removeTasks(
    tx,
    left.filter(({ pending }) => pending <= 0).map(({ key }) => key),
  );
  await removeTasks(
    tx,
    deliveries.map(({ seq }) => `confirm:${seq}`),
  );
  await blankDeliveries(
    tx.db,
    deliveries.map(({ seq, status }) => ({
      seq,
      status: status === "pending" || status === "sending" ? "failed" : status,
    })),
  );
  await blankAttempts(
    tx.db,
    deliveries.map(({ seq }) => seq),
  );
}

/** A notice that is being sent in this moment is left to end by itself. */
async function endNotices(tx: Tx, seqs: readonly number[], now: number): Promise<void> {
  for (const seq of seqs) {
    const [notice] = await run<{ status: string; in_flight: number }>(
      tx.db,
      `select status, in_flight from notices where seq = $1${forUpdate(tx.engine)}`,
      [seq],
    );
    const isWaiting = notice?.in_flight === 0 && (notice.status === "waiting" || notice.status === "sending");
    await run(
      tx.db,
      `update notices set recipient_key = 'erased:' || cast(seq as text), customer_key = null, provider_message_id = null, answer = null,
         status = $1, changed_at = $2
       where seq = $3`,
      [isWaiting ? "cancelled" : notice?.status, now, seq],
    );
    await run(
      tx.db,
      "update notice_sends set recipient_key = 'erased', provider_message_id = null, text_hash = '' where notice_seq = $1",
      [seq],
    );
    if (isWaiting) await removeTasks(tx, [`notice:${seq}`]);
  }
}

/** Refused webhooks that name the recipient; their number stays. */
async function eraseQuarantine(db: Db, { recipient }: Erasure): Promise<number> {
  const rows = await run<{ seq: number; body: Uint8Array | ArrayBuffer }>(db, "select seq, body from quarantine");
  const forms = [recipient, JSON.stringify(recipient).slice(1, -1)].map((text) => Buffer.from(text));
  let count = 0;
  for (const { seq, body } of rows) {
    const content = Buffer.from(body as Uint8Array);
    if (!forms.some((form) => content.includes(form))) continue;
    await db
      .updateTable("quarantine")
      .set({ headers: "{}", body: Buffer.alloc(0), size: 0 })
      .where("seq", "=", seq)
      .execute();
    count += 1;
  }
  return count;
}

/** Replays that were chosen by the recipient, and what dry runs showed of anybody. */
async function eraseReplays(db: Db, { recipient }: Erasure): Promise<number> {
  const rows = await run<{ seq: number; plan: string; progress: string }>(
    db,
    "select seq, plan, progress from replays",
  );
  let count = 0;
  for (const { seq, plan, progress } of rows) {
    const { filter, ...chosen } = JSON.parse(plan) as { filter?: Record<string, unknown> };
    const { examples = [], ...counted } = JSON.parse(progress) as { examples?: unknown[] };
    const isNamed = filter !== undefined && Object.values(filter).includes(recipient);
    if (!isNamed && examples.length === 0) continue;
    const kept = Object.entries(filter ?? {}).map(([name, value]) => [
      name,
      value === recipient ? erasedSummary : value,
    ]);
    const next = filter === undefined ? chosen : { ...chosen, filter: Object.fromEntries(kept) };
    await run(db, "update replays set plan = $1, progress = $2 where seq = $3", [
      JSON.stringify(next),
      JSON.stringify(counted),
      seq,
    ]);
    count += 1;
  }
  return count;
}

const blankEvents = bulk<string, { seq: number }>(
  "update genesys_events set body = '{}', conversation_id = null, answer = null where state <> 'waiting' and conversation_id in (values {rows}) returning seq",
  "(cast(? as text))",
  (id) => [id],
);
const blankProofs = bulk<string, { seq: number }>(
  "update contact_proofs set conversation_id = '', address = null, address_key = '', answer = null where conversation_id in (values {rows}) returning seq",
  "(cast(? as text))",
  (id) => [id],
);
const blankJournal = bulk<string, { seq: number }>(
  `update contact_journal set conversation_id = null, contact_id = null, before = '{}', after = null, answer = null
   where conversation_id in (values {rows}) returning seq`,
  "(cast(? as text))",
  (id) => [id],
);

function readCustomersOf(db: Db, { recipient, integration }: Erasure) {
  const known = db.selectFrom("customers").selectAll().where("recipient_id", "=", recipient);
  return (integration === undefined ? known : known.where("integration", "=", integration)).execute();
}

async function eraseContacts(db: Db, { recipient }: Erasure, conversations: readonly string[]): Promise<number> {
  let count = 0;
  for (const blank of [blankEvents, blankProofs, blankJournal]) count += (await blank(db, conversations)).length;
  const proofs = await run(
    db,
    "update contact_proofs set conversation_id = '', address = null, address_key = '', answer = null where address = $1 returning seq",
    [recipient],
  );
  return count + proofs.length;
}

/** Reports of adapters that name the recipient, or one of the deliveries. */
async function eraseCallbacks(
  database: Database,
  { recipient }: Erasure,
  providerIds: ReadonlySet<string>,
): Promise<number> {
  let count = 0;
  for (let after = 0; ; ) {
    const rows = await database.read((db) =>
      run<{ seq: number; body: string }>(db, "select seq, body from callbacks where seq > $1 order by seq limit $2", [
        after,
        atOnce,
      ]),
    );
    const last = rows.at(-1);
    if (last === undefined) return count;
    after = last.seq;
    const named = rows.filter(({ body }) => mentions(JSON.parse(body), recipient, providerIds));
    const ofErased = await findErased(database, rows);
    const seqs = [...new Set([...named, ...ofErased].map(({ seq }) => seq))];
    if (seqs.length === 0) continue;
    await database.transaction(async (tx) => {
      await tx.db.updateTable("callbacks").set({ body: "{}", state: "erased" }).where("seq", "in", seqs).execute();
      await removeTasks(
        tx,
        seqs.map((seq) => `callback:${seq}`),
      );
    });
    count += seqs.length;
  }
}

/** Those that speak of a delivery whose message has been erased. */
async function findErased<Row extends { body: string }>(database: Database, rows: readonly Row[]): Promise<Row[]> {
  const byId = new Map<string, Row[]>();
  for (const row of rows) {
    const { deliveryId } = JSON.parse(row.body) as { deliveryId?: unknown };
    if (typeof deliveryId === "string") byId.set(deliveryId, [...(byId.get(deliveryId) ?? []), row]);
  }
  if (byId.size === 0) return [];
  const erased = await database.read((db) =>
    db
      .selectFrom("deliveries as d")
      .innerJoin("messages as m", "m.seq", "d.message_seq")
      .select("d.id")
      .where("d.id", "in", [...byId.keys()])
      .where("m.recipient_id", "=", "")
      .where("m.summary", "=", erasedSummary)
      .execute(),
  );
  return erased.flatMap(({ id }) => byId.get(id) ?? []);
}

/** Whether any text in it is the recipient, or the provider's id of one of the deliveries. */
function mentions(value: unknown, recipient: string, providerIds: ReadonlySet<string>): boolean {
  if (typeof value === "string") return value === recipient || providerIds.has(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((inner) => mentions(inner, recipient, providerIds));
}
