import { readFileSync } from "node:fs";
import { Command } from "commander";
import { StartError } from "../errors";
import {
  playScenario,
  readScenario,
  runSimulator,
  type Scenario,
  type Simulator,
  SimulatorUsageError,
  type StepResult,
} from "../simulator";
import { type CommandContext, printJson } from "./output";
import { waitForSignal } from "./signals";

export function simulateCommand({ output, end }: CommandContext): Command {
  return new Command("simulate")
    .description("Run a Genesys Cloud to practise on: its API, and signed webhooks to a connector in any language.")
    .option("--port <n>", "port to listen on; 0 takes a free one (4010)")
    .option("--host <host>", "address to listen on (127.0.0.1)")
    .option("--webhook <url>", "where outbound messages go")
    .option("--secret <text>", "what signs them, longer than 15 characters")
    .option("--integration <id>", "id of the integration (a fixed one)")
    .option("--name <name>", "name of the integration (practice)")
    .option("--client <id:secret>", "OAuth client (simulator-client:simulator-secret)")
    .option("--requests-per-minute <n>", "budget of a token (300)")
    .option("--events <url>", "where triggers post")
    .option("--event-token <token>", "the bearer token they bring")
    .option("--state <file>", "file that keeps conversations and contacts over restarts")
    .option("--scenario <file>", "play a scripted scenario and end: 0 when all came true, 1 when not")
    .option("--json", "print where it listens as JSON")
    .addHelpText(
      "after",
      "\nExample:\n  omb simulate --webhook http://127.0.0.1:3000/genesys/practice/outbound --secret practice-secret-0001\n\nWith a scenario, such as config/examples/scenario.json:\n  omb simulate --scenario config/examples/scenario.json --webhook http://127.0.0.1:3000/genesys/practice/outbound --secret practice-secret-0001\n",
    )
    .action(async ({ json, scenario: file, ...options }: Record<string, string | boolean | undefined>) => {
      const scenario = typeof file === "string" ? readScenarioFile(file) : undefined;
      const print = (line: string) => void (json ? output.stderr : output.stdout).write(`${line}\n`);
      const simulator = await runSimulator(writeFlags(options), print).catch(explain);
      if (scenario === undefined) {
        if (json) printJson(output, { url: simulator.url });
        await waitForSignal();
      } else {
        const result = await play(simulator, scenario, print);
        if (json) printJson(output, result);
        end(result.ok ? 0 : 1);
      }
      await simulator.stop();
    });
}

function readScenarioFile(file: string) {
  try {
    return readScenario(readFileSync(file, "utf8"));
  } catch (error) {
    throw new StartError(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Tells each step as it comes true, or does not. */
async function play(simulator: Simulator, scenario: Scenario, print: (line: string) => void) {
  print(scenario.name);
  const steps: StepResult[] = [];
  const ok = await playScenario(simulator, scenario, (step) => {
    steps.push(step);
    print(
      `  ${step.ok ? "ok    " : "FAILED"}  ${step.what}${step.problem === undefined ? "" : `\n          ${step.problem}`}`,
    );
  });
  return { name: scenario.name, ok, steps };
}

/** The simulator reads its own flags, as it does without this program around it. */
function writeFlags(options: Record<string, string | boolean | undefined>): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    typeof value === "string" ? [`--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`, value] : [],
  );
}

function explain(error: unknown): never {
  if (error instanceof SimulatorUsageError)
    throw new StartError(`${error.message}\n(omb simulate --help shows the flags)`, { cause: error });
  if ((error as { code?: unknown } | null)?.code === "EADDRINUSE")
    throw new StartError("The port is taken: choose another with --port, or a free one with --port 0", {
      cause: error,
    });
  throw error;
}
