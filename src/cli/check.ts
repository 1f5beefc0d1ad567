import { readFileSync } from "node:fs";
import { Command } from "commander";
import { loadConfig } from "../config";
import { reportJson, reportText } from "../config/report";
import { type CommandContext, printJson } from "./output";

export function checkCommand({ output, env, end }: CommandContext): Command {
  return new Command("check")
    .description("Check the settings and list every problem; nothing is contacted.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  OMB_CONFIG=config/default.json omb check\n")
    .action((options: { json?: boolean }) => {
      const loaded = loadConfig({ env, readFile: (path) => readFileSync(path, "utf8") });
      if (options.json) printJson(output, reportJson(loaded));
      else output.stdout.write(reportText(loaded));
      end(loaded.ok ? 0 : 2);
    });
}
