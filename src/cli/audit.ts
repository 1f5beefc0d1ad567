import { Command } from "commander";
import { openReader } from "../app";
import { type CommandContext, formatTable, printJson } from "./output";
import { createProgress } from "./progress";
import { requireConfig } from "./settings";

export function auditCommand({ output, env, end }: CommandContext): Command {
  return new Command("audit")
    .description(
      "Prove that every message has exactly one fate, or is on its way to it. Exit code 1 if something is wrong.",
    )
    .option("--since <time>", "only messages received since, ISO 8601")
    .option("--chain", "verify the seals over the ledger too: tampering shows")
    .option("--head <hash>", "with --chain: a head noted earlier, which must still be in the chain")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb audit --chain\n")
    .action(async (options: { since?: string; chain?: boolean; head?: string; json?: boolean }) => {
      const reader = await openReader(requireConfig(env).config);
      const progress = createProgress(output.stderr, "auditing");
      try {
        const result = await reader.audit({
          since: options.since,
          chain: options.chain === true || options.head !== undefined,
          knownHead: options.head,
          onProgress: progress.show,
        });
        progress.clear();
        if (options.json) printJson(output, result);
        else {
          const counts = Object.entries(result.counts).map(([name, count]) => [name, String(count)]);
          output.stdout.write(formatTable(["COUNT OF", "MESSAGES"], counts));
          if (result.chain !== undefined) {
            const { seals, lines, unsealed, head } = result.chain;
            output.stdout.write(`\n${lines} ledger lines under ${seals} seals, ${unsealed} not sealed yet.\n`);
            if (head !== null) output.stdout.write(`Head of the chain, to be noted elsewhere: ${head}\n`);
          }
          const rows = result.findings.map((one) => [one.messageId ?? "(store)", one.problem, one.mend]);
          output.stdout.write(
            rows.length === 0
              ? "\nEvery message has one fate or something due that decides it.\n"
              : `\n${formatTable(["MESSAGE", "PROBLEM", "WHAT TO DO"], rows)}`,
          );
        }
        end(result.ok ? 0 : 1);
      } finally {
        progress.clear();
        await reader.close();
      }
    });
}
