import { Command } from "commander";
import { StartError } from "../errors";
import { runSimulator, SimulatorUsageError, simulatorUsage } from "../simulator";
import { type CommandContext, printJson } from "./output";
import { waitForSignal } from "./signals";

export function simulateCommand({ output }: CommandContext): Command {
  const command = new Command("simulate")
    .description("Run a Genesys Cloud to practise on: its API, and signed webhooks to a connector in any language.")
    .option("--json", "print where it listens as JSON")
    // The simulator reads its own flags.
    .argument("[flags...]")
    .allowUnknownOption()
    .action(async (flags: string[], { json }: { json?: boolean }) => {
      const print = (line: string) => void (json ? output.stderr : output.stdout).write(`${line}\n`);
      const simulator = await runSimulator(flags, print).catch(explain);
      if (json) printJson(output, { url: simulator.url });
      await waitForSignal();
      await simulator.stop();
    });
  command.helpInformation = () =>
    `Usage: ${simulatorUsage}\n\n  --json                 print where it listens as JSON\n`;
  return command;
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
