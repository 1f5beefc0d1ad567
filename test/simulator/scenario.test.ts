import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { playScenario, readScenario, type StepResult } from "../../src/simulator";
import { omb } from "../cli/omb";
import { delivered } from "../helpers/adapter";
import { atEnd } from "../helpers/clean-up";
import { startPractice } from "../helpers/practice";
import { makePlace } from "../helpers/stores";
import { customer, inboundPath, startBoth } from "./connector";

type Both = Awaited<ReturnType<typeof startBoth>>;

async function play({ simulator }: Both, steps: object[]) {
  const results: StepResult[] = [];
  const ok = await playScenario(simulator, readScenario(JSON.stringify({ name: "test", steps })), (one) =>
    results.push(one),
  );
  return { ok, results };
}

test("agents, receipts, customers, faults and ends are played, and what comes of them is expected", async () => {
  const both = await startBoth({ publishReceipts: false }, (hook, response) => {
    response.writeHead(200).end();
    const channel = { to: { id: "crew-7781" }, time: new Date().toISOString() };
    const status = String(hook.json.text).includes("not") ? "Failed" : "Delivered";
    const reasons = status === "Failed" ? { reasons: [{ code: "InvalidDestination", message: "gone" }] } : {};
    void both.call("POST", `${inboundPath}/receipt`, {
      id: hook.json.id,
      channel,
      status,
      isFinalReceipt: true,
      ...reasons,
    });
  });
  await both.call("POST", `${inboundPath}/message`, {
    channel: { from: customer, time: new Date().toISOString(), messageId: "m-1" },
    text: "Hello",
  });
  const { ok, results } = await play(both, [
    { expect: { inbound: { text: "Hello", from: customer.id } } },
    { say: { to: "crew-7781", text: "Good morning" }, as: "greeting" },
    { expect: { webhook: "accepted", of: "greeting" } },
    { expect: { status: "delivery-success", of: "greeting" } },
    { expect: { receipt: "Delivered", of: "greeting" } },
    { say: { in: "greeting", text: "This is not delivered", by: "bot" }, as: "lost" },
    { expect: { receipt: "Failed", of: "lost", code: "InvalidDestination" } },
    { note: "one webhook is sent twice", fault: { webhook: "*", duplicates: 1, count: 1 } },
    { say: { in: "greeting", text: "Twice" }, as: "twice" },
    { expect: { webhook: "accepted", of: "twice" } },
    { clearFaults: true },
    { disconnect: "agent", of: "greeting" },
    { waitSeconds: 0.01 },
    { expect: { requestsPerMinute: 100 } },
  ]);
  expect(results.filter((one) => !one.ok)).toEqual([]);
  expect(ok).toBe(true);
  expect(results[7]?.what).toBe("one webhook is sent twice");
  expect(both.receiver.received).toHaveLength(4);
});

test("a browser goes away and comes back", async () => {
  const both = await startBoth();
  const { ok } = await play(both, [
    { webchat: {}, as: "chat" },
    { browser: "gone", of: "chat" },
    { say: { in: "chat", text: "Are you there?" }, as: "missed" },
    { expect: { status: "delivery-failed", of: "missed" } },
    { browser: "back", of: "chat" },
    { expect: { status: "delivery-success", of: "missed" } },
  ]);
  expect(ok).toBe(true);
});

test("the first step that does not come true ends it, with what was found instead", async () => {
  const both = await startBoth({}, (_hook, response) => response.writeHead(404).end());
  const { ok, results } = await play(both, [
    { say: { to: "crew-7781", text: "Good morning" }, as: "greeting" },
    { expect: { webhook: "accepted", of: "greeting" }, withinSeconds: 0.3 },
    { say: { to: "crew-7781", text: "never said" } },
  ]);
  expect(ok).toBe(false);
  expect(results.map((one) => one.ok)).toEqual([true, false]);
  expect(results[1]?.problem).toMatch(/refused.*404/);
});

test.each([
  ["a name nobody gave", [{ disconnect: "agent", of: "nobody" }], /no step before was named "nobody"/],
  ["what the API refuses", [{ say: { to: "crew-7781", text: "x".repeat(2001) } }], /2000/],
  [
    "a message where there is none",
    [
      { webchat: {}, as: "chat" },
      { status: "read", of: "chat" },
    ],
    /no message/,
  ],
])("%s fails its step", async (_name, steps, problem) => {
  const { ok, results } = await play(await startBoth(), steps);
  expect(ok).toBe(false);
  expect(results.at(-1)?.problem).toMatch(problem);
});

test.each([
  ["{", /not JSON/],
  ['{"name":"empty","steps":[]}', /steps/],
  ['{"name":"odd","steps":[{"sing":{}}]}', /steps\.0/],
  ['{"steps":[{"waitSeconds":1}]}', /name/],
])("the text %s is no scenario", (text, problem) => {
  expect(() => readScenario(text)).toThrow(problem);
});

test("the example is played against a bridge, by the command, which ends as the scenario does", async () => {
  const { directory, remove } = await makePlace("sqlite");
  atEnd(remove);
  const example = join(__dirname, "../../config/examples/scenario.json");
  const practice = await startPractice("sqlite");
  practice.adapter.respond(() => delivered());
  const played = await playScenario(practice.simulator, readScenario(readFileSync(example, "utf8")));
  expect(played).toBe(true);

  const file = join(directory, "scenario.json");
  writeFileSync(
    file,
    JSON.stringify({
      name: "alone",
      steps: [
        { webchat: {}, as: "chat" },
        { expect: { status: "read", of: "chat" }, withinSeconds: 0.1 },
      ],
    }),
  );
  const failed = await omb(["simulate", "--port", "0", "--scenario", file]);
  expect(failed.exitCode).toBe(1);
  expect(failed.stdout).toMatch(/ok {6}.*\n.*FAILED/);
  const json = await omb(["simulate", "--port", "0", "--scenario", file, "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ name: "alone", ok: false, steps: [{ ok: true }, { ok: false }] });
  writeFileSync(file, "{");
  expect((await omb(["simulate", "--scenario", file])).exitCode).toBe(2);
}, 60_000);
