/** The command `omb`: what is there, how it is called, and how it ends. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import type { Input } from "./cli/confirm";
import { type CommandContext, type Output, printError, printJsonError } from "./cli/output";

/** A command loads what it needs when it is asked for: `serve` holds no memory for the others, and none waits for them. */
const commands: Record<string, () => (context: CommandContext) => Command> = {
  serve: () => (require("./cli/serve") as typeof import("./cli/serve")).serveCommand,
  demo: () => (require("./cli/demo") as typeof import("./cli/demo")).demoCommand,
  simulate: () => (require("./cli/simulate") as typeof import("./cli/simulate")).simulateCommand,
  check: () => (require("./cli/check") as typeof import("./cli/check")).checkCommand,
  doctor: () => (require("./cli/doctor") as typeof import("./cli/doctor")).doctorCommand,
  provision: () => (require("./cli/provision") as typeof import("./cli/provision")).provisionCommand,
  migrate: () => (require("./cli/migrate") as typeof import("./cli/migrate")).migrateCommand,
  messages: () => (require("./cli/messages") as typeof import("./cli/messages")).messagesCommand,
  replay: () => (require("./cli/replay") as typeof import("./cli/replay")).replayCommand,
  captures: () => (require("./cli/captures") as typeof import("./cli/captures")).capturesCommand,
  listen: () => (require("./cli/listen") as typeof import("./cli/listen")).listenCommand,
  audit: () => (require("./cli/audit") as typeof import("./cli/audit")).auditCommand,
  erase: () => (require("./cli/erase") as typeof import("./cli/erase")).eraseCommand,
  contacts: () => (require("./cli/contacts") as typeof import("./cli/contacts")).contactsCommand,
  sign: () => (require("./cli/sign") as typeof import("./cli/sign")).signCommand,
  verify: () => (require("./cli/verify") as typeof import("./cli/verify")).verifyCommand,
  explain: () => (require("./cli/explain") as typeof import("./cli/explain")).explainCommand,
  schema: () => (require("./cli/schema") as typeof import("./cli/schema")).schemaCommand,
  adapter: () => (require("./cli/adapter") as typeof import("./cli/adapter")).adapterCommand,
  suppress: () => (require("./cli/suppress") as typeof import("./cli/suppress")).suppressCommand,
  bounce: () => (require("./cli/bounce") as typeof import("./cli/bounce")).bounceCommand,
  notice: () => (require("./cli/notice") as typeof import("./cli/notice")).noticeCommand,
};

/** Runs one command and returns its exit code: 0 done, 1 failed or found something, 2 wrong usage or settings. */
export async function runCli(
  args: string[],
  { env, stdin, stdout, stderr }: Output & { env: NodeJS.ProcessEnv; stdin: Input },
): Promise<number> {
  let exitCode = 0;
  const version = readVersion();
  const output = { stdout, stderr };
  const json = args.includes("--json");
  const context = { output, env, stdin, version, end: (code: number) => void (exitCode = code) };
  const program = new Command("omb")
    .description("Connects Genesys Cloud Open Messaging to any outside channel.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.stdout.write(text),
      writeErr: (text) => void (json || output.stderr.write(text)),
    })
    .showHelpAfterError("(--help shows how it is called)");
  const asked = args.find((arg) => !arg.startsWith("-")) ?? "";
  const known = Object.keys(commands);
  for (const name of known.includes(asked) ? [asked] : known) {
    const command = commands[name];
    if (command !== undefined) program.addCommand(inherit(command()(context), program));
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return printError(error, { output, json });
    if (error.exitCode === 0) return 0;
    if (json) printJsonError(output, { code: "invalid_field", message: error.message });
    return 2;
  }
}

/** Subcommands end and print as their parent does. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child as Command, command);
  return command;
}

/** package.json stands beside src/ and beside dist/. */
function readVersion(): string {
  return (JSON.parse(readFileSync(join(__dirname, "../package.json"), "utf8")) as { version: string }).version;
}
