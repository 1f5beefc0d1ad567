import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { type ConsentDesk, openConsentDesk, writeConsents } from "../app/consent";
import type { Config } from "../config";
import { BridgeError, StartError } from "../errors";
import {
  consentChannel,
  consentPurpose,
  consentRequest,
  consentState,
  type ConsentState,
  consentWithdrawal,
} from "../message/consent";
import { readCsv } from "../message/csv";
import { readInput } from "./input";
import { type CommandContext, formatTable, printJson } from "./output";
import { callServer } from "./server";
import { requireConfig } from "./settings";

interface Choice {
  channel?: string;
  purpose?: string;
  reason?: string;
  grant?: boolean;
  json?: boolean;
}

/** `omb suppress`: through the bridge that runs, or straight in the store when none holds it. */
export function suppressCommand(context: CommandContext): Command {
  const suppress = new Command("suppress").description("Who does not want to be written to, and who has agreed.");
  suppress.addCommand(addCommand(context));
  suppress.addCommand(removeCommand(context));
  suppress.addCommand(listCommand(context));
  suppress.addCommand(importCommand(context));
  suppress.addCommand(exportCommand(context));
  return suppress;
}

const channelOption = () =>
  new Option("--channel <channel>", "email, sms or *; every channel when absent").choices(consentChannel.options);
const purposeOption = () =>
  new Option("--purpose <purpose>", "transactional, marketing or *; every purpose when absent").choices(
    consentPurpose.options,
  );

function addCommand({ output, env }: CommandContext): Command {
  return new Command("add")
    .description("Write to this address no more, or with --grant note that it has agreed.")
    .argument("<address>", "an e-mail address, a phone number with its country code, or a recipient's id")
    .addOption(channelOption())
    .addOption(purposeOption())
    .option("--reason <text>", "why, for people")
    .option("--grant", "it has agreed: marketing needs that")
    .option("--json", "print JSON")
    .addHelpText("after", '\nExample:\n  omb suppress add mira@example.com --channel email --reason "asked by phone"\n')
    .action(async (address: string, { grant, json, ...choice }: Choice) => {
      const request = readArguments(consentRequest, { address, ...choice, state: stateOf(grant) });
      const { changed, item } = await withDesk(env, (desk) => desk.add(request));
      if (json) printJson(output, item);
      else output.stdout.write(`${changed ? "Noted" : "Known already"}: ${describe(item)}\n`);
    });
}

function removeCommand({ output, env, end }: CommandContext): Command {
  return new Command("remove")
    .description("Take back what was noted. Exit code 1 if there was nothing.")
    .argument("<address>", "as it was added, in whatever spelling")
    .addOption(channelOption())
    .addOption(purposeOption())
    .option("--reason <text>", "why, for people")
    .option("--grant", "take back an agreement instead of an opt-out")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb suppress remove mira@example.com --channel email\n")
    .action(async (address: string, { grant, json, ...choice }: Choice) => {
      const withdrawal = readArguments(consentWithdrawal, { address, ...choice, state: stateOf(grant) });
      const removed = await withDesk(env, (desk) => desk.remove(withdrawal));
      if (json) printJson(output, { removed });
      else output.stdout.write(removed === 0 ? "Nothing of this kind is known of it.\n" : `Taken back: ${removed}\n`);
      end(removed === 0 ? 1 : 0);
    });
}

function listCommand({ output, env }: CommandContext): Command {
  return new Command("list")
    .description("List opt-outs, the newest first.")
    .option("--address <address>", "only of this address, with how it came about")
    .addOption(channelOption())
    .addOption(purposeOption())
    .addOption(
      new Option("--state <state>", "optedOut, granted or all")
        .choices([...consentState.options, "all"])
        .default("optedOut"),
    )
    .option("--limit <n>", "how many, 1 to 1000", "50")
    .option("--cursor <cursor>", "go on where the last list ended")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb suppress list --channel sms\n")
    .action(async (options: Choice & { address?: string; state: string; limit: string; cursor?: string }) => {
      const { address, channel, purpose, state, json } = options;
      const filter = {
        address,
        channel: consentChannel.optional().parse(channel),
        purpose: consentPurpose.optional().parse(purpose),
        state: consentState.safeParse(state).data,
      };
      const page = { limit: readNumber(options.limit, "limit"), cursor: readNumber(options.cursor, "cursor") };
      const { items, nextCursor, history } = await withDesk(env, async (desk) => ({
        ...(await desk.list(filter, { limit: page.limit ?? 50, cursor: page.cursor })),
        history: address === undefined ? undefined : await desk.history(address),
      }));
      if (json) {
        const cursor = nextCursor === null ? null : String(nextCursor);
        printJson(output, { items, nextCursor: cursor, ...(history === undefined ? {} : { history }) });
        return;
      }
      const rows = items.map((item) => [
        item.at.slice(0, 19).replace("T", " "),
        item.address ?? "(not kept)",
        item.channel,
        item.purpose,
        item.state,
        item.source,
        item.reason ?? "",
      ]);
      const headings = ["SINCE (UTC)", "ADDRESS", "CHANNEL", "PURPOSE", "STATE", "SOURCE", "REASON"];
      output.stdout.write(rows.length === 0 ? "Nobody.\n" : formatTable(headings, rows, [19, 40, 8, 14, 9, 10, 40]));
      if (history !== undefined && history.length > 0) {
        const lines = history.map((line) => [
          line.at.slice(0, 19).replace("T", " "),
          line.change,
          line.channel,
          line.purpose,
          line.source,
          line.reason ?? "",
        ]);
        output.stdout.write(`\n${formatTable(["AT (UTC)", "WHAT", "CHANNEL", "PURPOSE", "SOURCE", "REASON"], lines)}`);
      }
      if (nextCursor !== null) output.stderr.write(`More: --cursor ${nextCursor}\n`);
    });
}

function importCommand({ output, env, stdin, end }: CommandContext): Command {
  return new Command("import")
    .description(
      "Add every line of a CSV file. Lines that are wrong are listed, the others are added; exit code 1 then.",
    )
    .argument(
      "<file>",
      "columns address, channel, purpose, state, reason in any order, or one address a line; - for stdin",
    )
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb suppress import opt-outs.csv\n")
    .action(async (file: string, { json }: { json?: boolean }) => {
      const text = String(await readInput(file, stdin));
      const result = await withDesk(env, (desk) => desk.importCsv(text));
      if (json) printJson(output, result);
      else {
        output.stdout.write(
          `Added: ${result.added}, known already: ${result.unchanged}, wrong: ${result.errors.length}\n`,
        );
        for (const { line, message } of result.errors) output.stderr.write(`${file}:${line}: ${message}\n`);
      }
      end(result.errors.length === 0 ? 0 : 1);
    });
}

function exportCommand({ output, env }: CommandContext): Command {
  return new Command("export")
    .description("Write opt-outs and agreements as CSV, which import takes again.")
    .argument("[file]", "stdout when absent")
    .option("--json", "print how many lines were written; needs a file")
    .addHelpText("after", "\nExample:\n  omb suppress export opt-outs.csv\n")
    .action(async (file: string | undefined, { json }: { json?: boolean }) => {
      if (json && file === undefined) throw new StartError("--json needs a file: stdout carries the CSV.");
      const parts: string[] = [];
      await withDesk(env, async (desk) => {
        for await (const part of writeConsents(desk.list)) parts.push(part);
      });
      if (file === undefined) output.stdout.write(parts.join(""));
      else {
        const text = parts.join("");
        writeFileSync(file, text, { mode: 0o600 });
        const exported = readCsv(text).length - 1;
        if (json) printJson(output, { exported });
        else output.stdout.write(`Written: ${exported}\n`);
      }
    });
}

type Desk = ConsentDesk & { close(): Promise<void> };

async function withDesk<T>(env: NodeJS.ProcessEnv, work: (desk: Desk) => Promise<T>): Promise<T> {
  const { config } = requireConfig(env);
  const desk = (await openConsentDesk(config)) ?? askBridge(config);
  try {
    return await work(desk);
  } finally {
    await desk.close();
  }
}

type Items = Awaited<ReturnType<Desk["list"]>>["items"];
type History = Awaited<ReturnType<Desk["history"]>>;

/** The same verbs, asked of the bridge that holds the store. Its answers are taken as they are. */
function askBridge(config: Config): Desk {
  const call = async <Answer>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown) =>
    (await callServer(config, { method, path: `/suppressions${path}`, body })) as Answer;

  const list: Desk["list"] = async ({ state, ...filter }, page) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...filter, ...page, state: state ?? "all" })) {
      if (value !== undefined) query.set(name, String(value));
    }
    const { items, nextCursor } = await call<{ items: Items; nextCursor: string | null }>("GET", `?${query}`);
    return { items, nextCursor: nextCursor === null ? null : Number(nextCursor) };
  };

  return {
    list,
    async history(address) {
      const query = new URLSearchParams({ address });
      return (await call<{ items: History }>("GET", `/history?${query}`)).items;
    },
    async add(request) {
      const { address, channel, purpose, state } = request;
      const before = await list({ address, channel, purpose, state }, { limit: 1 });
      return { changed: before.items.length === 0, item: await call("POST", "", request) };
    },
    async remove(withdrawal) {
      try {
        return (await call<{ removed: number }>("DELETE", "", withdrawal)).removed;
      } catch (error) {
        if (error instanceof BridgeError && error.code === "not_found") return 0;
        throw error;
      }
    },
    importCsv: (csv) => call("POST", "/import", { csv }),
    close: async () => undefined,
  };
}

function stateOf(grant: boolean | undefined): ConsentState {
  return grant === true ? "granted" : "optedOut";
}

/** Throws `invalid_field` naming the first argument that is wrong. */
function readArguments<Parsed>(
  schema: {
    safeParse(
      value: unknown,
    ):
      | { success: true; data: Parsed }
      | { success: false; error: { issues: { message: string; path: PropertyKey[] }[] } };
  },
  value: unknown,
): Parsed {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.map(String).join(".") ?? "";
  const message = `${field === "" ? "" : `${field}: `}${issue?.message ?? "not right"}`;
  throw new BridgeError("invalid_field", message, field);
}

function readNumber(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new BridgeError("invalid_field", `--${name}: expected a whole number`, name);
  return Number(text);
}

function describe(item: { address: string | null; channel: string; purpose: string; state: string }): string {
  const { address, channel, purpose, state } = item;
  const scope = `channel ${channel}, purpose ${purpose}`;
  return `${address ?? "(not kept)"}, ${scope}, ${state === "granted" ? "has agreed" : "opted out"}`;
}
