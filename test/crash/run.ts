/**
 * `npm run test:crash [-- --kills N] [--engine sqlite|postgres|cluster|all] [--seed S]`: kill -9, again and again, under load.
 *
 * Three hundred recipients are written to in order; the built bridge dies at named steps of the road (steps.ts) and at any
 * time, and is started again; adapter, Genesys Cloud and mail server live on and remember what they saw. In the end, once
 * nothing is due any more: every acknowledged message is there once and has the fate that the adapter's answers call for,
 * order held, the adapter saw nothing twice but what was in flight at a kill or had failed, each message has its one receipt,
 * and `omb audit` finds nothing. Exit code 1 if any of that is not so.
 *
 * `cluster` is two `serve --web` and two `serve --worker` on one PostgreSQL. Without --engine, the short form: sqlite and
 * postgres. PostgreSQL is the server of TEST_DATABASE_URL or DATABASE_URL, else one started from the development dependency.
 */
import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/output";
import { buildBridge } from "../processes/bridge";
import { openStores } from "../processes/store";
import { judge, type Kill, type Verdict } from "./judge";
import { runScenario } from "./scenario";

const forms = {
  sqlite: ["sqlite"],
  postgres: ["postgres"],
  cluster: ["cluster"],
  all: ["sqlite", "postgres", "cluster"],
};
const shortForm = ["sqlite", "postgres"];
const mostProblemsShown = 20;

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
      verdicts.set(form, judge(evidence));
    } finally {
      await stores.close();
    }
  }
  process.stdout.write(toTable(verdicts));
  for (const [form, { problems }] of verdicts) {
    for (const problem of problems.slice(0, mostProblemsShown)) process.stdout.write(`${form}: ${problem}\n`);
    if (problems.length > mostProblemsShown)
      process.stdout.write(`${form}: and ${problems.length - mostProblemsShown} more\n`);
  }
  return [...verdicts.values()].some(({ problems }) => problems.length > 0) ? 1 : 0;
}

function countSteps(kills: readonly Kill[]): string {
  const counts = new Map<string, number>();
  for (const { step } of kills) counts.set(step, (counts.get(step) ?? 0) + 1);
  return [...counts].map(([step, count]) => `${step} ${count}`).join(", ");
}

function toTable(verdicts: Map<string, Verdict>): string {
  const [first] = verdicts.values();
  const rows = (first?.figures ?? []).map(({ name, isViolation }, row) => [
    isViolation ? `! ${name}` : name,
    ...[...verdicts.values()].map(({ figures }) => String(figures[row]?.value ?? "")),
  ]);
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
