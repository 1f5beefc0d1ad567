/** The append-only account of what happened to each message. */
import { bulk, type Db } from "./bulk";

/** One line: what happened (past tense, dotted), when, and details without message text or addresses. */
export interface LedgerLine {
  at: number;
  event: string;
  detail?: Record<string, unknown>;
}

export interface OwnedLine extends LedgerLine {
  messageSeq: number;
}

export function ownLine(messageSeq: number, { at, event, detail }: LedgerLine): OwnedLine {
  return detail === undefined ? { messageSeq, at, event } : { messageSeq, at, event, detail };
}

export const insertLedger = bulk<OwnedLine>(
  "insert into ledger (message_seq, at, event, detail) values {rows}",
  "(?, ?, ?, ?)",
  (line) => [line.messageSeq, line.at, line.event, line.detail === undefined ? null : JSON.stringify(line.detail)],
);

export async function readTimeline(db: Db, messageSeq: number): Promise<LedgerLine[]> {
  const rows = await db.selectFrom("ledger").selectAll().where("message_seq", "=", messageSeq).orderBy("seq").execute();
  return rows.map(({ at, event, detail }) =>
    detail === null ? { at, event } : { at, event, detail: JSON.parse(detail) },
  );
}
