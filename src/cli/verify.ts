import { Command } from "commander";
import { StartError } from "../errors";
import { type Diagnosis, diagnoseSignature } from "../webhook/diagnose";
import { signatureHeader } from "../webhook/signature";
import { collect, readInput } from "./input";
import { type CommandContext, formatTable, printJson } from "./output";
import { verifyRejected } from "./rejected";
import { chooseSecrets } from "./secrets";

export interface VerifyOptions {
  header?: string[];
  secret?: string[];
  integration?: string;
  rejected?: boolean;
  take?: boolean;
  server?: string;
  json?: boolean;
}

export function verifyCommand(context: CommandContext): Command {
  const { output, env, stdin, end } = context;
  return new Command("verify")
    .description("Say whether a webhook's signature fits, and if not, why and how to mend it.")
    .argument("[file]", "the body as it arrived, to the last byte; - reads stdin")
    .option("--header <header>", "the signature, or any header as `Name: value`; several times", collect)
    .option("--secret <secret>", "the secret token: itself, env:NAME or file:/path; several times", collect)
    .option("--integration <name>", "whose secrets to take from the settings, by name or id")
    .option("--rejected", "verify the webhooks that the bridge refused, with today's secrets")
    .option("--take", "with --rejected: have the running bridge take in those that fit now")
    .option("--server <url>", "with --take: where the bridge runs; else on this machine, on PORT")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  omb verify body.json --header 'X-Hub-Signature-256: sha256=…' --secret env:GENESYS_WEBHOOK_SECRET
  omb verify --rejected --integration harborline-chat --take
`,
    )
    .action(async (file: string | undefined, options: VerifyOptions) => {
      if (options.rejected === true) return verifyRejected(context, options);
      if (options.take === true) throw new StartError("--take goes with --rejected");
      if (file === undefined) throw new StartError("a file is needed, - for stdin, or --rejected");
      const chosen = chooseSecrets(options.secret ?? [], options.integration, env);
      const request = { ...readHeaders(options.header ?? []), ...chosen, body: await readInput(file, stdin) };
      const diagnosis = diagnoseSignature(request);
      if (options.json) printJson(output, diagnosis);
      else output.stdout.write(describe(diagnosis));
      end(diagnosis.verdict === "fits" ? 0 : 1);
    });
}

/** A value without a name is the signature's. */
function readHeaders(given: readonly string[]): { signatures: string[]; headers: Record<string, string> } {
  const signatures: string[] = [];
  const headers: Record<string, string> = {};
  for (const one of given) {
    const [, name, value = ""] = /^(?!sha\d)([\w-]+):\s*(.*?)\s*$/is.exec(one) ?? [];
    if (name === undefined) signatures.push(one);
    else if (name.toLowerCase() === signatureHeader) signatures.push(value);
    else headers[name.toLowerCase()] = value;
  }
  return { signatures, headers };
}

function describe({ verdict, secret, flaws }: Diagnosis): string {
  if (verdict === "fits") return `The signature fits: ${secret}.\n`;
  const table = formatTable(
    ["WHERE", "FOUND", "WHAT TO DO"],
    flaws.map(({ where, found, mend }) => [where, found, mend]),
  );
  const title =
    verdict === "explained"
      ? `The signature does not fit as it is. It was made with ${secret}, and this is in the way:`
      : "The signature does not fit, and no known mistake explains it:";
  return `${title}\n\n${table}`;
}
