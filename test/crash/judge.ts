/** What the evidence of a run proves: figures for people, and every violation with its message. Pure. */
import { type Mood, newsOf, type Sighting } from "./adapter";
import type { TakenReceipt } from "./genesys";
import type { LoadReport } from "./load";
import { parseName } from "./messages";
import type { WorldReport } from "./world";

export interface Kill {
  /** When its end was seen, milliseconds since the epoch. */
  at: number;
  post: string;
  /** A named step, or `any time`. */
  step: string;
}

/** A message as the API lists it, newest first. */
export interface StoredItem {
  id: string;
  genesysMessageId: string | null;
  kind: string;
  fate: string;
  delivery: { status: string } | null;
}

/** An attempt as the API shows it: one that was cut off has no result. */
export interface StoredAttempt {
  number: number;
  result: string | null;
}

export interface Evidence {
  seconds: number;
  load: LoadReport;
  world: WorldReport;
  kills: Kill[];
  items: StoredItem[];
  /** Of messages that the adapter saw more than once. */
  attempts: Map<string, StoredAttempt[]>;
  audit: { code: number; findings: unknown[] };
  quiet: boolean;
  /** Of the processes that were asked to stop. */
  exitCodes: (number | null)[];
}

export interface Verdict {
  figures: { name: string; value: number | string /** Anything but 0 breaks a promise. */; isViolation?: boolean }[];
  /** One line for each violation. */
  problems: string[];
}

/** What clocks and the way of a request over the loopback may differ by. */
const slackMs = 300;
/** An answer is recorded within this, or was not before the kill. */
const recordedWithinMs = 5000;

export function judge(evidence: Evidence): Verdict {
  const { load, world, kills, items, attempts, audit } = evidence;
  const problems: string[] = [];
  const report = (problem: string) => void problems.push(problem);
  const findings = {
    lost: findLost(load, items),
    doubled: findDoubled(items),
    fateless: items.filter((one) => one.fate === "open").map((one) => `${one.genesysMessageId} is open`),
    unoffered: findUnoffered(items, world.sightings),
    wrongFates: findWrongFates(items, world.sightings),
    disordered: [...findStoredOutOfOrder(items), ...findSentOutOfOrder(world.sightings)],
    receipts: findWrongReceipts(items, world.receipts, kills),
    typings: [...world.typings].filter(([, count]) => count > 1).map(([id]) => `typing ${id} was shown twice`),
    mails: findRepeatedMails(world.mails.map((mail) => mail.id)),
    others: [
      ...load.refused.map((answer) => `a webhook was refused: ${answer}`),
      ...(world.forged > 0 ? [`${world.forged} calls of the adapter had a wrong signature`] : []),
      ...(world.refusedReports > 0 ? [`${world.refusedReports} reports of the adapter were refused`] : []),
      ...(evidence.quiet ? [] : ["it was not quiet in time"]),
      ...evidence.exitCodes.filter((code) => code !== 0).map((code) => `a process ended with ${code} on SIGTERM`),
    ],
  };
  const repeats = sortRepeats(world.sightings, kills, attempts);
  for (const found of [...Object.values(findings), repeats.unexplained]) for (const one of found) report(one);
  if (audit.code !== 0) for (const one of audit.findings) report(`audit: ${JSON.stringify(one)}`);
  const receiptRepeats = world.receipts.length - new Set(world.receipts.map((one) => one.messageId)).size;
  const stepsReached = new Set(kills.map((kill) => kill.step).filter((step) => step !== "any time"));
  const count = (fate: string) => items.filter((one) => one.fate === fate).length;

  return {
    problems,
    figures: [
      { name: "kills", value: kills.length },
      { name: "of them at a named step", value: kills.filter((kill) => kill.step !== "any time").length },
      { name: "different steps", value: stepsReached.size },
      { name: "seconds", value: evidence.seconds.toFixed(0) },
      { name: "messages acknowledged", value: load.acknowledged.length + load.typings.length },
      { name: "stored, answer lost, repeated", value: load.duplicates },
      { name: "adapter calls", value: world.sightings.length },
      { name: "repeats after a failed answer", value: repeats.afterFailure },
      { name: "repeats of sends in flight at a kill", value: repeats.inFlight },
      { name: "receipts at Genesys Cloud", value: world.receipts.length },
      { name: "of them repeats", value: receiptRepeats },
      { name: "mails", value: world.mails.length },
      { name: "fate delivered", value: count("delivered") },
      { name: "fate notified", value: count("notified") },
      { name: "fate unknown", value: count("unknown") },
      { name: "fate noted", value: count("noted") },
      { name: "acknowledged and lost", value: findings.lost.length, isViolation: true },
      { name: "stored twice", value: findings.doubled.length, isViolation: true },
      { name: "without a fate", value: findings.fateless.length, isViolation: true },
      { name: "never offered to the adapter", value: findings.unoffered.length, isViolation: true },
      { name: "fate that does not fit the answers", value: findings.wrongFates.length, isViolation: true },
      { name: "out of order", value: findings.disordered.length, isViolation: true },
      { name: "repeats unexplained", value: repeats.unexplained.length, isViolation: true },
      { name: "receipts wrong, missing or repeated", value: findings.receipts.length, isViolation: true },
      { name: "typing signs shown twice", value: findings.typings.length, isViolation: true },
      { name: "mails sent twice", value: findings.mails.length, isViolation: true },
      { name: "other problems", value: findings.others.length, isViolation: true },
      { name: "findings of omb audit", value: audit.code === 0 ? 0 : audit.findings.length, isViolation: true },
    ],
  };
}

function findLost({ acknowledged, typings }: LoadReport, items: StoredItem[]): string[] {
  const stored = new Set(items.map((one) => one.genesysMessageId));
  return [...acknowledged, ...typings]
    .filter((id) => !stored.has(id))
    .map((id) => `${id} was acknowledged and is lost`);
}

function findDoubled(items: StoredItem[]): string[] {
  const seen = new Set<string | null>();
  return items
    .filter((one) => seen.has(one.genesysMessageId) || !seen.add(one.genesysMessageId))
    .map((one) => `${one.genesysMessageId} is stored twice`);
}

function findUnoffered(items: StoredItem[], sightings: Sighting[]): string[] {
  const seen = new Set(sightings.map((one) => one.messageId));
  return items
    .filter((one) => one.kind === "text" && !seen.has(one.genesysMessageId ?? ""))
    .map((one) => `${one.genesysMessageId} never reached the adapter`);
}

const decisive: ReadonlySet<Mood> = new Set(["delivered", "accepted", "refused"]);

/** The adapter decides once and then says the same again: what it decided is what became of the message. */
function findWrongFates(items: StoredItem[], sightings: Sighting[]): string[] {
  const decided = new Map<string, Mood>();
  for (const { messageId, mood } of sightings) if (decisive.has(mood)) decided.set(messageId, mood);
  return items.flatMap(({ genesysMessageId: id, kind, fate }) => {
    if (kind === "typing") return fate === "noted" ? [] : [`typing ${id} ended as ${fate}`];
    const mood = decided.get(id ?? "");
    if (id === null || mood === undefined) return [`${id} ended as ${fate}, and the adapter decided nothing`];
    const isDelivered = mood === "delivered" || (mood === "accepted" && newsOf(id) === "delivered");
    // A notice that was being sent at a kill is not sent again: nobody knows.
    const allowed = isDelivered ? ["delivered"] : ["notified", "unknown"];
    return allowed.includes(fate) ? [] : [`${id} ended as ${fate}, and the adapter says ${mood}, later ${newsOf(id)}`];
  });
}

/** The list is newest first, and each recipient's messages were sent one after the other. */
function findStoredOutOfOrder(items: StoredItem[]): string[] {
  const next = new Map<string, number>();
  return items.flatMap(({ genesysMessageId, kind }) => {
    if (kind !== "text" || genesysMessageId === null) return [];
    const { recipient, number } = parseName(genesysMessageId);
    const later = next.get(recipient);
    next.set(recipient, number);
    return later === undefined || number < later ? [] : [`${genesysMessageId} is stored after a later one`];
  });
}

/** Nothing of a recipient may be seen, not even a repeat, after a later message was. */
function findSentOutOfOrder(sightings: Sighting[]): string[] {
  const latest = new Map<string, number>();
  return sightings.flatMap(({ messageId, attempt }) => {
    const { recipient, number } = parseName(messageId);
    const before = latest.get(recipient) ?? 0;
    latest.set(recipient, Math.max(before, number));
    return number >= before ? [] : [`${messageId} (attempt ${attempt}) was sent after message ${before}`];
  });
}

function sortRepeats(sightings: Sighting[], kills: Kill[], attempts: Map<string, StoredAttempt[]>) {
  const before = new Map<string, Sighting>();
  const unexplained: string[] = [];
  let afterFailure = 0;
  let inFlight = 0;
  for (const repeat of sightings) {
    const first = before.get(repeat.messageId);
    before.set(repeat.messageId, repeat);
    if (first === undefined) continue;
    const recorded = attempts.get(repeat.messageId)?.find((one) => one.number === first.attempt);
    const problem = explainRepeat(first, repeat, recorded, kills);
    if (problem !== undefined) unexplained.push(`${repeat.messageId} attempt ${repeat.attempt}: ${problem}`);
    else if (recorded?.result == null) inFlight += 1;
    else afterFailure += 1;
  }
  return { afterFailure, inFlight, unexplained };
}

/** What is wrong with a repeat; undefined when the contract allows it. */
function explainRepeat(
  first: Sighting,
  repeat: Sighting,
  recorded: StoredAttempt | undefined,
  kills: Kill[],
): string | undefined {
  if (first.webhookId !== repeat.webhookId) return "it came under another webhook-id";
  if (repeat.attempt <= first.attempt) return `it came after attempt ${first.attempt}`;
  if (recorded === undefined) return `attempt ${first.attempt} is not in the store`;
  if (recorded.result !== null) {
    if (decisive.has(first.mood)) return `attempt ${first.attempt} was answered ${first.mood} and recorded`;
    return undefined;
  }
  const isCutOff = kills.some(
    ({ at }) =>
      at >= first.arrivedAt - slackMs &&
      at <= repeat.arrivedAt + slackMs &&
      at <= (first.answeredAt ?? Number.POSITIVE_INFINITY) + recordedWithinMs,
  );
  return isCutOff ? undefined : `nothing was killed while attempt ${first.attempt} was under way`;
}

function findWrongReceipts(items: StoredItem[], receipts: TakenReceipt[], kills: Kill[]): string[] {
  const problems: string[] = [];
  const byMessage = new Map<string, TakenReceipt[]>();
  for (const one of receipts) byMessage.set(one.messageId, [...(byMessage.get(one.messageId) ?? []), one]);
  for (const { genesysMessageId: id, delivery } of items) {
    const sent = byMessage.get(id ?? "") ?? [];
    const taken = sent.filter((one) => one.httpStatus === 200);
    // Unconfirmed in time and reported after all: the receipt says what is known in the end.
    const due = delivery?.status === "delivered" ? "Delivered" : delivery?.status === "failed" ? "Failed" : undefined;
    if (due !== undefined && taken.length === 0) problems.push(`${id}: its ${due} receipt is missing`);
    if (due === undefined && taken.length > 0)
      problems.push(`${id}: a receipt for a delivery that is ${delivery?.status}`);
    if (taken.some((one) => one.status !== due && due !== undefined))
      problems.push(`${id}: a receipt other than ${due}`);
    taken.slice(1).forEach((repeat, index) => {
      const first = taken[index];
      const isCutOff = kills.some(
        ({ at }) =>
          first !== undefined &&
          at >= first.arrivedAt - slackMs &&
          at <= first.arrivedAt + recordedWithinMs &&
          at <= repeat.arrivedAt + slackMs,
      );
      if (!isCutOff) problems.push(`${id}: its receipt was repeated without a kill`);
    });
  }
  return problems;
}

function findRepeatedMails(ids: string[]): string[] {
  const seen = new Set<string>();
  return ids.filter((id) => seen.has(id) || !seen.add(id)).map((id) => `mail ${id} came twice`);
}
