import { createReadStream, createWriteStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { once } from "node:events";
import { Command } from "commander";
import { openArchive } from "../app/archive";
import { openCaptureFile, writeCapture } from "../app/captures";
import type { Config } from "../config";
import { StartError } from "../errors";
import type { Input } from "./confirm";
import { findDesk } from "./desk";
import { type CommandContext, printJson } from "./output";
import { createProgress } from "./progress";
import { addChoiceOptions, type ChoiceOptions, pickChoice } from "./selection";
import { requireConfig } from "./settings";

export function capturesCommand(context: CommandContext): Command {
  const captures = new Command("captures").description("Webhooks as files: export them, import them elsewhere.");
  captures.addCommand(exportCommand(context));
  captures.addCommand(importCommand(context));
  return captures;
}

function exportCommand({ output, env }: CommandContext): Command {
  const command = new Command("export")
    .description("Write webhooks as NDJSON: integration, time, headers and the body byte for byte.")
    .argument("<file>", "where to, - for stdout");
  return addChoiceOptions(command)
    .option("--redact", "keep shape and length, but no personal data")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb captures export failed.ndjson --fate failed --redact\n")
    .action(async (file: string, options: ChoiceOptions & { redact?: boolean; json?: boolean }) => {
      const choice = { ids: [], filter: pickChoice(options) };
      const archive = openArchive(requireConfig(env).config);
      const progress = createProgress(output.stderr, "exporting");
      const result = { exported: 0, without: 0 };
      try {
        const total = await archive.count(choice);
        const stream = file === "-" ? output.stdout : await openForWriting(file);
        for await (const { text, lines, without } of archive.exportCaptures(choice, {
          redact: options.redact ?? false,
        })) {
          if (!stream.write(text)) await once(stream, "drain");
          result.exported += lines;
          result.without += without;
          progress.show((result.exported + result.without) / Math.max(1, total));
        }
        if (file !== "-") {
          stream.end();
          await once(stream, "finish");
        }
      } finally {
        progress.clear();
        await archive.close();
      }
      const summary = `${result.exported} webhooks written${result.without > 0 ? `; the content of ${result.without} more has been removed` : ""}.\n`;
      if (file === "-") output.stderr.write(summary);
      else if (options.json) printJson(output, result);
      else output.stdout.write(summary);
    });
}

function importCommand({ output, stdin, env, end }: CommandContext): Command {
  return new Command("import")
    .description(
      "Keep the webhooks of a file for replay; nothing is delivered. Exit code 1 if a line could not be taken.",
    )
    .argument("<file>", "a capture file, a file with one JSON body a line, a folder of bodies, or - for stdin")
    .option("--integration <name>", "put all of them into this integration")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb captures import failed.ndjson\n")
    .action(async (path: string, options: { integration?: string; json?: boolean }) => {
      const { config } = requireConfig(env);
      if (options.integration !== undefined && !config.integrations.some(({ name }) => name === options.integration)) {
        throw new StartError(
          `--integration: no integration is called ${JSON.stringify(options.integration)} in these settings.`,
        );
      }
      const desk = await findDesk(config);
      const progress = createProgress(output.stderr, "importing");
      const result = { stored: 0, known: 0, refused: [] as { line: number | string; problem: string }[] };
      const refuse = (line: number | string, problem: string) => {
        result.refused.push({ line, problem });
        if (!options.json) output.stderr.write(`${typeof line === "number" ? `line ${line}` : line}: ${problem}\n`);
      };
      let batch: { line: number | string; text: string }[] = [];
      let size = 0;
      const flush = async () => {
        if (batch.length === 0) return;
        const { stored, known, refused } = await desk.keepCaptures(batch.map(({ text }) => text));
        result.stored += stored;
        result.known += known;
        for (const { index, problem } of refused) refuse(batch[index]?.line ?? index, problem);
        batch = [];
        size = 0;
      };
      try {
        for await (const read of readCaptures(path, { stdin, config, integration: options.integration })) {
          progress.show(read.share);
          if (!read.ok) {
            progress.clear();
            refuse(read.line, read.problem);
            continue;
          }
          batch.push({ line: read.line, text: read.text });
          size += read.text.length;
          if (batch.length === 200 || size > 4_000_000) await flush();
        }
        await flush();
      } finally {
        progress.clear();
        await desk.close();
      }
      if (options.json) printJson(output, result);
      else {
        const known = result.known === 0 ? "" : `, ${result.known} were there already`;
        const refused = result.refused.length === 0 ? "" : `, ${result.refused.length} could not be taken`;
        output.stdout.write(`${result.stored} webhooks kept${known}${refused}.\n`);
      }
      end(result.refused.length === 0 ? 0 : 1);
    });
}

type Read = { line: number | string; share: number } & ({ ok: true; text: string } | { ok: false; problem: string });

/** Lines of a capture file made of whatever is at `path`, one at a time. */
async function* readCaptures(
  path: string,
  { stdin, config, integration }: { stdin: Input; config: Config; integration: string | undefined },
): AsyncGenerator<Read> {
  const file = openCaptureFile(config, integration);
  const found = path === "-" ? undefined : await stat(path).catch(() => undefined);
  if (path !== "-" && found === undefined)
    throw new StartError(`${path} cannot be read: there is no such file or folder`);
  if (found?.isDirectory()) {
    const names = (await readdir(path)).filter((name) => name.endsWith(".json")).sort();
    for (const [index, name] of names.entries()) {
      const line = file.readBody(await readFile(join(path, name)));
      const where = { line: name, share: (index + 1) / names.length };
      yield line.ok ? { ...where, ok: true, text: writeCapture(line.capture) } : { ...where, ...line };
    }
    return;
  }
  let bytes = 0;
  const stream = path === "-" ? stdin : createReadStream(path, { highWaterMark: 262_144 });
  const counted = (async function* () {
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  })();
  for await (const { number, line } of file.readLines(counted)) {
    const where = { line: number, share: found === undefined ? 0 : bytes / Math.max(1, found.size) };
    yield line.ok ? { ...where, ok: true, text: writeCapture(line.capture) } : { ...where, ...line };
  }
}

async function openForWriting(file: string) {
  const stream = createWriteStream(file);
  try {
    await once(stream, "open");
  } catch (error) {
    throw new StartError(`${file} cannot be written`, { cause: error });
  }
  return stream;
}
