/**
 * `npm run bench [-- --json] [--engine sqlite|postgres|both] [--seconds N]`: how fast the built bridge is on this machine.
 *
 * ingest       requests a second of the webhook, each on disk before its answer, beside a bare node:http server that checks the
 *              HMAC, parses the JSON and stores nothing; 1 KB bodies, 128 connections, distinct ids, rounds taking turns.
 *              `ratio` is measured with the worker off; the table shows it with the worker delivering, too.
 * end to end   from the time a webhook was due until the adapter was called, at a paced 200 messages a second, and the highest
 *              rate held for N (30) seconds with no growing backlog of deliveries or of receipts; 500 recipients.
 * memory       the most that the one `omb serve` process of the end-to-end runs held resident.
 *
 * Load, adapter and Genesys Cloud run in processes of their own on the same machine. PostgreSQL is the server of
 * TEST_DATABASE_URL or DATABASE_URL (a database is made and dropped), else one started from the development dependency.
 * `--json` prints one object on stdout; with both engines it holds SQLite's figures, and both under `engines`.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/output";
import { buildBridge } from "../processes/bridge";
import { forkChild } from "../processes/child";
import { type EngineName, openStores } from "../processes/store";
import { type EndToEndResult, measureEndToEnd } from "./end-to-end";
import type { GeneratorCommands } from "./generator";
import { type IngestResult, measureIngest } from "./ingest";

interface Result {
  ingest: IngestResult;
  endToEnd: EndToEndResult;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      engine: { type: "string", default: "both" },
      seconds: { type: "string", default: "30" },
    },
  });
  const engines = { sqlite: ["sqlite"], postgres: ["postgres"], both: ["sqlite", "postgres"] }[values.engine];
  if (engines === undefined) throw new Error("--engine is sqlite, postgres or both");
  buildBridge();
  const results = new Map<EngineName, Result>();
  for (const engine of engines as EngineName[]) results.set(engine, await measure(engine, Number(values.seconds)));
  process.stdout.write(values.json ? `${JSON.stringify(toJson(results))}\n` : toTable(results));
}

async function measure(engine: EngineName, holdSeconds: number): Promise<Result> {
  const tell = (line: string) => void process.stderr.write(`${engine}: ${line}\n`);
  const stores = await openStores(engine);
  const generator = forkChild<GeneratorCommands>(join(__dirname, "generator.ts"));
  try {
    const ingest = await measureIngest(stores, generator, tell);
    const endToEnd = await measureEndToEnd(stores, generator, holdSeconds, tell);
    return { ingest, endToEnd };
  } finally {
    generator.end();
    await stores.close();
  }
}

function toJson(results: Map<EngineName, Result>) {
  const engines = Object.fromEntries([...results].map(([engine, result]) => [engine, figures(result)]));
  const [first] = Object.values(engines);
  return results.size === 1 ? first : { ...first, engines };
}

function figures({ ingest, endToEnd }: Result) {
  const { p50Ms, p99Ms, ratePerSecond } = endToEnd;
  return {
    ingest: { ratio: round(ingest.ratio, 3) },
    endToEnd: { p50Ms: round(p50Ms, 2), p99Ms: round(p99Ms, 2), ratePerSecond: round(ratePerSecond, 0) },
    memoryMb: round(endToEnd.memoryMb, 1),
  };
}

function toTable(results: Map<EngineName, Result>): string {
  const row = (name: string, show: (result: Result) => string) => [name, ...[...results.values()].map(show)];
  return formatTable(
    ["", ...results.keys()],
    [
      row("ingest: bare server, requests/s", ({ ingest }) => ingest.bare.toFixed(0)),
      row("ingest: durable, requests/s", ({ ingest }) => ingest.durable.toFixed(0)),
      row("ingest: ratio", ({ ingest }) => ingest.ratio.toFixed(2)),
      row("ingest: ratio while delivering", ({ ingest }) => ingest.ratioWhileDelivering.toFixed(2)),
      row("ingest: bare server, CPU µs a request", ({ ingest }) => ingest.bareCpuUs.toFixed(0)),
      row("ingest: durable, CPU µs a request", ({ ingest }) => ingest.durableCpuUs.toFixed(0)),
      row("end to end at 200/s: p50, ms", ({ endToEnd }) => endToEnd.p50Ms.toFixed(1)),
      row("end to end at 200/s: p99, ms", ({ endToEnd }) => endToEnd.p99Ms.toFixed(1)),
      row("highest steady rate, messages/s", ({ endToEnd }) => endToEnd.ratePerSecond.toFixed(0)),
      row("at that rate: p50, ms", ({ endToEnd }) => endToEnd.heldP50Ms.toFixed(1)),
      row("at that rate: p99, ms", ({ endToEnd }) => endToEnd.heldP99Ms.toFixed(1)),
      row("at that rate: deliveries waiting at most", ({ endToEnd }) => String(endToEnd.deliveryBacklog)),
      row("at that rate: receipts waiting at most", ({ endToEnd }) => String(endToEnd.receiptBacklog)),
      row("at that rate: CPU µs a message", ({ endToEnd }) => endToEnd.cpuUs.toFixed(0)),
      row("memory of the serve process, MB", ({ endToEnd }) => endToEnd.memoryMb.toFixed(0)),
    ],
  );
}

function round(value: number, places: number): number {
  return Number(value.toFixed(places));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
