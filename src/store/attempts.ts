/** Each try to send a delivery: when it began, when it ended, and with what. */
import { bulk } from "./bulk";

export interface StartedAttempt {
  deliverySeq: number;
  number: number;
  at: number;
}

export const insertAttempts = bulk<StartedAttempt>(
  "insert into attempts (delivery_seq, number, started_at) values {rows}",
  "(?, ?, ?)",
  (one) => [one.deliverySeq, one.number, one.at],
);

export interface FinishedAttempt extends StartedAttempt {
  result: string;
  answer: string;
}

export const updateAttempts = bulk<FinishedAttempt>(
  `update attempts set finished_at = v.column3, result = v.column4, answer = v.column5 from (values {rows}) as v
   where attempts.delivery_seq = v.column1 and attempts.number = v.column2`,
  "(cast(? as bigint), cast(? as integer), cast(? as bigint), cast(? as text), cast(? as text))",
  (one) => [one.deliverySeq, one.number, one.at, one.result, one.answer],
);
