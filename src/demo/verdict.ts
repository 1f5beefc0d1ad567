/** Holds what became of the story's messages against what was expected. Pure. */
import { z } from "zod";
import type { Mail } from "./inbox";
import type { Forged, Played } from "./play";
import type { Story } from "./story";

/** What the API says of one message. */
export const apiMessage = z.object({
  kind: z.string(),
  recipient: z.object({ id: z.string() }),
  fate: z.string(),
  duplicates: z.number(),
});
export type ApiMessage = z.infer<typeof apiMessage>;

export const apiAudit = z.object({ ok: z.boolean(), counts: z.record(z.string(), z.number()) });

/** What was seen of one message: by the bridge, at Genesys Cloud, and on the phone. */
export interface Seen {
  message: ApiMessage | undefined;
  /** `Delivered`, or `Failed` and the reason's code. */
  receipts: readonly string[];
  timesShown: number;
}

export interface Findings {
  story: Story;
  played: readonly (Played & { seen: Seen })[];
  forged: readonly Forged[];
  mails: readonly Mail[];
  audit: z.infer<typeof apiAudit>;
}

/** One line of the table of fates. */
export interface FateRow {
  message: string;
  kind: string;
  recipient: string;
  expected: string;
  fate: string;
  /** At Genesys Cloud. */
  receipt: string;
  /** What is not as expected; empty if all is well. */
  problems: string[];
}

export interface Verdict {
  ok: boolean;
  rows: FateRow[];
  /** What is wrong beside the messages of the table. */
  problems: string[];
}

export function judge({ story, played, forged, mails, audit }: Findings): Verdict {
  const rows = played.map(judgeMessage);
  const problems = [
    ...forged
      .filter(({ status, expectedStatus }) => status !== expectedStatus)
      .map(({ status, expectedStatus }) => `a forged request was answered ${status}, not ${expectedStatus}`),
    ...judgeMails(story.mails, mails),
    ...(audit.counts.messages === played.length
      ? []
      : [`the store holds ${audit.counts.messages} messages, not ${played.length}`]),
    ...(audit.ok ? [] : ["the audit found something: see /api/v1/audit"]),
  ];
  return { ok: problems.length === 0 && rows.every((row) => row.problems.length === 0), rows, problems };
}

function judgeMessage({ title, kind, customer, expected, sent, seen }: Findings["played"][number]): FateRow {
  const { message, receipts, timesShown } = seen;
  const receipt = receipts.length === 0 ? "none" : receipts.join(" and ");
  const fate = message?.fate ?? "not stored";
  const problems = [
    ...(fate === expected.fate ? [] : [`fate ${expected.fate} expected`]),
    ...(receipt === expected.receipt ? [] : [`receipt ${expected.receipt} expected`]),
    ...(message === undefined || message.kind === kind ? [] : [`taken for ${message.kind}`]),
    ...(message === undefined || message.recipient.id === customer.id ? [] : [`taken for ${message.recipient.id}'s`]),
    ...(message === undefined || message.duplicates === sent - 1
      ? []
      : [`${message.duplicates} repeats counted, not ${sent - 1}`]),
    ...(timesShown > 1 ? [`shown ${timesShown} times`] : []),
  ];
  return { message: title, kind, recipient: customer.name, expected: expected.fate, fate, receipt, problems };
}

function judgeMails(expected: Story["mails"], received: readonly Mail[]): string[] {
  const wanted = expected.map(({ to, subject }) => `${to}: ${subject}`);
  const got = received.map(({ to, subject }) => `${to.join(", ")}: ${subject}`);
  return [
    ...without(wanted, got).map((mail) => `this e-mail did not come: ${mail}`),
    ...without(got, wanted).map((mail) => `this e-mail was not expected: ${mail}`),
  ];
}

/** What is left of a list when each of the others is taken away once. */
function without(list: readonly string[], others: readonly string[]): string[] {
  const left = [...list];
  for (const other of others) {
    const index = left.indexOf(other);
    if (index >= 0) left.splice(index, 1);
  }
  return left;
}
