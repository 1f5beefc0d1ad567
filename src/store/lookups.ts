/**
 * Finding messages by what comes from outside: Genesys Cloud's id, the conversation, the recipient. Such ids are random, and an
 * index entry for each at arrival would write a page of its own before the answer. So the index follows behind, many sorted
 * entries at a time, and whoever looks something up also reads the few messages that are not indexed yet.
 */
import { sql } from "kysely";
import { bulk, type Db, run } from "./bulk";
import type { Database } from "./database";
import { keyOf } from "./keys";

const columns = { genesys: "genesys_id", conversation: "conversation_id", recipient: "recipient_id" } as const;
export type LookupKind = keyof typeof columns;

const position = "lookups.upto";
/** Messages indexed in one commit. */
export const indexedAtOnce = 1000;
/** On PostgreSQL a row may become visible after rows with higher numbers; no statement of ours runs longer than this. */
const settledAfterMs = 45_000;
const marksApartMs = 1000;

export function lookupKey(kind: LookupKind, value: string): string {
  return keyOf(kind, value);
}

/** A condition on `m`, a message: that it has this id, conversation or recipient. */
export function whereFound(kind: LookupKind, value: string) {
  const column = sql.ref(columns[kind]);
  return sql<boolean>`m.seq in (
    select message_seq from lookups where key = ${lookupKey(kind, value)}
    union all select seq from messages where ${column} = ${value}
      and seq > (select coalesce(max(cast(value as bigint)), 0) from meta where key = ${position}))`;
}

interface Unindexed {
  seq: number;
  genesys_id: string | null;
  conversation_id: string | null;
  recipient_id: string;
}

const insertLookups = bulk<{ key: string; seq: number }>(
  "insert into lookups (key, message_seq) values {rows} on conflict do nothing",
  "(?, ?)",
  ({ key, seq }) => [key, seq],
);

/** A number up to which messages were there at a time, in milliseconds UTC. */
interface Mark {
  at: number;
  seq: number;
}

/**
 * Returns `index()`, which indexes the oldest messages that are not indexed yet, and returns how many those were.
 *
 * Numbers are given in their order: when one is seen, all that are lower have been given, and some time later those that are ever to be
 * seen are there. So what was seen that long ago is indexed; on SQLite everything is, because there is one writer.
 */
export function createLookupIndex(database: Database, now: () => number): () => Promise<number> {
  let marks: Mark[] = [];

  async function readSettled(): Promise<number> {
    const at = now();
    if (marks.every((mark) => at - mark.at >= marksApartMs)) {
      const [row] = await database.read((db) =>
        run<{ seq: number | null }>(db, "select max(seq) as seq from messages"),
      );
      marks.push({ at, seq: row?.seq ?? 0 });
    }
    const settled = marks.findLast((mark) => at - mark.at >= settledAfterMs);
    if (settled !== undefined) marks = marks.filter((mark) => mark.at >= settled.at);
    return settled?.seq ?? 0;
  }

  return async () => indexUpTo(database, database.engine === "sqlite" ? Number.MAX_SAFE_INTEGER : await readSettled());
}

async function indexUpTo(database: Database, settled: number): Promise<number> {
  return database.transaction(async (tx) => {
    const after = await readPosition(tx.db);
    const rows = await run<Unindexed>(
      tx.db,
      "select seq, genesys_id, conversation_id, recipient_id from messages where seq > $1 and seq <= $2 order by seq limit $3",
      [after, settled, indexedAtOnce],
    );
    const last = rows.at(-1);
    if (last === undefined) return 0;
    const entries = rows.flatMap((row) =>
      (Object.entries(columns) as [LookupKind, (typeof columns)[LookupKind]][]).flatMap(([kind, column]) => {
        const value = row[column];
        return value === null || value === "" ? [] : [{ key: lookupKey(kind, value), seq: row.seq }];
      }),
    );
    await insertLookups(
      tx.db,
      entries.sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
    await run(
      tx.db,
      `insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value
       where cast(excluded.value as bigint) > cast(meta.value as bigint)`,
      [position, String(last.seq)],
    );
    return rows.length;
  });
}

/** Indexes ids that messages have been given since they were stored: the index may have passed them already. */
export async function indexLearned(
  db: Db,
  learned: readonly { kind: LookupKind; value: string; messageSeq: number }[],
): Promise<void> {
  if (learned.length === 0) return;
  await insertLookups(
    db,
    learned.map(({ kind, value, messageSeq }) => ({ key: lookupKey(kind, value), seq: messageSeq })),
  );
}

async function readPosition(db: Db): Promise<number> {
  const [row] = await run<{ value: string }>(db, "select value from meta where key = $1", [position]);
  return Number(row?.value ?? 0);
}
