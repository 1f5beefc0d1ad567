/** How much of a server that stores nothing is left when every message is on disk before its answer. */
import { join } from "node:path";
import { readCpuSeconds } from "../processes/bridge";
import { type Child, forkChild } from "../processes/child";
import type { Stores } from "../processes/store";
import type { BareCommands } from "./bare";
import type { GeneratorCommands } from "./generator";
import { median } from "./numbers";
import { startSystem } from "./system";

export interface IngestResult {
  /** Durable webhook beside the bare server, median over the rounds; its worker is not running. */
  ratio: number;
  /** The same with the worker delivering on the same two cores meanwhile. */
  ratioWhileDelivering: number;
  /** Requests a second, medians. */
  bare: number;
  durable: number;
  whileDelivering: number;
  /** Microseconds of processor time a request, which other work on the machine hardly moves. */
  bareCpuUs: number;
  durableCpuUs: number;
}

const connections = 128;
const rounds = 5;
const perRound = 30_000;

/**
 * Rounds of the bare server, the web half and the whole bridge take turns, so that what else the machine does hits them alike;
 * each round's ratio is taken to its own bare run.
 */
export async function measureIngest(
  stores: Stores,
  generator: Child<GeneratorCommands>,
  tell: (line: string) => void,
): Promise<IngestResult> {
  const bare = forkChild<BareCommands>(join(__dirname, "bare.ts"));
  const { url: bareUrl, pid: barePid } = await bare.call("listen");
  const webHalf = await startSystem(stores, [...process.execArgv, join(__dirname, "web-half.ts")]);
  const whole = await startSystem(stores);
  let first = 0;
  const rate = async (url: string, count: number, pid: number) => {
    const before = readCpuSeconds(pid);
    const { accepted, seconds, cpuShare } = await generator.call("flood", { url, connections, first, count });
    const cpuUs = ((readCpuSeconds(pid) - before) * 1e6) / count;
    first += count;
    if (accepted !== count) throw new Error(`${count - accepted} of ${count} requests were not answered 200`);
    return { perSecond: count / seconds, cpuShare, cpuUs };
  };
  try {
    await rate(bareUrl, 5_000, barePid);
    for (const { bridge } of [webHalf, whole]) await rate(bridge.url, 5_000, bridge.pid);
    const seen: Record<"bare" | "durable" | "whileDelivering" | "bareCpuUs" | "durableCpuUs", number[]> = {
      bare: [],
      durable: [],
      whileDelivering: [],
      bareCpuUs: [],
      durableCpuUs: [],
    };
    for (let round = 1; round <= rounds; round += 1) {
      const baseline = await rate(bareUrl, perRound, barePid);
      const durable = await rate(webHalf.bridge.url, perRound, webHalf.bridge.pid);
      const whileDelivering = await rate(whole.bridge.url, perRound / 3, whole.bridge.pid);
      await untilQuiet(() => whole.adapter.call("calls"), 5_000 + (round * perRound) / 3);
      seen.bare.push(baseline.perSecond);
      seen.durable.push(durable.perSecond);
      seen.whileDelivering.push(whileDelivering.perSecond);
      seen.bareCpuUs.push(baseline.cpuUs);
      seen.durableCpuUs.push(durable.cpuUs);
      tell(
        `ingest round ${round}: bare ${baseline.perSecond.toFixed(0)}/s (generator ${(baseline.cpuShare * 100).toFixed(0)} % of a core), ` +
          `durable ${durable.perSecond.toFixed(0)}/s, while delivering ${whileDelivering.perSecond.toFixed(0)}/s`,
      );
    }
    const ratios = (which: number[]) => median(which.map((one, round) => one / (seen.bare[round] ?? Number.NaN)));
    return {
      ratio: ratios(seen.durable),
      ratioWhileDelivering: ratios(seen.whileDelivering),
      bare: median(seen.bare),
      durable: median(seen.durable),
      whileDelivering: median(seen.whileDelivering),
      bareCpuUs: median(seen.bareCpuUs),
      durableCpuUs: median(seen.durableCpuUs),
    };
  } finally {
    bare.end();
    await webHalf.remove();
    await whole.remove();
  }
}

/** Until the worker has nothing left that would disturb the next round. */
async function untilQuiet(count: () => Promise<number>, expected: number): Promise<void> {
  while ((await count()) < expected) await new Promise((done) => setTimeout(done, 100));
  await new Promise((done) => setTimeout(done, 500));
}
