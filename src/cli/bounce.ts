import { Command } from "commander";
import { readInput } from "./input";
import { type CommandContext, printJson } from "./output";
import { callServer } from "./server";
import { requireConfig } from "./settings";

interface Taken {
  result: "bounce" | "complaint" | "delay" | "ignored";
  suppressed: boolean;
}

const meanings: Record<Taken["result"], string> = {
  bounce: "A notice came back: it has reached nobody.",
  complaint: "A notice was reported as unwanted.",
  delay: "A notice is late; nothing follows from that.",
  ignored: "No status of a notice of this bridge.",
};

export function bounceCommand({ output, env, stdin }: CommandContext): Command {
  return new Command("bounce")
    .description("Hand the running bridge a mail that came to its return path, as a mail server's pipe does.")
    .argument("<file>", "the whole mail, headers included; - reads stdin")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      '\nExample:\n  omb bounce returned.eml\n\nIn /etc/aliases of Postfix:\n  bounces: "|omb bounce -"\n',
    )
    .action(async (file: string, { json }: { json?: boolean }) => {
      const mail = (await readInput(file, stdin)).toString("utf8");
      const { config } = requireConfig(env);
      const taken = (await callServer(config, { method: "POST", path: "/bounces", body: { mail } })) as Taken;
      if (json) printJson(output, taken);
      else {
        const then = taken.suppressed ? " Its address is written to no more." : "";
        output.stdout.write(`${meanings[taken.result]}${then}\n`);
      }
    });
}
