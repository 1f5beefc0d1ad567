import { Command } from "commander";
import { signBody } from "../webhook/signature";
import { readInput } from "./input";
import { type CommandContext, printJson } from "./output";
import { chooseSecrets } from "./secrets";

interface SignOptions {
  secret?: string;
  integration?: string;
  json?: boolean;
}

export function signCommand({ output, env, stdin }: CommandContext): Command {
  return new Command("sign")
    .description("Sign a webhook body as Genesys Cloud does; prints the header.")
    .argument("<file>", "the body, to the last byte; - reads stdin")
    .option("--secret <secret>", "the secret token: itself, env:NAME or file:/path; else the settings' own")
    .option("--integration <name>", "whose secret to take from the settings, by name or id")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Example:
  curl -H "$(omb sign body.json --secret env:GENESYS_WEBHOOK_SECRET)" --data-binary @body.json \\
    http://127.0.0.1:3000/genesys/harborline-chat/outbound
`,
    )
    .action(async (file: string, options: SignOptions) => {
      const { secrets } = chooseSecrets(options.secret === undefined ? [] : [options.secret], options.integration, env);
      const body = await readInput(file, stdin);
      const value = signBody(body, secrets[0].secret);
      if (options.json) printJson(output, { header: "X-Hub-Signature-256", value, bytes: body.length });
      else output.stdout.write(`X-Hub-Signature-256: ${value}\n`);
    });
}
