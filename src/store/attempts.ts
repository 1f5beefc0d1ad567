/** Each try to send a delivery: when it began, when it ended, and with what. */
import type { Selectable } from "kysely";
import { bulk, type Db } from "./bulk";
import type { DeliveryState } from "./states";
import type { Tables } from "./tables";

export interface EndedAttempt {
  delivery: DeliveryState;
  number: number;
  at: number;
  result: string;
  answer: string;
}

/**
 * An attempt has a row once it has ended, so that one is written only once; until then its delivery says when it began. What is
 * learned of it later takes the place of what was written, and its begin stays.
 */
export const saveAttempts = bulk<EndedAttempt>(
  `insert into attempts (delivery_seq, number, started_at, finished_at, result, answer) values {rows}
   on conflict (delivery_seq, number) do update set finished_at = excluded.finished_at, result = excluded.result, answer = excluded.answer`,
  "(?, ?, ?, ?, ?, ?)",
  ({ delivery, number, at, result, answer }) => [
    delivery.seq,
    number,
    delivery.attemptAt ?? delivery.firstAttemptAt ?? at,
    at,
    result,
    answer,
  ],
);

type AttemptRow = Selectable<Tables["attempts"]>;
type TriedDelivery = Pick<Selectable<Tables["deliveries"]>, "seq" | "attempts" | "first_attempt_at" | "attempt_at">;

/** The attempts of deliveries, those under way included, in the order in which they began. */
export async function readAttempts(db: Db, deliveries: readonly TriedDelivery[]): Promise<AttemptRow[]> {
  if (deliveries.length === 0) return [];
  const seqs = deliveries.map((one) => one.seq);
  const ended = await db.selectFrom("attempts").selectAll().where("delivery_seq", "in", seqs).execute();
  const underWay = deliveries.flatMap(({ seq, attempts, first_attempt_at, attempt_at }): AttemptRow[] => {
    const startedAt = attempt_at ?? first_attempt_at;
    if (startedAt === null || ended.some((one) => one.delivery_seq === seq && one.number === attempts)) return [];
    return [
      { delivery_seq: seq, number: attempts, started_at: startedAt, finished_at: null, result: null, answer: null },
    ];
  });
  return [...ended, ...underWay].sort((a, b) => a.started_at - b.started_at || a.number - b.number);
}
