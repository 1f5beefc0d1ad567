/** The options that choose messages, the same for every command. */
import type { Command } from "commander";

export interface ChoiceOptions {
  fate?: string;
  kind?: string;
  direction?: string;
  integration?: string;
  conversation?: string;
  recipient?: string;
  since?: string;
  until?: string;
}

export function addChoiceOptions(command: Command): Command {
  return command
    .option("--fate <fate>", "open, delivered, failed, notified, …")
    .option("--kind <kind>", "text, media, template, structured, typing, receipt, event, unsupported")
    .option("--direction <direction>", "inbound or outbound")
    .option("--integration <name>", "name or id of an integration")
    .option("--conversation <id>", "Genesys Cloud's conversation id")
    .option("--recipient <id>", "the customer's id, exactly")
    .option("--since <time>", "received at or after, ISO 8601")
    .option("--until <time>", "received before, ISO 8601");
}

/** The fields of the filter that were given. */
export function pickChoice(options: ChoiceOptions): Record<string, string | undefined> {
  const { fate, kind, direction, integration, conversation, recipient, since, until } = options;
  return { fate, kind, direction, integration, conversation, recipient, since, until };
}
