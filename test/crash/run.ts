/**
 * `npm run test:crash [-- --kills N] [--engine sqlite|postgres|cluster|all] [--seed S]`: kill -9, again and again, under load.
 *
 * Three hundred recipients are written to in order; the built bridge dies at named steps of the road (steps.ts) and at any
 * time, or in a cluster stands still for longer than its leases, and is started again; adapter, Genesys Cloud and mail server
 * live on and remember what they saw. In the end, once nothing is due any more: every acknowledged message is there once and has
 * the fate that the adapter's answers call for, order held, the adapter saw nothing twice but what was in flight at a kill or a
 * stop or had failed, each message has its one receipt, and `omb audit` finds nothing. Exit code 1 if any of that is not so.
 *
 * `cluster` is two `serve --web` and two `serve --worker` on one PostgreSQL. Without --engine, the short form: sqlite and
 * postgres. PostgreSQL is the server of TEST_DATABASE_URL or DATABASE_URL, else one started from the development dependency.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/output";
import { buildBridge } from "../processes/bridge";
import { openStores } from "../processes/store";
import { type Evidence, judge, type Kill, type Verdict } from "./judge";
import { runScenario } from "./scenario";

const forms = {
  sqlite: ["sqlite"],
  postgres: ["postgres"],
  cluster: ["cluster"],
  all: ["sqlite", "postgres", "cluster"],
};
const shortForm = ["sqlite", "postgres"];
/** Of each kind. */
const mostProblemsShown = 5;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "20" },
      engine: { type: "string" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
    },
  });
  const chosen = values.engine === undefined ? shortForm : forms[values.engine as keyof typeof forms];
  if (chosen === undefined) throw new Error(`--engine is ${Object.keys(forms).join(", ")}`);
  const seed = Number(values.seed);
  process.stderr.write(`seed ${seed}\n`);
  buildBridge();

  const verdicts = new Map<string, Verdict>();
  for (const form of chosen) {
    const stores = await openStores(form === "sqlite" ? "sqlite" : "postgres");
    try {
      const shape = form === "cluster" ? "cluster" : "single";
      const tell = (line: string) => void process.stderr.write(`${form}: ${line}\n`);
      const evidence = await runScenario(stores, { shape, kills: Number(values.kills), seed, tell });
      tell(`killed at ${countSteps(evidence.kills)}`);
      const verdict = judge(evidence);
      verdicts.set(form, verdict);
      if (verdict.violations.some(({ problems }) => problems.length > 0)) tell(`the evidence is in ${keep(evidence)}`);
    } finally {
      await stores.close();
    }
  }
  process.stdout.write(toTable(verdicts));
  let isWell = true;
  for (const [form, { violations }] of verdicts) {
    for (const { name, problems } of violations) {
      if (problems.length > 0) isWell = false;
      for (const problem of problems.slice(0, mostProblemsShown))
        process.stdout.write(`${form}: ${name}: ${problem}\n`);
    }
  }
  return isWell ? 0 : 1;
}

/** For whoever looks for the cause. */
function keep(evidence: Evidence): string {
  const file = join(mkdtempSync(join(tmpdir(), "omb-crash-")), "evidence.json");
  const withMaps = (_: string, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value);
  writeFileSync(file, JSON.stringify(evidence, withMaps));
  return file;
}

function countSteps(kills: readonly Kill[]): string {
  const counts = new Map<string, number>();
  for (const { step } of kills) counts.set(step, (counts.get(step) ?? 0) + 1);
  return [...counts].map(([step, count]) => `${step} ${count}`).join(", ");
}

function toTable(verdicts: Map<string, Verdict>): string {
  const all = [...verdicts.values()].map(({ figures, violations }) => [
    ...figures,
    ...violations.map(({ name, problems }) => ({ name: `! ${name}`, value: problems.length })),
  ]);
  const rows = (all[0] ?? []).map(({ name }, row) => [name, ...all.map((one) => String(one[row]?.value ?? ""))]);
  return formatTable(["", ...verdicts.keys()], rows);
}

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
