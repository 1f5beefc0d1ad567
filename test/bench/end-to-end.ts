/** From the webhook through the store to the adapter, with a receipt to Genesys Cloud for every message. */
import type { Child } from "../processes/child";
import { readCpuSeconds, readPeakMemory } from "../processes/bridge";
import type { Stores } from "../processes/store";
import type { GeneratorCommands } from "./generator";
import { mean, percentile } from "./numbers";
import { startSystem, type System } from "./system";

export interface EndToEndResult {
  /** From the time the request was due until the adapter was called, at `pacedRate`. */
  p50Ms: number;
  p99Ms: number;
  /** The highest rate held without a growing backlog, deliveries and receipts both. */
  ratePerSecond: number;
  /** The same two times at that rate. */
  heldP50Ms: number;
  heldP99Ms: number;
  /** The longest queues of the hold: accepted and not yet delivered, delivered and not yet told. */
  deliveryBacklog: number;
  receiptBacklog: number;
  /** Microseconds of processor time that the serve process spent on a message at that rate. */
  cpuUs: number;
  /** The most that the serve process held resident under loads that it bore: before the first one it fell behind of. */
  memoryMb: number;
}

const connections = 128;
const pacedRate = 200;
const pacedSeconds = 20;
const rampFrom = 1000;
const rampStep = 250;
const rampSeconds = 6;

export async function measureEndToEnd(
  stores: Stores,
  generator: Child<GeneratorCommands>,
  holdSeconds: number,
  tell: (line: string) => void,
): Promise<EndToEndResult> {
  const system = await startSystem(stores);
  let first = 0;
  const run = async (rate: number, seconds: number) => {
    const result = await runAtRate(system, generator, { first, rate, seconds });
    first += Math.round(rate * seconds);
    return result;
  };
  try {
    await run(pacedRate, 5);
    const paced = await run(pacedRate, pacedSeconds);
    tell(`at ${pacedRate}/s: p50 ${paced.p50Ms.toFixed(1)} ms, p99 ${paced.p99Ms.toFixed(1)} ms`);

    let rate = rampFrom;
    let step = rampStep;
    let memoryMb = await readPeakMemory(system.bridge.pid);
    for (;;) {
      const tried = await run(rate, rampSeconds);
      if (tried.isSteady) memoryMb = await readPeakMemory(system.bridge.pid);
      tell(`ramp ${describe(rate, tried)}`);
      if (!tried.isSteady && rate === rampFrom) step = -rampStep;
      else if (tried.isSteady !== step > 0) break;
      rate += step;
      if (rate <= 0) throw new Error("no rate is steady");
    }
    if (step > 0) rate -= step;
    for (;;) {
      const held = await run(rate, holdSeconds);
      tell(`held for ${holdSeconds} s: ${describe(rate, held)}`);
      if (held.isSteady) {
        const { p50Ms, p99Ms } = paced;
        return {
          p50Ms,
          p99Ms,
          ratePerSecond: rate,
          heldP50Ms: held.p50Ms,
          heldP99Ms: held.p99Ms,
          deliveryBacklog: held.deliveryBacklog,
          receiptBacklog: held.receiptBacklog,
          cpuUs: held.cpuUs,
          memoryMb,
        };
      }
      rate -= rampStep / 2;
      if (rate <= 0) throw new Error("no rate can be held");
    }
  } finally {
    await system.remove();
  }
}

interface Run {
  p50Ms: number;
  p99Ms: number;
  isSteady: boolean;
  deliveryBacklog: number;
  receiptBacklog: number;
  cpuUs: number;
}

function describe(rate: number, run: Run): string {
  return (
    `${rate}/s: ${run.isSteady ? "steady" : "falling behind"}, p50 ${run.p50Ms.toFixed(1)} ms, p99 ${run.p99Ms.toFixed(0)} ms, ` +
    `backlog ${run.deliveryBacklog} deliveries, ${run.receiptBacklog} receipts at most`
  );
}

/** One paced load, watched while it runs, and followed until its last receipt. */
async function runAtRate(
  { bridge, adapter, genesys }: System,
  generator: Child<GeneratorCommands>,
  load: { first: number; rate: number; seconds: number },
): Promise<Run> {
  const total = Math.round(load.rate * load.seconds);
  const before = { calls: await adapter.call("calls"), receipts: await genesys.call("receipts") };
  const cpuBefore = readCpuSeconds(bridge.pid);
  await generator.call("prepare", { url: bridge.url, connections, ...load });
  const startedAt = Date.now();
  const endsAt = startedAt + load.seconds * 1000;
  const pacing = generator.call("pace");
  const samples: { due: number; delivered: number; told: number }[] = [];
  while (Date.now() < endsAt) {
    await new Promise((done) => setTimeout(done, 250));
    const due = Math.min(total, ((Date.now() - startedAt) / 1000) * load.rate);
    const delivered = (await adapter.call("calls")) - before.calls;
    const told = (await genesys.call("receipts")) - before.receipts;
    samples.push({ due, delivered, told });
  }
  const { accepted, dueAt } = await pacing;
  if (accepted !== total) throw new Error(`${total - accepted} of ${total} requests were not answered 200`);
  while ((await genesys.call("receipts")) < before.receipts + total) await new Promise((done) => setTimeout(done, 50));

  const cpuUs = ((readCpuSeconds(bridge.pid) - cpuBefore) * 1e6) / total;
  const arrivals = await adapter.call("arrivals", load.first, total);
  const latencies = [...arrivals].map((at, n) => (at - (dueAt[n] ?? Number.NaN)) / 1000);
  const undelivered = samples.map(({ due, delivered }) => due - delivered);
  const untold = samples.map(({ delivered, told }) => delivered - told);
  return {
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    isSteady: !isGrowing(undelivered, load.rate) && !isGrowing(untold, load.rate),
    deliveryBacklog: Math.round(Math.max(...undelivered)),
    receiptBacklog: Math.round(Math.max(...untold)),
    cpuUs,
  };
}

/** Whether the last third of the samples stands higher than the first by more than what a fifth of a second brings. */
function isGrowing(backlog: readonly number[], rate: number): boolean {
  const third = Math.ceil(backlog.length / 3);
  return mean(backlog.slice(-third)) - mean(backlog.slice(0, third)) > rate / 5;
}
