/** The ledger as it grows, for those who watch. */
import { type Db, run } from "./bulk";

export interface StreamedLine {
  seq: number;
  messageSeq: number;
  messageId: string | null;
  at: number;
  event: string;
  detail: Record<string, unknown> | null;
}

/** The newest line's number; 0 while there is none. */
export async function newestLine(db: Db): Promise<number> {
  const [row] = await run<{ seq: number | null }>(db, "select max(seq) as seq from ledger");
  return row?.seq ?? 0;
}

/** Lines after `after`, in their order, at most `limit`. */
export async function readLinesAfter(db: Db, after: number, limit: number): Promise<StreamedLine[]> {
  const rows = await run<Omit<StreamedLine, "detail"> & { detail: string | null }>(
    db,
    `select l.seq, l.message_seq as "messageSeq", m.id as "messageId", l.at, l.event, l.detail
     from ledger l left join messages m on m.seq = l.message_seq where l.seq > $1 order by l.seq limit $2`,
    [after, limit],
  );
  return rows.map((row) => ({
    ...row,
    detail: row.detail === null ? null : (JSON.parse(row.detail) as Record<string, unknown>),
  }));
}

/**
 * Follows a sequence of which numbers may become visible out of order (PostgreSQL), each once: `take` returns what was not
 * seen before, `after` is where to read on. A gap is waited for that long, then taken for one that stays.
 */
export function createFollower(start: number, gapMs = 5000) {
  let floor = start;
  const seen = new Map<number, number>();
  return {
    after: () => floor,
    take<Line extends { seq: number }>(lines: readonly Line[], now: number): Line[] {
      const fresh = lines.filter(({ seq }) => !seen.has(seq));
      for (const { seq } of fresh) seen.set(seq, now);
      for (const [seq, at] of [...seen].sort((a, b) => a[0] - b[0])) {
        if (seq !== floor + 1 && now - at < gapMs) break;
        floor = seq;
        seen.delete(seq);
      }
      return fresh;
    },
  };
}
