/** Tells a store that cannot be reached or written from a statement that is at fault. */
import { StoreUnavailable } from "../errors";

const sqliteFaults: Record<string, string> = {
  SQLITE_FULL: "the disk is full",
  SQLITE_READONLY: "the database file or its folder is read-only",
  SQLITE_IOERR: "the disk reported an error",
  SQLITE_CANTOPEN: "the database file cannot be opened",
  SQLITE_CORRUPT: "the database file is damaged",
  SQLITE_NOTADB: "the file is not a database",
  SQLITE_BUSY: "the database file is locked by another process",
  SQLITE_LOCKED: "the database file is locked",
};

/** SQLSTATE classes and codes that speak of the server, not of the statement (PostgreSQL, Appendix A). */
const postgresFaults = [/^08/, /^53/, /^57/, /^58/, /^25006$/, /^25P0[34]$/, /^28/, /^3D/, /^40/, /^55P03$/, /^XX/];

const networkFaults = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "ETIMEDOUT",
  "EPIPE",
  "EHOSTUNREACH",
  "EAI_AGAIN",
  "ENOENT",
]);

/** What pg and its pool raise without a code. */
const saidByPg =
  /timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error|not queryable/i;

/** The same error as StoreUnavailable when the store itself is the trouble, else as it came. */
export function classifyFault(error: unknown): unknown {
  if (error instanceof StoreUnavailable) return error;
  const why = whyUnavailable(error);
  return why === undefined ? error : new StoreUnavailable(`the store cannot be used: ${why}`, { cause: error });
}

/** By shape: drivers and Node raise errors of many classes. */
function whyUnavailable(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, message, errors } = error as { code?: unknown; message?: unknown; errors?: unknown };
  if (typeof code === "string") {
    const sqlite = Object.keys(sqliteFaults).find((prefix) => code === prefix || code.startsWith(`${prefix}_`));
    if (sqlite !== undefined) return sqliteFaults[sqlite];
    if (networkFaults.has(code)) return "PostgreSQL cannot be reached";
    if (code === "42P01") return "it is not migrated, run `omb migrate`";
    if (/^[0-9A-Z]{5}$/.test(code)) {
      return postgresFaults.some((one) => one.test(code)) ? `PostgreSQL says ${code}` : undefined;
    }
  }
  if (typeof message === "string" && saidByPg.test(message)) return "PostgreSQL cannot be reached";
  return Array.isArray(errors) ? whyUnavailable(errors[0]) : undefined;
}

/** A deadlock or serialization failure: the same transaction may simply be run again. */
export function isTransient(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "40P01" || code === "40001";
}
