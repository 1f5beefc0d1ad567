/** What the evidence of a run proves: figures for people, and every violation with its message. Pure. */
import { type Mood, newsOf, type Sighting } from "./adapter";
import type { TakenReceipt } from "./genesys";
import type { LoadReport } from "./load";
import { parseName, sendTimeoutMs } from "./messages";
import type { WorldReport } from "./world";

export interface Kill {
  /** When its end was seen, milliseconds since the epoch. */
  at: number;
  post: string;
  /** A named step, or `any time`. */
  step: string;
}

/** A process that was stopped, as by its machine, for longer than its leases, and went on. Milliseconds since the epoch. */
export interface Stop {
  from: number;
  until: number;
  post: string;
}

/** A message as the API lists it, newest first. */
export interface StoredItem {
  id: string;
  genesysMessageId: string | null;
  kind: string;
  fate: string;
  delivery: { status: string } | null;
}

/** An attempt as the API shows it: one that was cut off has no result, or `unknown`. */
export interface StoredAttempt {
  number: number;
  result: string | null;
  answer?: string | null;
  durationMs?: number | null;
  /** ISO 8601, when its end was recorded. */
  finishedAt?: string | null;
}

export interface Evidence {
  seconds: number;
  load: LoadReport;
  world: WorldReport;
  kills: Kill[];
  stops: Stop[];
  items: StoredItem[];
  /** Of messages that the adapter saw more than once. */
  attempts: Map<string, StoredAttempt[]>;
  audit: { code: number; findings: unknown[] };
  quiet: boolean;
  /** Of the processes that were asked to stop. */
  exitCodes: (number | null)[];
}

export interface Verdict {
  /** What happened. */
  figures: { name: string; value: string | number }[];
  /** What must not have happened: a line for each time it did. */
  violations: { name: string; problems: string[] }[];
}

/** What clocks and the way of a request over the loopback may differ by. */
const slackMs = 300;
/** An answer is recorded within this, or was not before the kill. */
const recordedWithinMs = 5000;

export function judge(evidence: Evidence): Verdict {
  const { load, world, kills, stops, items, attempts, audit } = evidence;
  const repeats = sortRepeats(world.sightings, { kills, stops }, attempts);
  const toldTwice = world.receipts.length - new Set(world.receipts.map((one) => one.messageId)).size;
  const order = sortOrder(world.sightings, attempts);
  const atSteps = kills.filter((kill) => kill.step !== "any time");
  const count = (fate: string) => items.filter((one) => one.fate === fate).length;

  return {
    figures: [
      { name: "kills", value: kills.length },
      { name: "of them at a named step", value: atSteps.length },
      { name: "different steps", value: new Set(atSteps.map((kill) => kill.step)).size },
      { name: "stopped for longer than a lease", value: stops.length },
      { name: "seconds", value: evidence.seconds.toFixed(0) },
      { name: "messages acknowledged", value: load.acknowledged.length + load.typings.length },
      { name: "stored, answer lost, repeated", value: load.duplicates },
      { name: "adapter calls", value: world.sightings.length },
      { name: "repeats after a failed answer", value: repeats.afterFailure },
      { name: "repeats after no answer in time", value: repeats.afterTimeout },
      { name: "repeats of sends in flight at a kill or stop", value: repeats.inFlight },
      { name: "given up, and overtaken on their way", value: order.overtaken },
      { name: "receipts at Genesys Cloud", value: world.receipts.length },
      { name: "of them repeats", value: toldTwice },
      { name: "mails", value: world.mails.length },
      { name: "fate delivered", value: count("delivered") },
      { name: "fate notified", value: count("notified") },
      { name: "fate unknown", value: count("unknown") },
      { name: "fate noted", value: count("noted") },
    ],
    violations: [
      { name: "acknowledged and lost", problems: findLost(load, items) },
      { name: "stored twice", problems: findDoubled(items) },
      { name: "without a fate", problems: findFateless(items) },
      { name: "never offered to the adapter", problems: findUnoffered(items, world.sightings) },
      { name: "fate that does not fit the answers", problems: findWrongFates(items, world.sightings) },
      {
        name: "out of order",
        problems: [...findStoredOutOfOrder(items), ...order.problems],
      },
      { name: "repeats unexplained", problems: repeats.unexplained },
      {
        name: "receipts wrong, missing or repeated",
        problems: findWrongReceipts(items, world.receipts, { kills, stops }),
      },
      { name: "typing signs shown twice", problems: findRepeatedTypings(world.typings) },
      { name: "mails sent twice", problems: findRepeatedMails(world.mails.map((mail) => mail.id)) },
      { name: "other problems", problems: findOthers(evidence) },
      {
        name: "findings of omb audit",
        problems: audit.code === 0 ? [] : audit.findings.map((one) => JSON.stringify(one)),
      },
    ],
  };
}

function findFateless(items: StoredItem[]): string[] {
  return items.filter((one) => one.fate === "open").map((one) => `${one.genesysMessageId} is open`);
}

function findRepeatedTypings(typings: ReadonlyMap<string, number>): string[] {
  return [...typings].filter(([, times]) => times > 1).map(([id]) => `typing ${id} was shown twice`);
}

function findOthers({ load, world, quiet, exitCodes, audit }: Evidence): string[] {
  return [
    ...load.refused.map((answer) => `a webhook was refused: ${answer}`),
    ...(world.forged > 0 ? [`${world.forged} calls of the adapter had a wrong signature`] : []),
    ...(world.refusedReports > 0 ? [`${world.refusedReports} reports of the adapter were refused`] : []),
    ...(quiet ? [] : ["it was not quiet in time"]),
    ...exitCodes.filter((code) => code !== 0).map((code) => `a process ended with ${code} on SIGTERM`),
    ...(audit.code !== 0 && audit.findings.length === 0 ? [`omb audit ended with ${audit.code}`] : []),
  ];
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
/** A request that had been given up for want of an answer can be overtaken where a busy machine shows it to the adapter late. */
function sortOrder(sightings: Sighting[], attempts: Map<string, StoredAttempt[]>) {
  const latest = new Map<string, number>();
  const problems: string[] = [];
  let overtaken = 0;
  for (const sighting of sightings) {
    const { messageId, attempt } = sighting;
    const { recipient, number } = parseName(messageId);
    const before = latest.get(recipient) ?? 0;
    latest.set(recipient, Math.max(before, number));
    if (number >= before) continue;
    if (wasGivenUpBefore(sighting, recordOf(attempts, sighting))) overtaken += 1;
    else problems.push(`${messageId} (attempt ${attempt}) was sent after message ${before}`);
  }
  return { problems, overtaken };
}

function wasGivenUpBefore({ arrivedAt }: Sighting, recorded: StoredAttempt | undefined): boolean {
  return wasTooLate(recorded) && recorded?.finishedAt != null && Date.parse(recorded.finishedAt) <= arrivedAt;
}

function recordOf(attempts: Map<string, StoredAttempt[]>, { messageId, attempt }: Sighting) {
  return attempts.get(messageId)?.find((one) => one.number === attempt);
}

/** What may have kept an answer from being recorded in time. */
type Interruptions = Pick<Evidence, "kills" | "stops">;

/** Whether a process was killed after `from` and before `to`, or stopped for part of that time. */
function wasInterrupted({ kills, stops }: Interruptions, from: number, to: number): boolean {
  return kills.some(({ at }) => at >= from && at <= to) || wasStopped(stops, from, to);
}

function wasStopped(stops: readonly Stop[], from: number, to: number): boolean {
  return stops.some((stop) => stop.from <= to && stop.until >= from);
}

function sortRepeats(sightings: Sighting[], interruptions: Interruptions, attempts: Map<string, StoredAttempt[]>) {
  const before = new Map<string, Sighting>();
  const unexplained: string[] = [];
  let afterFailure = 0;
  let afterTimeout = 0;
  let inFlight = 0;
  for (const sighting of sightings) {
    const seen = before.get(sighting.messageId);
    // A busy machine may show the adapter a request that was given up only after the one that was made in its place.
    const isOvertaken =
      seen !== undefined && sighting.attempt < seen.attempt && wasTooLate(recordOf(attempts, sighting));
    const [first, repeat] = isOvertaken ? [sighting, seen] : [seen, sighting];
    before.set(sighting.messageId, repeat);
    if (first === undefined) continue;
    const recorded = recordOf(attempts, first);
    const problem = explainRepeat(first, repeat, recorded, interruptions);
    if (problem !== undefined) unexplained.push(`${repeat.messageId} attempt ${repeat.attempt}: ${problem}`);
    else if (isCutOff(recorded)) inFlight += 1;
    else if (wasTooLate(recorded)) afterTimeout += 1;
    else if (decisive.has(first.mood)) inFlight += 1;
    else afterFailure += 1;
  }
  return { afterFailure, afterTimeout, inFlight, unexplained };
}

/** What is wrong with a repeat; undefined when the contract allows it. */
function explainRepeat(
  first: Sighting,
  repeat: Sighting,
  recorded: StoredAttempt | undefined,
  interruptions: Interruptions,
): string | undefined {
  if (first.webhookId !== repeat.webhookId) return "it came under another webhook-id";
  if (repeat.attempt <= first.attempt) return `it came after attempt ${first.attempt}`;
  if (recorded === undefined) return `attempt ${first.attempt} is not in the store`;
  const from = first.arrivedAt - slackMs;
  const to = Math.min(repeat.arrivedAt + slackMs, (first.answeredAt ?? Number.POSITIVE_INFINITY) + recordedWithinMs);
  if (!isCutOff(recorded)) {
    if (!decisive.has(first.mood) || wasTooLate(recorded)) return undefined;
    // Whoever goes on too late records what it learned, and somebody else has taken over.
    if (wasStopped(interruptions.stops, from, to)) return undefined;
    return `attempt ${first.attempt} was answered ${first.mood} and recorded`;
  }
  if (wasInterrupted(interruptions, from, to)) return undefined;
  return `nothing was killed while attempt ${first.attempt} was under way`;
}

/** Its answer was never recorded. */
function isCutOff(attempt: StoredAttempt | undefined): boolean {
  return attempt?.result == null || attempt.result === "unknown";
}

/** The adapter answered, and on a busy machine its answer came when the time for it was over: the contract allows another try. */
function wasTooLate({ result, answer, durationMs }: Partial<StoredAttempt> = {}): boolean {
  return result === "failed" && answer === "no answer in time" && (durationMs ?? 0) >= sendTimeoutMs;
}

function findWrongReceipts(items: StoredItem[], receipts: TakenReceipt[], interruptions: Interruptions): string[] {
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
      const from = (first?.arrivedAt ?? 0) - slackMs;
      const to = Math.min((first?.arrivedAt ?? 0) + recordedWithinMs, repeat.arrivedAt + slackMs);
      if (!wasInterrupted(interruptions, from, to)) problems.push(`${id}: its receipt was repeated without a kill`);
    });
  }
  return problems;
}

function findRepeatedMails(ids: string[]): string[] {
  const seen = new Set<string>();
  return ids.filter((id) => seen.has(id) || !seen.add(id)).map((id) => `mail ${id} came twice`);
}
