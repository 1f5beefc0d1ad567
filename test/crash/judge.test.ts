import type { Sighting } from "./adapter";
import { type Evidence, judge, type StoredItem, type StoredAttempt } from "./judge";

const at = Date.UTC(2026, 8, 14, 8);
const first = "customer1:000001";
const second = "customer1:000002";

function sightingOf(messageId: string, changes: Partial<Sighting> = {}): Sighting {
  const arrivedAt = messageId === first ? at : at + 1000;
  const answeredAt = arrivedAt + 5;
  return { messageId, webhookId: `d-${messageId}`, attempt: 1, arrivedAt, answeredAt, mood: "delivered", ...changes };
}

function itemOf(genesysMessageId: string, changes: Partial<StoredItem> = {}): StoredItem {
  const rest = { kind: "text", fate: "delivered", delivery: { status: "delivered" } };
  return { id: `ours-${genesysMessageId}`, genesysMessageId, ...rest, ...changes };
}

const receiptOf = (messageId: string, arrivedAt = at + 10) => ({
  messageId,
  status: "Delivered",
  arrivedAt,
  httpStatus: 200,
});

/** Two messages to one customer, delivered at once, and nobody killed. */
function makeEvidence({ world, ...changes }: Partial<Omit<Evidence, "world">> & { world?: object } = {}): Evidence {
  return {
    seconds: 1,
    load: { acknowledged: [first, second], typings: [], requests: 2, duplicates: 0, refused: [] },
    world: {
      sightings: [sightingOf(first), sightingOf(second)],
      typings: new Map(),
      forged: 0,
      refusedReports: 0,
      receipts: [receiptOf(first), receiptOf(second)],
      mails: [],
      ...world,
    },
    kills: [],
    stops: [],
    items: [itemOf(second), itemOf(first)],
    attempts: new Map(),
    audit: { code: 0, findings: [] },
    quiet: true,
    exitCodes: [0],
    ...changes,
  };
}

function violationsOf(evidence: Evidence): string[] {
  return judge(evidence).violations.flatMap(({ name, problems }) => problems.map(() => name));
}

test("two messages delivered once each are no violation", () => {
  expect(violationsOf(makeEvidence())).toEqual([]);
});

test.each<[string, Parameters<typeof makeEvidence>[0]]>([
  [
    "acknowledged and lost",
    {
      items: [itemOf(first)],
      world: { sightings: [sightingOf(first)], receipts: [receiptOf(first)] },
    },
  ],
  ["stored twice", { items: [itemOf(second), itemOf(first), itemOf(first)] }],
  ["without a fate", { items: [itemOf(second), itemOf(first, { fate: "open" })] }],
  ["never offered to the adapter", { world: { sightings: [sightingOf(first)] } }],
  ["fate that does not fit the answers", { items: [itemOf(second), itemOf(first, { fate: "notified" })] }],
  ["out of order", { items: [itemOf(first), itemOf(second)] }],
  ["out of order", { world: { sightings: [sightingOf(second), sightingOf(first)] } }],
  ["receipts wrong, missing or repeated", { world: { receipts: [receiptOf(first)] } }],
  [
    "receipts wrong, missing or repeated",
    { world: { receipts: [receiptOf(first), { ...receiptOf(second), status: "Failed" }] } },
  ],
  [
    "receipts wrong, missing or repeated",
    { world: { receipts: [receiptOf(first), receiptOf(second), receiptOf(second, at + 500)] } },
  ],
  ["typing signs shown twice", { world: { typings: new Map([["t-1", 2]]) } }],
  ["mails sent twice", { world: { mails: [mailOf("<n-1@x>"), mailOf("<n-1@x>")] } }],
  ["other problems", { quiet: false }],
  ["other problems", { exitCodes: [0, 1] }],
  ["other problems", { world: { forged: 1 } }],
  ["other problems", { audit: { code: 2, findings: [] } }],
  ["findings of omb audit", { audit: { code: 1, findings: [{ problem: "open" }] } }],
])("%s is found", (name, changes) => {
  expect(violationsOf(makeEvidence(changes))).toContain(name);
});

describe("a message that the adapter saw twice", () => {
  const repeat = sightingOf(first, { attempt: 2, arrivedAt: at + 600, answeredAt: at + 605 });
  const seenTwice = (
    changes: Partial<Sighting>,
    result: string | null,
    kills: number[],
    again = repeat,
    recorded: Partial<StoredAttempt> = {},
    stops: Evidence["stops"] = [],
  ) =>
    violationsOf(
      makeEvidence({
        world: { sightings: [sightingOf(first, changes), again, sightingOf(second)] },
        attempts: new Map([[first, [{ number: 1, result, ...recorded }]]]),
        kills: kills.map((time) => ({ at: time, post: "bridge", step: "any time" })),
        stops,
      }),
    );

  test("is fine after an answer that asks for another try", () => {
    expect(seenTwice({ mood: "error" }, "failed", [])).toEqual([]);
  });

  test("is fine when its send was in flight at a kill", () => {
    expect(seenTwice({}, null, [at + 400])).toEqual([]);
    expect(seenTwice({}, "unknown", [at + 400])).toEqual([]);
  });

  test("is fine when a process was stopped meanwhile, whether it recorded its answer late or never", () => {
    const stop = { from: at + 3, until: at + 500, post: "worker-1" };
    expect(seenTwice({}, null, [], repeat, {}, [stop])).toEqual([]);
    expect(seenTwice({}, "delivered", [], repeat, {}, [stop])).toEqual([]);
  });

  test("is a violation when the stop was over before, or began after", () => {
    const before = { from: at - 9000, until: at - 1000, post: "worker-1" };
    const after = { from: at + 2000, until: at + 10_000, post: "worker-1" };
    expect(seenTwice({}, "delivered", [], repeat, {}, [before, after])).toEqual(["repeats unexplained"]);
  });

  const late = { answer: "no answer in time", durationMs: 1400 };

  test("is fine when its answer came after the time limit", () => {
    expect(seenTwice({}, "failed", [], repeat, late)).toEqual([]);
  });

  test("is fine when the one that was given up is seen after it", () => {
    const overtaking = { attempt: 2, arrivedAt: at + 100 };
    const overtaken = sightingOf(first, { arrivedAt: at + 150 });
    expect(seenTwice(overtaking, "failed", [], overtaken, late)).toEqual([]);
    expect(seenTwice(overtaking, "delivered", [], overtaken)).toEqual(["repeats unexplained"]);
    expect(seenTwice(overtaking, "unknown", [at + 120], overtaken)).toEqual(["repeats unexplained"]);
  });

  test.each<[string, Parameters<typeof seenTwice>]>([
    ["the time limit was not over", [{}, "failed", [], repeat, { ...late, durationMs: 900 }]],
    ["its answer was recorded", [{}, "delivered", [at + 400]]],
    ["nobody was killed", [{}, null, []]],
    ["the kill came before it arrived", [{}, null, [at - 2000]]],
    ["the kill came after the repeat", [{}, null, [at + 5000]]],
    ["the webhook-id is another", [{}, null, [at + 400], { ...repeat, webhookId: "d-other" }]],
    ["the attempt is the same", [{}, null, [at + 400], { ...repeat, attempt: 1 }]],
  ])("is a violation when %s", (_, args) => {
    expect(seenTwice(...args)).toEqual(["repeats unexplained"]);
  });
});

describe("a message that the adapter saw after a later one", () => {
  const overtaken = sightingOf(first, { arrivedAt: at + 4000, answeredAt: at + 4005 });
  const seenLate = (recorded: Partial<StoredAttempt>) => {
    const again = sightingOf(first, { attempt: 2, arrivedAt: at + 900 });
    const given: StoredAttempt = {
      number: 1,
      result: "failed",
      answer: "no answer in time",
      durationMs: 1100,
      finishedAt: new Date(at + 700).toISOString(),
      ...recorded,
    };
    return judge(
      makeEvidence({
        world: { sightings: [again, sightingOf(second), overtaken] },
        attempts: new Map([[first, [given]]]),
      }),
    );
  };
  const problemsOf = (recorded: Partial<StoredAttempt>) =>
    seenLate(recorded).violations.flatMap(({ name, problems }) => problems.map(() => name));

  test("is fine when it had been given up before: it was on its way for long", () => {
    expect(problemsOf({})).toEqual([]);
    const figures = new Map(seenLate({}).figures.map(({ name, value }) => [name, value]));
    expect(figures.get("given up, and overtaken on their way")).toBe(1);
  });

  test.each<[string, Partial<StoredAttempt>]>([
    ["was given up only later", { finishedAt: new Date(at + 5000).toISOString() }],
    ["has no recorded end", { finishedAt: null }],
    ["had another end", { answer: "HTTP 500" }],
    ["was cut off", { result: "unknown", answer: "the process ended before the answer was recorded" }],
    ["was not given its time", { durationMs: 900 }],
  ])("is out of order when its attempt %s", (_, recorded) => {
    expect(problemsOf(recorded)).toContain("out of order");
  });
});

test("a receipt sent again after a kill or a stop is fine", () => {
  const receipts = [receiptOf(first), receiptOf(second), receiptOf(second, at + 900)];
  const kills = [{ at: at + 300, post: "bridge", step: "receipt.sent" }];
  expect(violationsOf(makeEvidence({ world: { receipts }, kills }))).toEqual([]);
  const stops = [{ from: at + 50, until: at + 800, post: "worker-1" }];
  expect(violationsOf(makeEvidence({ world: { receipts }, stops }))).toEqual([]);
});

function mailOf(id: string) {
  return { id, arrivedAt: at };
}
