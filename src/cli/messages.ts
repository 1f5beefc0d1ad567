import { Command } from "commander";
import { openReader } from "../app";
import { BridgeError } from "../errors";
import { followBridge } from "./follow";
import { type CommandContext, formatTable, printJson } from "./output";
import { requireConfig } from "./settings";

interface ListOptions extends Record<string, string | boolean | undefined> {
  limit: string;
  cursor?: string;
  json?: boolean;
}

export function messagesCommand({ output, env }: CommandContext): Command {
  const messages = new Command("messages").description("What arrived, and what became of it.");

  messages
    .command("list")
    .description("List messages, the newest first.")
    .option("--fate <fate>", "open, delivered, failed, notified, …")
    .option("--kind <kind>", "text, media, template, structured, typing, receipt, event, unsupported")
    .option("--direction <direction>", "inbound or outbound")
    .option("--integration <name>", "name or id of an integration")
    .option("--conversation <id>", "Genesys Cloud's conversation id")
    .option("--recipient <id>", "the customer's id, exactly")
    .option("--since <time>", "received at or after, ISO 8601")
    .option("--until <time>", "received before, ISO 8601")
    .option("--q <text>", "part of the summary or of an id")
    .option("--limit <n>", "how many, 1 to 1000", "50")
    .option("--cursor <cursor>", "go on where the last list ended")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb messages list --fate failed --since 2026-09-14T00:00:00Z\n")
    .action(async ({ json, ...query }: ListOptions) => {
      const { items, nextCursor } = await withReader(env, (reader) => reader.listMessages(query));
      if (json) {
        printJson(output, { items, nextCursor });
        return;
      }
      const rows = items.map((item) => [
        item.receivedAt.slice(0, 19).replace("T", " "),
        item.kind,
        item.recipient.id,
        item.fate,
        item.delivery === null ? "" : `${item.delivery.channel} ${item.delivery.status}`,
        item.reason?.code ?? "",
        item.id,
        item.summary,
      ]);
      const headings = ["RECEIVED (UTC)", "KIND", "RECIPIENT", "FATE", "DELIVERY", "REASON", "ID", "SUMMARY"];
      output.stdout.write(
        rows.length === 0 ? "No message fits.\n" : formatTable(headings, rows, [19, 11, 28, 11, 24, 22, 36, 48]),
      );
      if (nextCursor !== null) output.stderr.write(`More: --cursor ${nextCursor}\n`);
    });

  messages
    .command("show")
    .description("Show one message with its attempts and its timeline.")
    .argument("<id>", "our id or Genesys Cloud's")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb messages show 90519fdfcda199f52d6757d95d97d47f\n")
    .action(async (id: string, options: { json?: boolean }) => {
      const found = await withReader(env, (reader) => reader.showMessage(id));
      if (found === undefined)
        throw new BridgeError("not_found", `No message has the id ${id}, ours or Genesys Cloud's.`);
      if (options.json) printJson(output, found);
      else output.stdout.write(describe(found));
    });

  messages
    .command("tail")
    .description("Show messages of a running bridge as they come and change.")
    .option("--integration <name>", "only this integration, by name or id")
    .option("--json", "print a line of JSON for each")
    .addHelpText("after", "\nExample:\n  omb messages tail\n")
    .action(async ({ integration, json }: { integration?: string; json?: boolean }) => {
      const query = integration === undefined ? "" : `?${new URLSearchParams({ integration })}`;
      for await (const { event, data } of followBridge(requireConfig(env).config, `/stream${query}`, output.stderr)) {
        if (event === "message") output.stdout.write(json ? `${JSON.stringify(data)}\n` : tailLine(data as TailedItem));
      }
    });

  return messages;
}

/** What a line about a changed message needs of an item. */
interface TailedItem {
  id: string;
  kind: string;
  receivedAt: string;
  fate: string;
  recipient: { id: string };
  delivery: { channel: string; status: string } | null;
  summary: string;
}

function tailLine({ id, kind, receivedAt, fate, recipient, delivery, summary }: TailedItem): string {
  const way = delivery === null ? "" : `${delivery.channel} ${delivery.status}`;
  const cells = [
    receivedAt.slice(11, 23),
    kind.padEnd(11),
    recipient.id.padEnd(24),
    fate.padEnd(11),
    way.padEnd(20),
    id,
  ];
  return `${[...cells, summary].join("  ")}\n`;
}

type Shown = NonNullable<Awaited<ReturnType<Awaited<ReturnType<typeof openReader>>["showMessage"]>>>;

async function withReader<T>(
  env: NodeJS.ProcessEnv,
  work: (reader: Awaited<ReturnType<typeof openReader>>) => Promise<T>,
): Promise<T> {
  const reader = await openReader(requireConfig(env).config);
  try {
    return await work(reader);
  } finally {
    await reader.close();
  }
}

function describe(shown: Shown): string {
  const facts: [string, string][] = [
    ["id", shown.id],
    ["Genesys id", shown.genesysMessageId ?? "none"],
    ["integration", `${shown.integration} (${shown.integrationId})`],
    ["conversation", shown.conversationId ?? "unknown"],
    ["recipient", `${shown.recipient.id} (${shown.recipient.idType || "no type"})`],
    ["kind", `${shown.kind}, ${shown.direction}`],
    ["summary", shown.summary],
    ["received", shown.receivedAt],
    ["fate", shown.reason === null ? shown.fate : `${shown.fate}: ${shown.reason.code}, ${shown.reason.message}`],
    ["receipt", shown.receipt === null ? "none" : `${shown.receipt.status}, ${shown.receipt.state}`],
    [
      "notice",
      shown.notice === null
        ? "none"
        : `${shown.notice.status}${shown.notice.channel === null ? "" : ` by ${shown.notice.channel}`}`,
    ],
    ["duplicates", String(shown.duplicates)],
  ];
  const attempts = shown.attempts.map((one) => [
    one.startedAt,
    String(one.number),
    one.result ?? "under way",
    one.answer ?? "",
    one.durationMs === null ? "" : `${one.durationMs} ms`,
  ]);
  const timeline = shown.timeline.map((line) => [
    line.at,
    line.event,
    line.detail === null ? "" : JSON.stringify(line.detail),
  ]);
  return [
    facts.map(([name, value]) => `${name.padEnd(13)}${value}\n`).join(""),
    attempts.length === 0
      ? ""
      : `\n${formatTable(["ATTEMPT STARTED", "NO", "RESULT", "ANSWER", "TOOK"], attempts, [24, 4, 10, 60])}`,
    `\n${formatTable(["TIMELINE", "EVENT", "DETAIL"], timeline, [24, 30, 100])}`,
  ].join("");
}
