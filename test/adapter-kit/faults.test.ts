/** The kit against an adapter with planted faults: it finds each, and nothing else. */
import { randomUUID } from "node:crypto";
import { type Report, testAdapter } from "../../src/adapter-kit/run";
import { type Fault, startBrokenAdapter } from "../fixtures/adapters/broken";
import { atEnd } from "../helpers/clean-up";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

async function testBroken(faults: Fault[], { sees = true } = {}): Promise<Report> {
  const adapter = await startBrokenAdapter(secret, faults);
  atEnd(adapter.stop);
  return testAdapter(
    {
      url: adapter.url,
      secret,
      recipient: { id: "crew-1", idType: "Opaque" },
      timeoutMs: 5000,
      waitMs: 1500,
      confirms: "delivered",
      burst: 15,
      callbacks: { host: "127.0.0.1", port: 0 },
      ...(sees ? { outbox: adapter.outboxUrl } : {}),
    },
    { now: () => new Date(), newId: randomUUID, onListening: adapter.reportTo },
  );
}

const list = (report: Report, result: string) =>
  report.findings.filter((finding) => finding.result === result).map(({ check }) => check);

test("an adapter without a fault passes every check", async () => {
  const report = await testBroken([]);
  expect(report.findings.filter(({ result }) => result !== "passed")).toEqual([]);
  expect(report).toMatchObject({ ok: true, counts: { failed: 0, passed: report.findings.length } });
});

const forged = ["signature.wrong", "signature.missing", "signature.changed", "signature.other-id"];
const times = ["timestamp.old", "timestamp.ahead"];
const silent = ["receipt.arrives", "receipt.after-503", "receipt.after-hang-up"];
const allReceipts = ["receipt.known", "receipt.consistent", "receipt.once"];

test.each<[Fault, string[]]>([
  ["believes anyone", [...forged, ...times]],
  ["believes old requests", times],
  ["verifies rewritten JSON", ["signature.bytes", "size.deep"]],
  ["refuses strangers for good", [...forged, ...times]],
  ["forgets repeats", ["repeat.after-answer", "repeat.at-once", "repeat.after-hang-up"]],
  ["takes parts for repeats", ["parts.each"]],
  ["takes replays for repeats", ["repeat.own-delivery"]],
  ["refuses unknown fields", ["fields.unknown"]],
  ["takes small bodies only", ["size.large"]],
  ["dies of deep bodies", ["size.deep"]],
  ["refuses without a code", ["kind.template"]],
  ["answers nonsense", ["kind.media", "kind.media-without-words"]],
  ["redirects", ["kind.card"]],
  ["is slow", ["kind.card", "pace.answer"]],
  ["loses messages", ["kind.media", "kind.media-without-words"]],
  ["shows typing", ["kind.typing"]],
  ["fails on notices", ["kind.notice"]],
  ["fails on news of failures", ["kind.failed", "kind.unknown-type"]],
  ["fails when busy", ["pace.burst"]],
  ["reports nothing", [...silent, "callback.path", "callback.signature", "callback.body", ...allReceipts]],
  ["reports once", ["receipt.after-503", "receipt.after-hang-up"]],
  ["reports unsigned", [...silent, "callback.signature", ...allReceipts]],
  ["reports in its own words", [...silent, "callback.body", ...allReceipts]],
  ["reports the message's id", [...silent, "receipt.known"]],
  ["reports to a wrong path", [...silent, "callback.path", ...allReceipts]],
  ["reports both ways", ["receipt.consistent"]],
])("an adapter that %s is found out", async (fault, checks) => {
  const report = await testBroken([fault]);
  expect(list(report, "failed").sort()).toEqual([...checks].sort());
  expect(report.ok).toBe(false);
  for (const { result, mend } of report.findings) expect(mend === null).toBe(result === "passed");
});

test("an adapter that remembers too late is found out by repeats at once, and maybe by one after a hang-up", async () => {
  const found = list(await testBroken(["remembers too late"]), "failed");
  expect(found).toContain("repeat.at-once");
  expect(found.filter((check) => check !== "repeat.after-hang-up")).toEqual(["repeat.at-once"]);
});

test.each<[Fault, string[]]>([
  ["holds off without saying until when", ["pace.burst"]],
  ["reports repeats as new", ["receipt.after-503", "receipt.after-hang-up", "receipt.once"]],
])("an adapter that %s is doubted", async (fault, checks) => {
  const report = await testBroken([fault]);
  expect(list(report, "failed")).toEqual([]);
  expect(list(report, "doubtful")).toEqual(checks);
});

describe("without a list of what was shown", () => {
  test.each<[Fault, string[]]>([
    ["forgets repeats", ["repeat.after-answer", "repeat.at-once"]],
    ["remembers too late", ["repeat.at-once"]],
    ["takes parts for repeats", ["parts.each"]],
    ["takes replays for repeats", ["repeat.own-delivery"]],
  ])("the answers still give away an adapter that %s", async (fault, checks) => {
    const report = await testBroken([fault], { sees: false });
    expect(list(report, "failed")).toEqual(checks);
    expect(list(report, "unseen")).toEqual(["repeat.after-hang-up"]);
  });
});

test("where nobody listens, one finding says so", async () => {
  const adapter = await startBrokenAdapter(secret);
  await adapter.stop();
  const report = await testAdapter(
    {
      ...{ url: adapter.url, secret, recipient: { id: "crew-1", idType: "Opaque" }, timeoutMs: 1000, waitMs: 100 },
      ...{ confirms: "accepted", burst: 1, callbacks: { host: "127.0.0.1", port: 0 } },
    },
    { now: () => new Date(), newId: randomUUID },
  );
  expect(report.findings).toEqual([
    expect.objectContaining({ check: "reach", result: "failed", mend: expect.stringContaining("Start the adapter") }),
  ]);
});
