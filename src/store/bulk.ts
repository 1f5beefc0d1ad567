/** Multi-row statements for the hot path: one text per size, compiled once and used again. */
import { CompiledQuery, type Kysely } from "kysely";
import type { Tables } from "./tables";

/** A database or a transaction on it. */
export type Db = Kysely<Tables>;

/**
 * Runs one statement with `$1…$n` placeholders and returns its rows.
 * Both engines take this text as long as the numbers first appear in ascending order.
 */
export async function run<Row>(db: Db, text: string, params: readonly unknown[] = []): Promise<Row[]> {
  const result = await db.executeQuery<Row>(CompiledQuery.raw(text, params as unknown[]));
  return result.rows;
}

/** Chunks of up to 16 rows have a text each, larger ones are powers of two: a statement has few texts however large the batches are. */
const largestExact = 16;
const largestChunk = 64;

/**
 * A statement over many rows. `{rows}` in `text` becomes a VALUES list made of `row`, a template such as
 * `(?, cast(? as bigint), 'open')`; a literal costs nothing per row, a parameter about a third of a microsecond.
 * PostgreSQL needs the casts where the statement is not an INSERT.
 */
export function bulk<Item, Row = unknown>(text: string, row: string, params: (item: Item) => readonly unknown[]) {
  const [before, after] = text.split("{rows}");
  if (before === undefined || after === undefined) throw new Error(`no {rows} in: ${text}`);
  const perRow = row.split("?").length - 1;
  const texts = new Map<number, string>();

  function textFor(size: number): string {
    let known = texts.get(size);
    if (known === undefined) {
      let n = 0;
      const rows = Array.from({ length: size }, () => row.replace(/\?/g, () => `$${++n}`));
      known = `${before}${rows.join(", ")}${after}`;
      texts.set(size, known);
    }
    return known;
  }

  return async function runBulk(db: Db, items: readonly Item[]): Promise<Row[]> {
    const found: Row[] = [];
    for (let start = 0; start < items.length; ) {
      const left = items.length - start;
      let size = left <= largestExact ? left : largestChunk;
      while (size > left) size >>= 1;
      const values: unknown[] = [];
      for (const item of items.slice(start, start + size)) {
        const own = params(item);
        if (own.length !== perRow) throw new Error(`${own.length} values for ${perRow} places in: ${row}`);
        for (const value of own) values.push(value);
      }
      for (const one of await run<Row>(db, textFor(size), values)) found.push(one);
      start += size;
    }
    return found;
  };
}
