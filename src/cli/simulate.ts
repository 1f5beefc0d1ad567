import { Command } from "commander";
import { StartError } from "../errors";
import { runSimulator, SimulatorUsageError } from "../simulator";
import { type CommandContext, printJson } from "./output";
import { waitForSignal } from "./signals";

export function simulateCommand({ output }: CommandContext): Command {
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
    .option("--json", "print where it listens as JSON")
    .addHelpText(
      "after",
      "\nExample:\n  omb simulate --webhook http://127.0.0.1:3000/genesys/practice/outbound --secret practice-secret-0001\n",
    )
    .action(async ({ json, ...options }: Record<string, string | boolean | undefined>) => {
      const print = (line: string) => void (json ? output.stderr : output.stdout).write(`${line}\n`);
      const simulator = await runSimulator(writeFlags(options), print).catch(explain);
      if (json) printJson(output, { url: simulator.url });
      await waitForSignal();
      await simulator.stop();
    });
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
