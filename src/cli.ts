/** The command `omb`: what is there, how it is called, and how it ends. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { adapterCommand } from "./cli/adapter";
import { auditCommand } from "./cli/audit";
import { bounceCommand } from "./cli/bounce";
import { capturesCommand } from "./cli/captures";
import { checkCommand } from "./cli/check";
import type { Input } from "./cli/confirm";
import { demoCommand } from "./cli/demo";
import { eraseCommand } from "./cli/erase";
import { contactsCommand } from "./cli/contacts";
import { doctorCommand } from "./cli/doctor";
import { explainCommand } from "./cli/explain";
import { listenCommand } from "./cli/listen";
import { messagesCommand } from "./cli/messages";
import { migrateCommand } from "./cli/migrate";
import { type Output, printError, printJsonError } from "./cli/output";
import { replayCommand } from "./cli/replay";
import { provisionCommand } from "./cli/provision";
import { schemaCommand } from "./cli/schema";
import { noticeCommand } from "./cli/notice";
import { serveCommand } from "./cli/serve";
import { simulateCommand } from "./cli/simulate";
import { signCommand } from "./cli/sign";
import { verifyCommand } from "./cli/verify";
import { suppressCommand } from "./cli/suppress";

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
  const commands = [
    serveCommand,
    demoCommand,
    simulateCommand,
    checkCommand,
    doctorCommand,
    provisionCommand,
    migrateCommand,
    messagesCommand,
    replayCommand,
    capturesCommand,
    listenCommand,
    auditCommand,
    eraseCommand,
    contactsCommand,
    signCommand,
    verifyCommand,
    explainCommand,
    schemaCommand,
    adapterCommand,
    suppressCommand,
    bounceCommand,
    noticeCommand,
  ];
  for (const command of commands) {
    program.addCommand(inherit(command(context), program));
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
