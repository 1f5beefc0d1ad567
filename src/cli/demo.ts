import { Command } from "commander";
import { runDemo } from "../demo/demo";
import type { CommandContext } from "./output";
import { waitForSignal } from "./signals";

export function demoCommand({ output, env, version, end }: CommandContext): Command {
  return new Command("demo")
    .description(
      "Run the bridge with a Genesys Cloud to practise on, a chat and a mail server, and play a short story.",
    )
    .option("--once", "end after the story; exit code 1 if anything came out otherwise than expected")
    .option("--json", "print the outcome as JSON, and the story on stderr")
    .addHelpText("after", "\nExamples:\n  omb demo\n  PORT=3000 omb demo\n  omb demo --once --json\n")
    .action(async (options: { once?: boolean; json?: boolean }) => {
      const json = options.json ?? false;
      const { isTTY } = json ? output.stderr : (output.stdout as { isTTY?: boolean });
      end(
        await runDemo({
          port: env.PORT || undefined,
          host: env.HOST || undefined,
          version,
          output,
          once: options.once ?? false,
          json,
          isColourful: isTTY === true && !env.NO_COLOR && env.TERM !== "dumb",
          // A closed terminal leaves nothing behind either.
          interrupted: waitForSignal(["SIGINT", "SIGTERM", "SIGHUP"]),
        }),
      );
    });
}
