/** Who does not want to be written to, and who has agreed: the state by address, channel and purpose, and how it came about. */
import { normalizeAddress } from "../message/address";
import type { Consent, ConsentChannel, ConsentPurpose, ConsentSource, ConsentState } from "../message/consent";
import { type Db, run } from "./bulk";
import type { Tx } from "./database";
import { digest, loadSecret, readSecret } from "./secrets";

export type ConsentChange = { at: number } & ConsentFacts &
  (
    | { address: string }
    /** For an address that is not at hand. */
    | { addressKey: string }
  );

interface ConsentFacts {
  channel: ConsentChannel;
  purpose: ConsentPurpose;
  state: ConsentState;
  source: ConsentSource;
  /** In people's words. */
  reason?: string | undefined;
  /** What was received: ids and words of ours, never the address. */
  evidence?: Record<string, unknown> | undefined;
}

/** One state as operators see it. Times are ISO 8601. `address` is null where it was erased, or never at hand. */
export interface ConsentItem {
  address: string | null;
  channel: ConsentChannel;
  purpose: ConsentPurpose;
  state: ConsentState;
  source: ConsentSource;
  reason: string | null;
  at: string;
}

/** What customers can lift again by SMS; whatever else says so is stronger and takes its place. */
const liftedByStart: readonly ConsentSource[] = ["stopWord", "twilio"];

/** The key that stands for an address wherever it must not be kept: it goes on holding after an erasure. */
export function addressKeyOf(secret: Buffer, address: string): string {
  return digest(secret, "address", normalizeAddress(address));
}

/** Sets a state, and returns whether anything is different now; the history gets a line either way. */
export async function saveConsent(tx: Tx, change: ConsentChange): Promise<boolean> {
  const address = "address" in change ? normalizeAddress(change.address) : null;
  const addressKey = "addressKey" in change ? change.addressKey : addressKeyOf(await loadSecret(tx), change.address);
  const { channel, purpose, state, source, reason = null, at } = change;
  const changed = await run(
    tx.db,
    `insert into consents (address_key, channel, purpose, state, address, source, reason, at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (address_key, channel, purpose) do update
     set state = excluded.state, address = coalesce(excluded.address, consents.address), source = excluded.source, reason = excluded.reason, at = excluded.at
     where consents.state <> excluded.state or consents.source in ('stopWord', 'twilio') and excluded.source not in ('stopWord', 'twilio')
     returning seq`,
    [addressKey, channel, purpose, state, address, source, reason, at],
  );
  await addHistory(tx, addressKey, change, state);
  return changed.length > 0;
}

export interface ConsentRemoval {
  address: string;
  /** Absent: whatever the channel. */
  channel?: ConsentChannel | undefined;
  /** Absent: whatever the purpose. */
  purpose?: ConsentPurpose | undefined;
  state: ConsentState;
  source: ConsentSource;
  reason?: string | undefined;
  evidence?: Record<string, unknown> | undefined;
  at: number;
}

/** Takes a state back, and returns how many rows that were. A START takes back what a STOP did, and nothing else. */
export async function removeConsent(tx: Tx, removal: ConsentRemoval): Promise<number> {
  const { channel, purpose, state, source } = removal;
  const addressKey = addressKeyOf(await loadSecret(tx), removal.address);
  let query = tx.db.deleteFrom("consents").where("address_key", "=", addressKey).where("state", "=", state);
  if (channel !== undefined) query = query.where("channel", "=", channel);
  if (purpose !== undefined) query = query.where("purpose", "=", purpose);
  if (source === "stopWord") query = query.where("source", "in", liftedByStart);
  const removed = await query.returning(["channel", "purpose"]).execute();
  for (const row of removed) {
    const line = { ...removal, channel: row.channel as ConsentChannel, purpose: row.purpose as ConsentPurpose };
    await addHistory(tx, addressKey, line, "removed");
  }
  return removed.length;
}

async function addHistory(
  tx: Tx,
  addressKey: string,
  line: Pick<ConsentFacts, "channel" | "purpose" | "source" | "reason" | "evidence"> & { at: number },
  change: ConsentState | "removed",
): Promise<void> {
  const { channel, purpose, source, reason, evidence, at } = line;
  await tx.db
    .insertInto("consent_history")
    .values({
      address_key: addressKey,
      channel,
      purpose,
      change,
      source,
      reason: reason ?? null,
      evidence: evidence === undefined ? null : JSON.stringify(evidence),
      at,
    })
    .execute();
}

/** What is known of these addresses, by key; for a decision, read it in the transaction that acts on it. */
export async function readConsents(db: Db, addressKeys: readonly string[]): Promise<Map<string, Consent[]>> {
  const known = new Map<string, Consent[]>();
  if (addressKeys.length === 0) return known;
  const rows = await db
    .selectFrom("consents")
    .select(["address_key", "channel", "purpose", "state"])
    .where("address_key", "in", addressKeys)
    .execute();
  for (const { address_key, ...row } of rows)
    known.set(address_key, [...(known.get(address_key) ?? []), row as Consent]);
  return known;
}

export interface ConsentFilter {
  address?: string | undefined;
  channel?: ConsentChannel | undefined;
  purpose?: ConsentPurpose | undefined;
  state?: ConsentState | undefined;
}

/** The newest first, at most `limit`, older than the row `cursor` names. */
export async function listConsents(
  db: Db,
  filter: ConsentFilter,
  page: { limit: number; cursor?: number | undefined },
): Promise<{ items: ConsentItem[]; nextCursor: number | null }> {
  let query = db
    .selectFrom("consents")
    .selectAll()
    .orderBy("seq", "desc")
    .limit(page.limit + 1);
  if (page.cursor !== undefined) query = query.where("seq", "<", page.cursor);
  if (filter.address !== undefined) {
    const secret = await readSecret(db);
    query = query.where("address_key", "=", secret === undefined ? "" : addressKeyOf(secret, filter.address));
  }
  for (const name of ["channel", "purpose", "state"] as const) {
    const value = filter[name];
    if (value !== undefined) query = query.where(name, "=", value);
  }
  const rows = await query.execute();
  const shown = rows.slice(0, page.limit);
  return {
    items: shown.map(({ address, channel, purpose, state, source, reason, at }) => ({
      address,
      channel: channel as ConsentChannel,
      purpose: purpose as ConsentPurpose,
      state: state as ConsentState,
      source: source as ConsentSource,
      reason,
      at: new Date(at).toISOString(),
    })),
    nextCursor: rows.length > page.limit ? (shown.at(-1)?.seq ?? null) : null,
  };
}

/** How an address came to its state, oldest first. */
export async function readConsentHistory(db: Db, address: string) {
  const secret = await readSecret(db);
  if (secret === undefined) return [];
  const rows = await db
    .selectFrom("consent_history")
    .selectAll()
    .where("address_key", "=", addressKeyOf(secret, address))
    .orderBy("seq")
    .execute();
  return rows.map(({ channel, purpose, change, source, reason, evidence, at }) => ({
    at: new Date(at).toISOString(),
    channel,
    purpose,
    change,
    source,
    reason,
    evidence: evidence === null ? null : (JSON.parse(evidence) as Record<string, unknown>),
  }));
}

/** Forgets the address and what people wrote beside it. The keys stay, so that whoever opted out is not written to again. */
export async function eraseConsents(tx: Tx, address: string): Promise<number> {
  const addressKey = addressKeyOf(await loadSecret(tx), address);
  await tx.db
    .updateTable("consent_history")
    .set({ reason: null, evidence: null })
    .where("address_key", "=", addressKey)
    .execute();
  const rows = await tx.db
    .updateTable("consents")
    .set({ address: null, reason: null })
    .where("address_key", "=", addressKey)
    .returning("seq")
    .execute();
  return rows.length;
}
