/** Takes everything personal about one recipient out of the store, and leaves what happened: rows, fates, times, the ledger. */
import { bulk, type Db, run } from "./bulk";
import { eraseConsents } from "./consent";
import { eraseCustomer } from "./customers";
import type { Database, Tx } from "./database";
import { bytes } from "./engine";
import { atOnce, type EraseDeps, type Erasure, erasedSummary, eraseMessages, findMessages } from "./erase-messages";
import { lookupKey } from "./lookups";
import { removeTasks } from "./tasks";

interface ErasedMessages {
  messages: number;
  /** Messages whose fate was open: they are delivered no more. */
  cancelled: number;
  deliveries: number;
  notices: number;
  /** Copies of attachments. */
  files: number;
}

/** What was blanked, row by row of each kind. */
export interface Erased extends ErasedMessages {
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

/** Runs in many small commits; an interrupted one is simply run again. */
export async function eraseRecipient(database: Database, erasure: Erasure, deps: EraseDeps): Promise<Erased> {
  // Freed pages are overwritten, not only let go of.
  if (database.engine === "sqlite") await run(database.db, "pragma secure_delete = on");
  try {
    const { providerIds, conversations, ...messages } = await eraseAllMessages(database, erasure, deps);
    const reports = await database.transaction(async ({ db }) => {
      if (erasure.integrations === undefined) {
        await run(db, "delete from lookups where key = $1", [lookupKey("recipient", erasure.recipient)]);
      }
      return { quarantined: await eraseQuarantine(db, erasure), replays: await eraseReplays(db, erasure) };
    });
    const addresses = await database.transaction((tx) => eraseAddresses(tx, erasure));
    const contacts = await database.transaction((tx) => eraseContacts(tx.db, erasure, [...conversations]));
    const callbacks = await eraseCallbacks(database, erasure, providerIds);
    return { ...messages, ...reports, ...addresses, contacts, callbacks };
  } finally {
    if (database.engine === "sqlite") {
      await run(database.db, "pragma secure_delete = off");
      // What was blanked still stands in the log until it is copied back.
      await run(database.db, "pragma wal_checkpoint(truncate)");
    }
  }
}

async function eraseAllMessages(database: Database, erasure: Erasure, { now, removeFiles }: EraseDeps) {
  const erased: ErasedMessages = { messages: 0, cancelled: 0, deliveries: 0, notices: 0, files: 0 };
  const providerIds = new Set<string>();
  const conversations = new Set<string>();
  for (let found = atOnce; found === atOnce; ) {
    // Once the messages are blanked, and this process has ended, nobody knows any more whose files these are.
    erased.files += await removeFiles(await database.read((db) => findMessages(db, erasure)));
    const batch = await database.transaction((tx) => eraseMessages(tx, erasure, now()));
    // What was being fetched has come meanwhile.
    erased.files += await removeFiles(batch.ids);
    found = batch.ids.length;
    erased.messages += found;
    erased.cancelled += batch.cancelled;
    erased.deliveries += batch.deliveries;
    erased.notices += batch.notices;
    for (const id of batch.providerIds) providerIds.add(id);
    for (const id of batch.conversations) conversations.add(id);
  }
  return { ...erased, providerIds, conversations };
}

async function eraseAddresses(tx: Tx, erasure: Erasure): Promise<{ customers: number; consents: number }> {
  const erased = { customers: 0, consents: 0 };
  const known = await readCustomersOf(tx.db, erasure);
  const addresses = new Set([erasure.recipient, ...known.flatMap(({ email, phone }) => [email, phone])]);
  for (const address of addresses) if (address !== null) erased.consents += await eraseConsents(tx, address);
  for (const { integration, recipient_id } of known) {
    if (await eraseCustomer(tx, integration, recipient_id)) erased.customers += 1;
  }
  return erased;
}

/** Refused webhooks to or from the recipient; their number stays. */
async function eraseQuarantine(db: Db, { recipient, integrations }: Erasure): Promise<number> {
  const all = db.selectFrom("quarantine").select(["seq", "body"]);
  const rows = await (integrations === undefined ? all : all.where("integration", "in", integrations)).execute();
  let count = 0;
  for (const { seq, body } of rows) {
    if (!isWith(bytes(body), recipient)) continue;
    await db
      .updateTable("quarantine")
      .set({ headers: "{}", body: Buffer.alloc(0), size: 0 })
      .where("seq", "=", seq)
      .execute();
    count += 1;
  }
  return count;
}

/** What is no JSON is searched for the recipient's id as JSON would write it. */
function isWith(body: Buffer, recipient: string): boolean {
  try {
    const webhook = JSON.parse(body.toString()) as {
      channel?: { to?: { id?: unknown }; from?: { id?: unknown } };
    } | null;
    const ids = [webhook?.channel?.to?.id, webhook?.channel?.from?.id];
    return ids.some((id) => (typeof id === "string" || typeof id === "number") && String(id) === recipient);
  } catch {
    return body.includes(JSON.stringify(recipient));
  }
}

/** Replays that were chosen by the recipient, and what dry runs showed of anybody. */
async function eraseReplays(db: Db, { recipient, integrations }: Erasure): Promise<number> {
  const rows = await run<{ seq: number; plan: string; progress: string }>(
    db,
    "select seq, plan, progress from replays",
  );
  let count = 0;
  for (const { seq, plan, progress } of rows) {
    const { filter, ...chosen } = JSON.parse(plan) as { filter?: Record<string, unknown> };
    const { examples = [], ...counted } = JSON.parse(progress) as { examples?: unknown[] };
    const isElsewhere =
      filter?.integration !== undefined && integrations?.includes(String(filter.integration)) === false;
    const isNamed = filter?.recipient === recipient && !isElsewhere;
    if (!isNamed && examples.length === 0) continue;
    const kept = isNamed ? { ...filter, recipient: erasedSummary } : filter;
    const next = filter === undefined ? chosen : { ...chosen, filter: kept };
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

function readCustomersOf(db: Db, { recipient, integrations }: Erasure) {
  const known = db.selectFrom("customers").selectAll().where("recipient_id", "=", recipient);
  return (integrations === undefined ? known : known.where("integration", "in", integrations)).execute();
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

/** Reports of adapters on one of the deliveries, or from the recipient. */
async function eraseCallbacks(database: Database, erasure: Erasure, providerIds: ReadonlySet<string>): Promise<number> {
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
    const named = rows.filter(({ body }) => isAbout(JSON.parse(body) as Report, erasure, providerIds));
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

interface Report {
  providerMessageId?: unknown;
  integration?: unknown;
  from?: { id?: unknown };
}

function isAbout(report: Report, { recipient, integrations }: Erasure, providerIds: ReadonlySet<string>): boolean {
  if (typeof report.providerMessageId === "string" && providerIds.has(report.providerMessageId)) return true;
  const isIncluded = integrations === undefined || integrations.includes(String(report.integration));
  return report.from?.id === recipient && isIncluded;
}
