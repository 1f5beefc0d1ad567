/** How much of a server that stores nothing is left when every message is on disk before its answer. */
import { join } from "node:path";
import type { Child } from "../processes/child";
import { forkChild } from "../processes/child";
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
  const bareUrl = await bare.call("listen");
  const webHalf = await startSystem(stores, [...process.execArgv, join(__dirname, "web-half.ts")]);
  const whole = await startSystem(stores);
  let first = 0;
  const rate = async (url: string, count: number) => {
    const { accepted, seconds, cpuShare } = await generator.call("flood", { url, connections, first, count });
    first += count;
    if (accepted !== count) throw new Error(`${count - accepted} of ${count} requests were not answered 200`);
    return { perSecond: count / seconds, cpuShare };
  };
  try {
    for (const url of [bareUrl, webHalf.bridge.url, whole.bridge.url]) await rate(url, 5_000);
    const seen = { bare: [] as number[], durable: [] as number[], whileDelivering: [] as number[] };
    for (let round = 1; round <= rounds; round += 1) {
      const baseline = await rate(bareUrl, perRound);
      const durable = await rate(webHalf.bridge.url, perRound);
      const whileDelivering = await rate(whole.bridge.url, perRound / 3);
      await untilQuiet(() => whole.adapter.call("calls"), 5_000 + (round * perRound) / 3);
      seen.bare.push(baseline.perSecond);
      seen.durable.push(durable.perSecond);
      seen.whileDelivering.push(whileDelivering.perSecond);
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
