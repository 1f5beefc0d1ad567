import { Command } from "commander";
import { confirm } from "./confirm";
import { findDesk } from "./desk";
import { type CommandContext, formatTable, printJson } from "./output";
import { requireConfig } from "./settings";

export function eraseCommand({ output, stdin, env, end }: CommandContext): Command {
  return new Command("erase")
    .description(
      "Remove everything personal about one recipient; what happened stays countable, the ledger stays whole.",
    )
    .argument("<recipient>", "the recipient's id, exactly as messages name it")
    .option("--integration <name>", "only in this integration, by name or id")
    .option("--yes", "do not ask")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb erase mira@harborline.example\n")
    .action(async (recipient: string, options: { integration?: string; yes?: boolean; json?: boolean }) => {
      const { config } = requireConfig(env);
      const question = "This removes all that the recipient's messages said, for good. Go on?";
      if (!options.yes && !(await confirm(question, { stdin, stderr: output.stderr }))) {
        end(1);
        return;
      }
      const desk = await findDesk(config);
      try {
        const erased = await desk.erase({ recipient, integration: options.integration });
        if (options.json) printJson(output, erased);
        else {
          const rows = Object.entries(erased).map(([what, count]) => [what, String(count)]);
          output.stdout.write(formatTable(["ERASED", "ROWS"], rows));
        }
      } finally {
        await desk.close();
      }
    });
}
