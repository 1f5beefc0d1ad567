/** Wires capture files: lines are read by the settings' integrations and kept. */
import type { Config } from "../config";
import { type Capture, type Line, readBody, readLine, writeLine } from "../replay/capture-file";
import { type Imported, importCaptures } from "../replay/import";
import { readLines } from "../replay/lines";
import type { Database } from "../store/database";
import { createPlanner } from "./replay";

/** Keeps lines of a capture file in one commit; each that cannot be read or kept is told by its place. */
export function keepLines(
  { config, now, newId }: { config: Config; now: () => number; newId: () => string },
  database: Database,
) {
  const plan = createPlanner({ config, newId });
  const nameOf = createNameOf(config);
  return async function keep(lines: readonly string[]): Promise<Imported> {
    const captures: { index: number; capture: Capture }[] = [];
    const refused: Imported["refused"] = [];
    for (const [index, text] of lines.entries()) {
      const line = readLine(text, { nameOf, now: now() });
      if (line.ok) captures.push({ index, capture: line.capture });
      else refused.push({ index, problem: line.problem });
    }
    const imported = await importCaptures(
      { database, plan, now },
      captures.map(({ capture }) => capture),
    );
    for (const { index, problem } of imported.refused)
      refused.push({ index: captures[index]?.index ?? index, problem });
    return { ...imported, refused: refused.sort((a, b) => a.index - b.index) };
  };
}

/** The name of an integration by its id in Genesys Cloud. */
export function createNameOf({ integrations }: Pick<Config, "integrations">) {
  const names = new Map(integrations.map(({ id, name }) => [id, name]));
  return (integrationId: string) => names.get(integrationId);
}

/** Reads what a file of captures or bodies holds, by these settings. */
export function openCaptureFile(config: Config, integration: string | undefined) {
  const defaults = { nameOf: createNameOf(config), now: Date.now(), integration };
  return {
    readBody: (body: Buffer) => readBody(body, defaults),
    async *readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<{ number: number; line: Line }> {
      // Base64 adds a third, headers a little.
      const longest = 2 * config.maxBodyBytes + 65_536;
      for await (const { number, text } of readLines(chunks, longest)) {
        const problem = `longer than ${longest} bytes: no webhook of these settings can be that large`;
        yield { number, line: text === undefined ? { ok: false, problem } : readLine(text, defaults) };
      }
    },
  };
}

/** One capture as a line without its newline. */
export function writeCapture(capture: Capture): string {
  return writeLine(capture).trimEnd();
}
