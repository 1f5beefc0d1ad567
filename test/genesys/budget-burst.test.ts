/** The budget under a burst, measured at a Genesys Cloud that counts. */
import { join } from "node:path";
import { pace } from "../../src/genesys/budget";
import { migrate } from "../../src/store/migrate";
import { openDatabase, type StoreLocation } from "../../src/store/database";
import { createSimulator, type Simulator } from "../../src/simulator";
import { atEnd } from "../helpers/clean-up";
import { makePlace } from "../helpers/stores";
import { forkChild } from "../processes/child";
import { createCaller, type Load, type Waits } from "../processes/genesys-caller";
import type { CallerCommands } from "../processes/genesys-caller-child";

const integrationId = "2655b4c8-6386-5a64-8346-d47fed659046";
const requestsPerMinute = 1200;
const clients = [
  { id: "client-a", secret: "secret-a" },
  { id: "client-b", secret: "secret-b" },
];

async function startSimulator(): Promise<Simulator> {
  const simulator = createSimulator({
    clients,
    requestsPerMinute,
    requestsPerMinutePerClient: requestsPerMinute,
    acceptStrayReceipts: true,
    publishReceipts: false,
    integrations: [{ id: integrationId, name: "chat", webhookUrl: "http://127.0.0.1:9/", secret: "s".repeat(16) }],
  });
  await simulator.start();
  atEnd(simulator.stop);
  return simulator;
}

async function makeStore(engine: "sqlite" | "postgres"): Promise<StoreLocation> {
  const place = await makePlace(engine);
  atEnd(place.remove);
  const database = openDatabase(place.location);
  await migrate(database);
  await database.close();
  return place.location;
}

/** Two processes that know of each other only by the store. */
async function startProcesses(simulator: Simulator) {
  const location = await makeStore("postgres");
  const options = {
    location,
    gatewayUrl: simulator.url,
    integrationId,
    clients: clients.slice(0, 1),
    requestsPerMinute,
  };
  const processes = [0, 1].map(() =>
    forkChild<CallerCommands>(join(__dirname, "../processes/genesys-caller-child.ts")),
  );
  for (const one of processes) atEnd(one.end);
  expect(await Promise.all(processes.map((one) => one.call("open", options)))).toEqual([true, true]);
  return (load: Load) => Promise.all(processes.map((one) => one.call("run", load)));
}

/** The most requests of a client that fell into any `windowMs`. */
function busiest(simulator: Simulator, clientId: string, windowMs: number): number {
  const times = simulator.requests
    .list({ clientId })
    .map(({ at }) => at)
    .toSorted((a, b) => a - b);
  let start = 0;
  return times.reduce((most, at, end) => {
    while ((times[start] ?? at) <= at - windowMs) start += 1;
    return Math.max(most, end - start + 1);
  }, 0);
}

/** What may fall into a window so that a whole minute at this pace stays within the limit. */
function allowedIn(windowMs: number): number {
  const { stepMs } = pace(requestsPerMinute);
  return requestsPerMinute - (60_000 - windowMs) / stepMs;
}

function share(sorted: readonly number[], part: number): number {
  return sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
}

function waitsOf(waits: readonly Waits[], priority: keyof Waits): number[] {
  return waits.flatMap((one) => one[priority] ?? []).toSorted((a, b) => a - b);
}

const burst: Load = {
  seconds: 6,
  greedy: { lookup: 20, typing: 10, deliveredReceipt: 2 },
  steady: { inbound: 2, failedReceipt: 2 },
};

test("two processes stay within the budget of one client, and what customers wait for goes first", async () => {
  const simulator = await startSimulator();
  const run = await startProcesses(simulator);
  const waits = await run(burst);

  const asked = simulator.requests.list({ clientId: "client-a" });
  expect(asked.filter(({ status }) => status === 429)).toEqual([]);
  for (const windowMs of [1000, 2000, 5000]) {
    expect(busiest(simulator, "client-a", windowMs)).toBeLessThanOrEqual(allowedIn(windowMs));
  }
  // The burst uses what there is: six seconds of the pace, less what starting takes.
  expect(asked.length).toBeGreaterThan((6000 / pace(requestsPerMinute).stepMs) * 0.6);

  const lookups = waitsOf(waits, "lookup");
  for (const priority of ["inbound", "failedReceipt"] as const) {
    const urgent = waitsOf(waits, priority);
    expect(urgent.length).toBeGreaterThan(15);
    expect(share(urgent, 0.9)).toBeLessThan(share(lookups, 0.5));
  }
}, 60_000);

test("a Retry-After given to one process is obeyed to the second by both", async () => {
  const simulator = await startSimulator();
  const run = await startProcesses(simulator);
  const running = run({ ...burst, seconds: 6 });
  const startedAt = Date.now();
  await simulator.next("request", () => Date.now() - startedAt > 1500);
  simulator.faults.add({ route: "POST /api/v2/**", status: 429, retryAfterSeconds: 2, count: 1 });
  const refused = await simulator.next("request", ({ status }) => status === 429);
  const answeredAt = Date.now();
  await running;

  const later = simulator.requests
    .list({ clientId: "client-a" })
    .map(({ at }) => at - answeredAt)
    .filter((ms) => ms > 600)
    .toSorted((a, b) => a - b);
  expect(refused.status).toBe(429);
  // What was under way when the answer came could not be stopped; after it nothing comes for two seconds.
  expect(later[0]).toBeGreaterThanOrEqual(1990);
  expect(later[0]).toBeLessThan(3500);
}, 60_000);

test("two clients of one process have a budget each, and share the work", async () => {
  const simulator = await startSimulator();
  const location = await makeStore("sqlite");
  const caller = createCaller({ location, gatewayUrl: simulator.url, integrationId, clients, requestsPerMinute });
  atEnd(caller.close);
  expect(await caller.logIn()).toBe(true);
  await caller.run({ seconds: 4, greedy: { lookup: 30, typing: 5 }, steady: { inbound: 4 } });
  const counts = clients.map(({ id }) => simulator.requests.list({ clientId: id }).length);
  for (const { id } of clients) {
    expect(busiest(simulator, id, 2000)).toBeLessThanOrEqual(allowedIn(2000));
  }
  expect(Math.abs((counts[0] ?? 0) - (counts[1] ?? 0))).toBeLessThan(10);
  expect(simulator.requests.list().filter(({ status }) => status === 429)).toEqual([]);
}, 30_000);
