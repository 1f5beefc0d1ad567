/** Prints what normalizing a body costs beside parsing its JSON: `tsx test/bench/normalize.ts`. */
import { dedupKey } from "../../src/message/identity";
import { normalize } from "../../src/message/normalize";
import { summarize } from "../../src/message/summary";
import { capture, fixtures } from "../message/fixtures";

const rounds = 3_000;
const repeats = 7;

/** Microseconds per call: the best of some repeats, because the machine is shared. */
function measure(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const start = process.hrtime.bigint();
    for (let round = 0; round < rounds; round += 1) kept = work();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / rounds / 1000);
  }
  return best;
}

/** Read at the end, so that no work is optimized away. */
let kept: unknown;

const rows = fixtures
  .filter(({ name }) => name.startsWith("outbound/"))
  .map(({ name, body: parsed }) => {
    const json = JSON.stringify(parsed);
    const bytes = Buffer.from(json);
    const parse = measure(() => JSON.parse(json));
    const body: Record<string, unknown> = JSON.parse(json);
    const message = normalize(body, capture);
    return {
      name,
      bytes: bytes.length,
      parse,
      normalize: measure(() => normalize(body, capture)) / parse,
      dedupKey: measure(() => dedupKey(body, bytes, capture.integration)) / parse,
      summarize: measure(() => summarize(message)) / parse,
    };
  });

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const total = {
  name: "mean",
  bytes: Math.round(mean(rows.map(({ bytes }) => bytes))),
  parse: mean(rows.map(({ parse }) => parse)),
  normalize: mean(rows.map((row) => row.normalize)),
  dedupKey: mean(rows.map((row) => row.dedupKey)),
  summarize: mean(rows.map((row) => row.summarize)),
};
console.table(
  [...rows, total].map((row) => ({
    body: row.name.replace("outbound/", ""),
    bytes: row.bytes,
    "parse µs": row.parse.toFixed(2),
    "normalize / parse": row.normalize.toFixed(2),
    "dedupKey / parse": row.dedupKey.toFixed(2),
    "summarize / parse": row.summarize.toFixed(2),
  })),
);
if (kept === undefined) process.exitCode = 1;
