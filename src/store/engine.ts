/** The two databases the store runs on. What differs between them is in this file, sqlite.ts, postgres.ts and the column types of migrations. */
export type Engine = "sqlite" | "postgres";

/** Appended to a SELECT whose rows are about to be changed. SQLite has one writer and needs no row locks. */
export function forUpdate(engine: Engine, of?: string): string {
  if (engine === "sqlite") return "";
  return of ? ` for update of ${of}` : " for update";
}

/** Appended to the SELECT that claims tasks, so that several workers never wait for each other. */
export function skipLocked(engine: Engine): string {
  return engine === "sqlite" ? "" : " for update skip locked";
}

/** A byte column as read by either driver. */
export function bytes(value: Uint8Array | ArrayBuffer): Buffer {
  return value instanceof ArrayBuffer
    ? Buffer.from(value)
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
