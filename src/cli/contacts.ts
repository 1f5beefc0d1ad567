import { Command } from "commander";
import { z } from "zod";
import { type CommandContext, formatTable, printJson } from "./output";
import { callServer } from "./server";
import { requireConfig } from "./settings";

interface Claim {
  email?: string;
  phone?: string;
  externalId?: string;
  organisation?: string;
}

interface Shared {
  server?: string;
  json?: boolean;
}

const settled = z.object({ outcome: z.string(), contactId: z.string().nullable(), answer: z.string() });
const found = z.object({ contact: z.looseObject({ id: z.string() }).nullable() });
const journal = z.object({
  items: z.array(
    z.looseObject({
      at: z.string(),
      action: z.string(),
      cause: z.string(),
      proof: z.string(),
      conversationId: z.string().nullable(),
      contactId: z.string().nullable(),
      answer: z.string().nullable(),
    }),
  ),
});

/** Asks the running bridge, which keeps the journal and the pace. */
export function contactsCommand(context: CommandContext): Command {
  const contacts = new Command("contacts").description("Who customers are among Genesys Cloud's external contacts.");
  contacts.addCommand(resolveCommand(context));
  contacts.addCommand(mergeCommand(context));
  contacts.addCommand(journalCommand(context));
  return contacts;
}

function resolveCommand({ output, env, end }: CommandContext): Command {
  return new Command("resolve")
    .description(
      "Show who an e-mail address, phone number or id belongs to; with --conversation, make its customer that contact.",
    )
    .option("--email <address>", "an e-mail address")
    .option("--phone <number>", "a phone number with its country code")
    .option("--external-id <id>", "an id of the external source in the settings")
    .option("--conversation <id>", "claim, attach or merge for the customer of this conversation; no code is asked for")
    .option("--organisation <name>", "the organisation; the only one when absent")
    .option("--server <url>", "where the bridge runs; on this machine when absent")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExit code 1 if there is no such contact.\n\nExample:\n  omb contacts resolve --email ines@harborline.example\n",
    )
    .action(async ({ conversation, server, json, ...claim }: Claim & Shared & { conversation?: string }) => {
      const { config } = requireConfig(env);
      if (conversation === undefined) {
        const call = { method: "POST", path: "/contacts/lookup", body: claim, server } as const;
        const { contact } = found.parse(await callServer(config, call));
        if (json) printJson(output, { contact });
        else output.stdout.write(contact === null ? "Nobody is known by it.\n" : describeContact(contact));
        return end(contact === null ? 1 : 0);
      }
      const body = { ...claim, conversationId: conversation };
      const answer = await callServer(config, { method: "POST", path: "/contacts/attach", body, server });
      const result = settled.parse(answer);
      if (json) printJson(output, result);
      else output.stdout.write(describeOutcome(result));
      return end(result.contactId === null ? 1 : 0);
    });
}

function mergeCommand({ output, env }: CommandContext): Command {
  return new Command("merge")
    .description("Make one contact of several; the first one's name and addresses count.")
    .argument("<id...>", "ids of external contacts, 2 to 25")
    .option("--curated", "also contacts that people look after both")
    .option("--organisation <name>", "the organisation; the only one when absent")
    .option("--server <url>", "where the bridge runs; on this machine when absent")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  omb contacts merge 882e4fe5-06b4-570d-88d4-c1ed1cbf6d83 8d21ff6e-24a3-5c30-be70-faad4ec36ea9\n",
    )
    .action(
      async (
        contactIds: string[],
        { curated, organisation, server, json }: Shared & { curated?: boolean; organisation?: string },
      ) => {
        const { config } = requireConfig(env);
        const body = { contactIds, organisation, mergeCurated: curated };
        const answer = await callServer(config, { method: "POST", path: "/contacts/merge", body, server });
        const result = settled.parse(answer);
        if (json) printJson(output, result);
        else output.stdout.write(describeOutcome(result));
      },
    );
}

function journalCommand({ output, env }: CommandContext): Command {
  return new Command("journal")
    .description("What was done to contacts, the newest first; --json shows them before and after.")
    .option("--contact <id>", "what made this contact")
    .option("--conversation <id>", "what was done for this conversation")
    .option("--limit <n>", "how many, 1 to 1000", "50")
    .option("--server <url>", "where the bridge runs; on this machine when absent")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb contacts journal --limit 10\n")
    .action(
      async ({ server, json, ...filter }: Shared & { contact?: string; conversation?: string; limit: string }) => {
        const { config } = requireConfig(env);
        const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== undefined));
        const answer = await callServer(config, { method: "GET", path: `/contacts/journal?${query}`, server });
        if (json) return printJson(output, answer);
        const { items } = journal.parse(answer);
        const rows = items.map((one) => [
          one.at.slice(0, 19).replace("T", " "),
          one.action,
          one.cause,
          one.proof,
          one.contactId ?? "",
          one.answer ?? "unknown: the process ended",
        ]);
        const headings = ["AT (UTC)", "ACTION", "CAUSE", "PROOF", "CONTACT", "ANSWER"];
        output.stdout.write(rows.length === 0 ? "Nothing was done.\n" : formatTable(headings, rows));
      },
    );
}

const meanings: Record<string, string> = {
  known: "It is that contact already",
  claimed: "The conversation's contact is known by it now",
  attached: "The conversation shows the known contact now",
  merged: "They are one contact now",
  keptApart: "They cannot be one; the conversation shows the known contact",
  none: "There is no contact",
};

function describeOutcome({ outcome, contactId, answer }: z.infer<typeof settled>): string {
  return `${meanings[outcome] ?? outcome}${contactId === null ? "" : `: ${contactId}`} (${answer})\n`;
}

function describeContact(contact: { id: string; [field: string]: unknown }): string {
  const shown = Object.entries(contact).filter(([, value]) => typeof value === "string" && value !== "");
  return shown.map(([name, value]) => `${name.padEnd(16)}${String(value)}\n`).join("");
}
