import { Command } from "commander";
import { migrateStore } from "../app";
import { type CommandContext, printJson } from "./output";
import { requireConfig } from "./settings";

export function migrateCommand({ output, env }: CommandContext): Command {
  return new Command("migrate")
    .description("Bring the store's schema up to date; `serve` does so too.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  DATABASE_URL=postgres://user:password@host/db omb migrate\n")
    .action(async (options: { json?: boolean }) => {
      const { config } = requireConfig(env);
      const applied = await migrateStore(config);
      if (options.json) printJson(output, { applied });
      else
        output.stdout.write(applied.length === 0 ? "The store is up to date.\n" : `Applied: ${applied.join(", ")}\n`);
    });
}
