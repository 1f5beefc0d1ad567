import { userInfo } from "node:os";
import { Command } from "commander";
import { checkTarget, openArchive, parseFilter } from "../app/archive";
import { type Desk, openJudge } from "../app/desk";
import type { Config } from "../config";
import { BridgeError, StartError } from "../errors";
import { confirm } from "./confirm";
import { findDesk } from "./desk";
import { type CommandContext, formatTable, type Output, printJson } from "./output";
import { createProgress } from "./progress";
import { addChoiceOptions, type ChoiceOptions, pickChoice } from "./selection";
import { requireConfig } from "./settings";

interface ReplayOptions extends ChoiceOptions {
  to?: string;
  rate?: string;
  originalSpacing?: boolean;
  originalSignature?: boolean;
  keepDedup?: boolean;
  dryRun?: boolean;
  resume?: string;
  reason?: string;
  yes?: boolean;
  json?: boolean;
}

/** A replay as the API shows it. */
interface Shown {
  id: string;
  state: string;
  total: number;
  done: number;
  failed: number;
  skipped: number;
  because: Record<string, number>;
  problem: string | null;
}

const pollMs = 150;

export function replayCommand(context: CommandContext): Command {
  const { env, end } = context;
  const command = new Command("replay")
    .description("Send once more what came in: to the bridge itself, to one channel, or to any URL.")
    .argument("[ids...]", "messages, by our id or Genesys Cloud's");
  return addChoiceOptions(command)
    .option("--to <target>", "self, channel:NAME or a URL")
    .option("--rate <n>", "messages a second")
    .option("--original-spacing", "as far apart as they first came")
    .option("--original-signature", "to a URL: with the signature they came with, not a fresh one")
    .option("--keep-dedup", "to self: what is known already counts as a repeat")
    .option("--dry-run", "show what would differ today, and send nothing")
    .option("--resume <replay>", "go on with a replay that was paused or stopped")
    .option("--reason <text>", "kept with the replay")
    .option("--yes", "do not ask before something reaches customers")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  omb replay --fate failed --since 2026-09-14T00:00:00Z --to channel:chat\n  omb replay 90519fdfcda199f52d6757d95d97d47f --to http://127.0.0.1:4100/webhook\n  omb replay --since 2026-09-14T00:00:00Z --dry-run\n",
    )
    .action(async (ids: string[], options: ReplayOptions) => {
      const { config } = requireConfig(env);
      if (options.resume !== undefined) {
        end(await resumeReplay(context, config, options.resume, options));
        return;
      }
      const filter = pickChoice(options);
      const isFiltered = Object.values(filter).some((value) => value !== undefined);
      if (ids.length > 0 && isFiltered) throw new StartError("Say either ids or a filter, not both.");
      if (ids.length === 0 && !isFiltered)
        throw new StartError("Say which messages: ids, or a filter such as --since or --fate.");
      if (options.to !== undefined) checkTarget(config, options.to);
      if (options.dryRun) {
        end(await compareAll(context, config, { ids, filter }, options));
        return;
      }
      if (options.to === undefined) throw new StartError("Say where to: --to self, --to channel:NAME or --to URL.");
      end(await runReplay(context, config, { ids, filter }, { ...options, to: options.to }));
    });
}

interface Chosen {
  ids: string[];
  filter: Record<string, string | undefined>;
}

async function runReplay(
  context: CommandContext,
  config: Config,
  { ids, filter }: Chosen,
  options: ReplayOptions & { to: string },
): Promise<number> {
  const { output, stdin } = context;
  const { to } = options;
  const wanted = {
    ...(ids.length > 0 ? { ids } : { filter: parseFilter(filter) }),
    to,
    rate: readRate(options.rate),
    originalSpacing: options.originalSpacing ?? false,
    dryRun: false,
    keepDedup: options.keepDedup ?? false,
    signature: options.originalSignature ? ("original" as const) : ("fresh" as const),
    reason: options.reason,
    by: `${userInfo().username} (omb replay)`,
  };
  if (!options.yes && (to === "self" || to.startsWith("channel:"))) {
    const archive = openArchive(config);
    const count = await archive.count({ ids, filter }).finally(archive.close);
    const through = to === "self" ? "the bridge, as if they came again" : to.slice("channel:".length);
    const question = `This sends ${count} messages through ${through}, and may reach customers. Go on?`;
    if (!(await confirm(question, { stdin, stderr: output.stderr }))) return 1;
  }
  const desk = await findDesk(config);
  try {
    const { id } = await desk.requestReplay(wanted);
    return await follow(desk, id, output, options.json ?? false);
  } finally {
    await desk.close();
  }
}

async function resumeReplay(
  { output }: CommandContext,
  config: Config,
  id: string,
  { json = false }: ReplayOptions,
): Promise<number> {
  const desk = await findDesk(config);
  try {
    const steered = await desk.steerReplay(id, "running");
    if (steered === undefined) throw new BridgeError("not_found", `No replay has the id ${id}.`);
    return await follow(desk, id, output, json);
  } finally {
    await desk.close();
  }
}

/** Shows how far it is until it ends; Ctrl-C pauses it. */
async function follow(desk: Desk & { isLocal: boolean }, id: string, output: Output, json: boolean): Promise<number> {
  const progress = createProgress(output.stderr, "replaying");
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
  };
  process.once("SIGINT", interrupt);
  try {
    for (;;) {
      const replay = (await desk.findReplay(id)) as Shown | undefined;
      if (replay === undefined) throw new BridgeError("not_found", `The replay ${id} is gone.`);
      const turns = replay.done + replay.failed + replay.skipped;
      progress.show(replay.total === 0 ? 1 : turns / replay.total);
      if (replay.state !== "running") {
        progress.clear();
        printReplay(output, replay, json, desk.isLocal);
        return replay.state === "done" && replay.failed === 0 ? 0 : 1;
      }
      if (interrupted) await desk.steerReplay(id, "paused");
      else await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    progress.clear();
    process.removeListener("SIGINT", interrupt);
  }
}

function printReplay(output: Output, replay: Shown, json: boolean, isLocal: boolean): void {
  if (json) {
    printJson(output, replay);
    return;
  }
  const reasons = Object.entries(replay.because).map(([why, count]) => `  ${count} × ${why}\n`);
  const { done, failed, skipped, total, state, id } = replay;
  output.stdout.write(
    `Replay ${id}: ${state}. ${done} sent, ${failed} failed, ${skipped} skipped, of ${total}.\n${reasons.join("")}`,
  );
  if (replay.problem !== null) output.stderr.write(`${replay.problem}\n`);
  if (state === "paused" || state === "stopped") output.stderr.write(`Go on with: omb replay --resume ${id}\n`);
  if (isLocal && done > 0) output.stderr.write("No bridge runs: what was queued is delivered when one does.\n");
}

/** Compares and prints; nothing is sent and nothing written. */
async function compareAll(
  { output }: CommandContext,
  config: Config,
  chosen: Chosen,
  { json = false }: ReplayOptions,
): Promise<number> {
  const archive = openArchive(config);
  const today = openJudge(config);
  const progress = createProgress(output.stderr, "comparing");
  const result = {
    total: 0,
    differing: 0,
    without: {} as Record<string, number>,
    differences: {} as Record<string, number>,
  };
  const differing: { messageId: string; changes: { what: string; was: string | null; now: string | null }[] }[] = [];
  try {
    const count = await archive.count(chosen);
    for await (const { message, because, changes } of archive.judge(chosen, today.judge)) {
      result.total += 1;
      progress.show(result.total / count);
      if (because !== undefined) result.without[because] = (result.without[because] ?? 0) + 1;
      if (changes === undefined || changes.length === 0) continue;
      result.differing += 1;
      for (const { what } of changes) result.differences[what] = (result.differences[what] ?? 0) + 1;
      if (json) differing.push({ messageId: message.id, changes });
      else {
        progress.clear();
        const lines = changes.map(
          ({ what, was, now }) => `  ${what}\n    - ${was ?? "(none)"}\n    + ${now ?? "(none)"}\n`,
        );
        output.stdout.write(`${message.id}\n${lines.join("")}`);
      }
    }
  } finally {
    progress.clear();
    await today.close();
    await archive.close();
  }
  if (json) printJson(output, { ...result, messages: differing });
  else {
    const rows = Object.entries(result.differences).map(([what, count]) => [what, String(count)]);
    output.stdout.write(
      `${rows.length > 0 ? `\n${formatTable(["DIFFERS", "MESSAGES"], rows)}\n` : ""}${result.differing} of ${result.total} messages would differ today; nothing was sent.\n`,
    );
    for (const [why, count] of Object.entries(result.without)) output.stderr.write(`${count} not compared: ${why}\n`);
  }
  return 0;
}

function readRate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const rate = Number(text);
  if (!Number.isFinite(rate) || rate <= 0)
    throw new StartError(`--rate: messages a second are expected, found ${text}`);
  return rate;
}
