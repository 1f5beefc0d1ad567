/** Multi-row statements for the hot path: one text per size, compiled once and used again. */
import { CompiledQuery, type Kysely } from "kysely";
import type { Tables } from "./tables";

/** A database or a transaction on it. */
export type Db = Kysely<Tables>;

/** Carries out one statement and returns its rows; statements are carried out in the order of the calls. */
export type Issue = (text: string, params: readonly unknown[]) => Promise<unknown[]>;

const issuers = new WeakMap<Db, Issue>();

/** Statements of {@link run} on this connection go to `issue` at once; Kysely would let each wait for the one before. */
export function issueDirectly(db: Db, issue: Issue): Db {
  issuers.set(db, issue);
  return db;
}

/**
 * Runs one statement with `$1…$n` placeholders and returns its rows.
 * Both engines take this text as long as the numbers first appear in ascending order.
 */
export async function run<Row>(db: Db, text: string, params: readonly unknown[] = []): Promise<Row[]> {
  const issue = issuers.get(db);
  if (issue !== undefined) return (await issue(text, params)) as Row[];
  const result = await db.executeQuery<Row>(CompiledQuery.raw(text, params as unknown[]));
  return result.rows;
}

/**
 * Waits for statements that were issued together, in the order of their issue; one that fails is thrown once the last has ended,
 * so that none is carried out after the rollback that follows. On PostgreSQL they share a round trip.
 */
export async function together<Results extends readonly unknown[]>(
  ...statements: { [Key in keyof Results]: Promise<Results[Key]> }
): Promise<Results> {
  const ended = await Promise.allSettled(statements);
  const failed = ended.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return ended.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as Results;
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

  function issue(db: Db, items: readonly Item[]): Promise<Row[]> {
    const values: unknown[] = [];
    for (const item of items) {
      const own = params(item);
      if (own.length !== perRow) throw new Error(`${own.length} values for ${perRow} places in: ${row}`);
      for (const value of own) values.push(value);
    }
    return run<Row>(db, textFor(items.length), values);
  }

  return async function runBulk(db: Db, items: readonly Item[]): Promise<Row[]> {
    if (items.length <= largestExact) return items.length === 0 ? [] : issue(db, items);
    const chunks: Promise<Row[]>[] = [];
    for (let start = 0; start < items.length; ) {
      const left = items.length - start;
      let size = left <= largestExact ? left : largestChunk;
      while (size > left) size >>= 1;
      chunks.push(issue(db, items.slice(start, start + size)));
      start += size;
    }
    return (await together(...chunks)).flat();
  };
}
