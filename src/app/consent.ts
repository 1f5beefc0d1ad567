/** Consent at work: what operators, customers and providers say, kept in the store. */
import type { Config } from "../config";
import { StoreHeld } from "../errors";
import { classifyAddress } from "../message/address";
import { type ConsentRequest, consentRequest, type ConsentSource, type ConsentWithdrawal } from "../message/consent";
import { readCsv, writeCsv } from "../message/csv";
import {
  type ConsentFilter,
  type ConsentItem,
  listConsents,
  readConsentHistory,
  removeConsent,
  saveConsent,
} from "../store/consent";
import { type Database, openDatabase, type Tx } from "../store/database";
import { migrate } from "../store/migrate";
import { loadSecret } from "../store/secrets";
import { openUnsubscribe, type Unsubscribe } from "../store/unsubscribe";

export interface ImportResult {
  added: number;
  /** Rows that said what was known already. */
  unchanged: number;
  errors: { line: number; message: string }[];
}

/** What can be done with the list of who does not want to be written to. */
export interface ConsentDesk {
  list(
    filter: ConsentFilter,
    page: { limit: number; cursor?: number | undefined },
  ): Promise<{ items: ConsentItem[]; nextCursor: number | null }>;
  history(address: string): ReturnType<typeof readConsentHistory>;
  add(request: ConsentRequest): Promise<{ changed: boolean; item: ConsentItem }>;
  /** How many lines were taken back. */
  remove(withdrawal: ConsentWithdrawal): Promise<number>;
  importCsv(text: string): Promise<ImportResult>;
}

const columns = ["address", "channel", "purpose", "state", "reason"] as const;
/** Rows in one commit. */
const atOnce = 500;

export function createConsentDesk(database: Database, now: () => number): ConsentDesk {
  const save = (tx: Tx, request: ConsentRequest, source: ConsentSource) =>
    saveConsent(tx, { ...request, source, evidence: { by: source }, at: now() });

  return {
    list: (filter, page) => database.read((db) => listConsents(db, filter, page)),
    history: (address) => database.read((db) => readConsentHistory(db, address)),
    async add(request) {
      const changed = await database.transaction((tx) => save(tx, request, "operator"));
      const { address, channel, purpose, state } = request;
      const found = await database.read((db) => listConsents(db, { address, channel, purpose, state }, { limit: 1 }));
      const [item] = found.items;
      if (item === undefined) throw new Error("what was just written is not there");
      return { changed, item };
    },
    remove: (withdrawal) =>
      database.transaction((tx) => removeConsent(tx, { ...withdrawal, source: "operator", at: now() })),
    async importCsv(text) {
      const { requests, errors } = readRequests(text);
      let added = 0;
      for (let from = 0; from < requests.length; from += atOnce) {
        added += await database.transaction(async (tx) => {
          let changed = 0;
          for (const one of requests.slice(from, from + atOnce)) if (await save(tx, one, "import")) changed += 1;
          return changed;
        });
      }
      return { added, unchanged: requests.length - added, errors };
    },
  };
}

/** Everything as CSV, piece by piece; who cannot be named, being erased or known by key alone, is left out. */
export async function* writeConsents(list: ConsentDesk["list"]): AsyncGenerator<string> {
  yield writeCsv(columns);
  let cursor: number | undefined;
  do {
    const page = await list({}, { limit: 1000, cursor });
    const known = page.items.filter((item) => item.address !== null);
    yield known.map((item) => writeCsv(columns.map((column) => item[column] ?? ""))).join("");
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** The rows that are right, and what is wrong with the others. The first line may name the columns; else it is one address a line. */
function readRequests(text: string): { requests: ConsentRequest[]; errors: ImportResult["errors"] } {
  const rows = readCsv(text);
  const named = rows[0]?.fields.map((name) => name.trim().toLowerCase()) ?? [];
  const hasNames = named.includes("address");
  const names: readonly string[] = hasNames ? named : columns;
  const errors: ImportResult["errors"] = [];
  const stranger = names.find((name) => !(columns as readonly string[]).includes(name));
  if (stranger !== undefined) {
    const message = `the column ${JSON.stringify(stranger)} is none of ${columns.join(", ")}`;
    return { requests: [], errors: [{ line: rows[0]?.line ?? 1, message }] };
  }
  const requests = rows.slice(hasNames ? 1 : 0).flatMap(({ line, fields }) => {
    if (fields.length > names.length) {
      errors.push({ line, message: `${fields.length} fields, for ${names.length} columns` });
      return [];
    }
    const given = fields.map((field, n) => [names[n] ?? "", field.trim()] as const).filter(([, value]) => value !== "");
    const parsed = consentRequest.safeParse(Object.fromEntries(given));
    if (parsed.success) return [parsed.data];
    const [issue] = parsed.error.issues;
    const field = issue?.path.map(String).join(".") ?? "";
    errors.push({ line, message: `${field === "" ? "" : `${field}: `}${issue?.message ?? "not right"}` });
    return [];
  });
  return { requests, errors };
}

/** What the unsubscribe page needs. The secret is read once. */
export function createUnsubscribeDeps(database: Database, now: () => number) {
  let secret: Promise<Buffer> | undefined;
  const readSecret = () => {
    secret ??= database.transaction(loadSecret).catch((error: unknown) => {
      secret = undefined;
      throw error;
    });
    return secret;
  };
  return {
    async open(token: string) {
      return openUnsubscribe(await readSecret(), token);
    },
    async save({ address, purpose }: Unsubscribe, evidence: Record<string, unknown>) {
      const channel = classifyAddress(address) ?? "*";
      const change = { address, channel, purpose, state: "optedOut", source: "oneClick" } as const;
      await database.transaction((tx) => saveConsent(tx, { ...change, reason: "unsubscribed", evidence, at: now() }));
    },
  };
}

/** Opens the store for a command; undefined when another process holds it (SQLite): then that one is asked. */
export async function openConsentDesk(config: Config): Promise<(ConsentDesk & { close(): Promise<void> }) | undefined> {
  let database: Database;
  try {
    database = openDatabase(config.database);
  } catch (error) {
    if (error instanceof StoreHeld) return undefined;
    throw error;
  }
  await migrate(database);
  return { ...createConsentDesk(database, Date.now), close: () => database.close() };
}
