/**
 * `npm run test:budget [-- --seconds N] [-- --per-minute N]`: two processes, one OAuth client and one PostgreSQL under a burst for
 * longer than a minute, counted by the simulated Genesys Cloud, whose sliding minute is as strict as can be. Exit code 1 when any
 * 60 seconds held more requests than the limit, or when one was answered 429.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Priority } from "../../src/genesys/budget";
import { createSimulator } from "../../src/simulator";
import { migrate } from "../../src/store/migrate";
import { openDatabase } from "../../src/store/database";
import { forkChild } from "../processes/child";
import type { CallerCommands } from "../processes/genesys-caller-child";
import { openStores } from "../processes/store";

const integrationId = "2655b4c8-6386-5a64-8346-d47fed659046";
const clients = [{ id: "client-a", secret: "secret-a" }];

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: { seconds: { type: "string", default: "150" }, "per-minute": { type: "string", default: "300" } },
  });
  const seconds = Number(values.seconds);
  const requestsPerMinute = Number(values["per-minute"]);
  const simulator = createSimulator({
    clients,
    requestsPerMinute,
    acceptStrayReceipts: true,
    publishReceipts: false,
    integrations: [{ id: integrationId, name: "chat", webhookUrl: "http://127.0.0.1:9/", secret: "s".repeat(16) }],
  });
  const gatewayUrl = await simulator.start();
  const stores = await openStores("postgres");
  const store = await stores.create();
  const location = { kind: "postgres" as const, url: String(store.env.DATABASE_URL) };
  const database = openDatabase(location);
  await migrate(database);
  await database.close();

  const processes = [0, 1].map(() =>
    forkChild<CallerCommands>(join(__dirname, "../processes/genesys-caller-child.ts")),
  );
  try {
    const options = { location, gatewayUrl, integrationId, clients, requestsPerMinute };
    await Promise.all(processes.map((one) => one.call("open", options)));
    process.stderr.write(`two processes ask for ${seconds} s, limit ${requestsPerMinute} a minute …\n`);
    const load = {
      seconds,
      greedy: { lookup: 20, typing: 10, deliveredReceipt: 2 },
      steady: { inbound: 0.5, failedReceipt: 0.5 },
    };
    const waits = await Promise.all(processes.map((one) => one.call("run", load)));

    const busiest = simulator.requests.busiestMinute({ clientId: "client-a" });
    const refused = simulator.requests.list().filter(({ status }) => status === 429).length;
    print("requests", simulator.requests.list({ clientId: "client-a" }).length);
    print("busiest 60 s", `${busiest} of ${requestsPerMinute}`);
    print("answered 429", refused);
    for (const priority of ["inbound", "failedReceipt", "deliveredReceipt", "lookup", "typing"] as Priority[]) {
      const sorted = waits.flatMap((one) => one[priority] ?? []).toSorted((a, b) => a - b);
      const part = (share: number) => `${Math.round(sorted[Math.floor(sorted.length * share)] ?? Number.NaN)} ms`;
      print(`wait of ${priority}`, `p50 ${part(0.5)}, p95 ${part(0.95)}, ${sorted.length} asked`);
    }
    return busiest <= requestsPerMinute && refused === 0;
  } finally {
    for (const one of processes) one.end();
    await store.remove();
    rmSync(store.directory, { recursive: true, force: true });
    await stores.close();
    await simulator.stop();
  }
}

function print(name: string, value: string | number): void {
  process.stdout.write(`${name.padEnd(26)}${value}\n`);
}

void main().then((isWithin) => {
  process.exitCode = isWithin ? 0 : 1;
});
