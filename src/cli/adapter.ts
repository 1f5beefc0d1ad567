import { randomUUID } from "node:crypto";
import { Command, InvalidArgumentError } from "commander";
import { type Report, testAdapter } from "../adapter-kit/run";
import { BridgeError, StartError } from "../errors";
import { readSecret } from "./input";
import { type CommandContext, formatTable, printJson } from "./output";
import { createProgress } from "./progress";

interface Options {
  secret?: string;
  recipient: string;
  idType: string;
  confirms: "accepted" | "delivered" | "read";
  callbacks: { host: string; port: number };
  outbox?: string;
  timeout: number;
  wait: number;
  burst: number;
  json?: boolean;
}

export function adapterCommand({ output, env, end }: CommandContext): Command {
  const adapter = new Command("adapter").description("For those who write channel adapters.");
  adapter
    .command("test")
    .description("Run an adapter through everything a bridge and a stranger may do to it, and say what it made of it.")
    .argument("<url>", "where the adapter takes deliveries", readUrl)
    .option(
      "--secret <secret>",
      "the shared secret, whsec_…: itself, env:NAME or file:/path; else the variable CHAT_SECRET",
    )
    .option("--callbacks <address>", "where this command stands in for the bridge: port or host:port", readAddress, {
      host: "127.0.0.1",
      port: 0,
    })
    .option(
      "--confirms <news>",
      "the best news the adapter brings: accepted, delivered or read",
      readConfirms,
      "accepted",
    )
    .option("--recipient <id>", "the customer who gets the test messages", "adapter-test")
    .option("--id-type <type>", "of that id: Opaque, Email or Phone", "Opaque")
    .option("--outbox <url>", "a JSON list of what customers were shown, each with its deliveryId", readUrl)
    .option("--timeout <seconds>", "how long an answer may take, as the channel's timeoutSeconds", readSeconds, 10)
    .option("--wait <seconds>", "how long receipts are waited for", readSeconds, 5)
    .option("--burst <n>", "deliveries at once", readCount, 50)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Start the adapter with the address of --callbacks as the URL of its bridge, then test it:
  SECRET=whsec_… BRIDGE_URL=http://127.0.0.1:4199 PORT=4100 npx tsx adapter.ts &
  omb adapter test http://127.0.0.1:4100/deliver --secret whsec_… --callbacks 4199

What a repeat did to the customer is told by the adapter's providerMessageIds; --outbox shows it without a doubt.
`,
    )
    .action(async (url: string, options: Options) => {
      const { callbacks, confirms, burst, outbox, recipient, idType } = options;
      const secret = readSecret(options.secret ?? "env:CHAT_SECRET", env);
      const progress = createProgress(output.stderr, "testing");
      try {
        const report = await testAdapter(
          {
            ...{ url, secret, confirms, burst, callbacks, outbox },
            recipient: { id: recipient, idType },
            timeoutMs: options.timeout * 1000,
            waitMs: options.wait * 1000,
          },
          {
            now: () => new Date(),
            newId: randomUUID,
            onProgress: progress.show,
            onListening: (at) => output.stderr.write(`Callbacks are taken at ${at}\n`),
          },
        ).catch((error: unknown) => {
          throw explain(error, callbacks);
        });
        progress.clear();
        if (options.json) printJson(output, report);
        else output.stdout.write(describe(report));
        end(report.ok ? 0 : 1);
      } finally {
        progress.clear();
      }
    });
  return adapter;
}

/** What the caller can mend is said as wrong usage. */
function explain(error: unknown, { host, port }: Options["callbacks"]): unknown {
  if (error instanceof BridgeError && error.field === "secret") return new StartError(error.message);
  const { code } = error as { code?: unknown };
  if (code !== "EADDRINUSE" && code !== "EACCES" && code !== "EADDRNOTAVAIL") return error;
  return new StartError(`callbacks cannot be taken at ${host}:${port} (${code})`);
}

function describe({ ok, counts, findings }: Report): string {
  const rows = findings.map(({ result, check, found }) => [result.toUpperCase(), check, found]);
  const open = findings.filter(({ mend }) => mend !== null);
  const details = open.map(({ result, check, expected, found, mend }) =>
    [
      `${result.toUpperCase()} ${check}`,
      `  expected    ${expected}`,
      `  found       ${found}`,
      `  what to do  ${mend}`,
      "",
    ].join("\n"),
  );
  const { passed, failed, doubtful, unseen } = counts;
  const sum = `${passed} passed, ${failed} failed, ${doubtful} doubtful, ${unseen} cannot be seen`;
  const verdict = ok ? "The adapter keeps to the contract" : "The adapter does not keep to the contract";
  return [formatTable(["RESULT", "CHECK", "FOUND"], rows, [8, 30, 90]), ...details, `${verdict}: ${sum}.`, ""].join(
    "\n",
  );
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  throw new InvalidArgumentError("An http:// or https:// URL is expected.");
}

function readAddress(text: string): { host: string; port: number } {
  const [, host = "127.0.0.1", port = ""] = /^(?:\[?([^\]]+)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  if (port === "" || Number(port) > 65_535) throw new InvalidArgumentError("A port, or host:port, is expected.");
  return { host, port: Number(port) };
}

function readConfirms(text: string): Options["confirms"] {
  if (text === "accepted" || text === "delivered" || text === "read") return text;
  throw new InvalidArgumentError("One of accepted, delivered, read is expected.");
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 600) return seconds;
  throw new InvalidArgumentError("A number of seconds up to 600 is expected.");
}

function readCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new InvalidArgumentError("A whole number from 1 to 1000 is expected.");
}
