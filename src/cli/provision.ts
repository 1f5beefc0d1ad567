import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { provision } from "../app/provision";
import type { Config, Organisation } from "../config";
import { BridgeError, StartError } from "../errors";
import { type CommandContext, printJson } from "./output";
import { requireConfig } from "./settings";

interface Options {
  organisation?: string;
  webhook?: string;
  secret?: string;
  media?: string;
  channel: string;
  dryRun?: boolean;
  json?: boolean;
}

const usualMedia = "image/jpeg,image/png,image/gif,audio/mpeg,audio/ogg,video/mp4,application/pdf,text/plain";

export function provisionCommand({ output, env }: CommandContext): Command {
  return new Command("provision")
    .description("Make an open-messaging integration in Genesys Cloud, and say what to put into the settings.")
    .argument("<name>", "name of the integration: a-z, 0-9 and -")
    .option("--organisation <name>", "the organisation; the only one when absent")
    .option("--webhook <url>", "where its messages go; under PUBLIC_URL when absent")
    .option("--secret <text>", "what signs them, longer than 15 characters; a random one when absent")
    .option(
      "--media <types>",
      "media types that pass, comma between; Genesys Cloud's own profile when empty",
      usualMedia,
    )
    .option("--channel <name>", "the channel its messages go through", "chat")
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe OAuth client needs messaging:integration:add and :view, messaging:setting:add and messaging:supportedContent:add.\n" +
        "\nExample:\n  PUBLIC_URL=https://bridge.example omb provision harborline-chat --dry-run\n",
    )
    .action(async (name: string, { json, dryRun, ...options }: Options) => {
      const { config } = requireConfig(env);
      const organisation = chooseOrganisation(config, options.organisation);
      const plan = {
        name: checkName(name),
        webhookUrl: options.webhook ?? webhookUnder(config, name),
        secret: checkSecret(options.secret ?? randomBytes(32).toString("base64url")),
        mediaTypes: (options.media ?? "")
          .split(",")
          .map((type) => type.trim())
          .filter(Boolean),
      };
      const say = (line: string) => void output.stderr.write(`${line}\n`);
      if (dryRun) {
        const steps = [
          ...(plan.mediaTypes.length === 0 ? [] : [`make a supported content profile: ${plan.mediaTypes.join(", ")}`]),
          "make a messaging setting with typing on, both ways",
          `make the integration ${plan.name} with its webhook at ${plan.webhookUrl}`,
          "wait until Genesys Cloud has completed it",
        ];
        if (json) printJson(output, { dryRun: true, organisation: organisation.name, steps });
        else output.stdout.write(`In ${organisation.name} this would:\n${steps.map((step) => `  ${step}\n`).join("")}`);
        return;
      }
      const made = await provision(organisation, plan, { tell: say });
      const integration = {
        name: plan.name,
        id: made.integrationId,
        ...(config.organisations.length > 1 ? { organisation: organisation.name } : {}),
        signatureSecrets: ["env:GENESYS_WEBHOOK_SECRET"],
        channel: options.channel,
      };
      if (json) {
        printJson(output, { ...made, webhookUrl: plan.webhookUrl, secret: plan.secret, integration });
        return;
      }
      output.stdout.write(
        `Put this into "integrations" of ${config.settingsFile}:\n\n${JSON.stringify(integration, null, 2)}\n\n` +
          `and this into the environment; it is not shown again:\n\nGENESYS_WEBHOOK_SECRET=${plan.secret}\n\n` +
          "Then route the integration to an inbound message flow in Genesys Cloud (Admin > Routing > Message Routing).\n",
      );
    });
}

function chooseOrganisation(config: Config, named: string | undefined): Organisation {
  const { organisations } = config;
  const found = named === undefined ? organisations[0] : organisations.find(({ name }) => name === named);
  if (found !== undefined && (named !== undefined || organisations.length === 1)) return found;
  const names = organisations.map(({ name }) => name).join(", ");
  throw new StartError(
    names === ""
      ? "No organisation is set up: set GENESYS_CLIENT_ID, its secret and a region."
      : `--organisation: one of ${names} is expected.`,
  );
}

function checkName(name: string): string {
  if (/^[a-z0-9-]+$/.test(name)) return name;
  throw new BridgeError("invalid_field", "a name of a-z, 0-9 and - is expected", "name");
}

function checkSecret(secret: string): string {
  if (secret.length > 15) return secret;
  throw new BridgeError("invalid_field", "Genesys Cloud takes secret tokens of more than 15 characters", "secret");
}

function webhookUnder({ publicUrl }: Config, name: string): string {
  if (publicUrl !== undefined) return `${publicUrl}/genesys/${name}/outbound`;
  throw new StartError("Set PUBLIC_URL, or say with --webhook where the integration's messages go.");
}
