import { Command } from "commander";
import { examine } from "../app/doctor";
import { type CommandContext, formatTable, printJson } from "./output";
import { requireConfig } from "./settings";

export function doctorCommand({ output, env, end }: CommandContext): Command {
  return new Command("doctor")
    .description(
      "Reach for the store, Genesys Cloud, the mail server, Twilio and the adapters; say what is wrong and how to mend it.",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nNothing is sent to anybody. Exit code 1 if something is wrong.\n\nExample:\n  omb doctor\n",
    )
    .action(async ({ json }: { json?: boolean }) => {
      const { config, warnings } = requireConfig(env);
      const examined = await examine(config);
      const problems = examined.filter(({ ok }) => !ok);
      if (json) printJson(output, { ok: problems.length === 0, examined, warnings });
      else {
        const rows = examined.map(({ part, ok, found }) => [ok ? "ok" : "WRONG", part, found]);
        output.stdout.write(formatTable(["", "WHERE", "FOUND"], rows));
        for (const { part, mend } of problems) output.stdout.write(`\n${part}: ${mend}\n`);
        for (const warning of warnings) output.stdout.write(`\nwarning: ${warning}\n`);
        output.stdout.write(problems.length === 0 ? "\nAll is well.\n" : "");
      }
      end(problems.length === 0 ? 0 : 1);
    });
}
