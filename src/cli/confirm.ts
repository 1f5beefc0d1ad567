/** Asks before something that cannot be taken back. */
import { createInterface } from "node:readline/promises";
import { StartError } from "../errors";

export type Input = NodeJS.ReadableStream & { isTTY?: boolean };

/** Whether the answer is yes. Throws StartError where nobody can be asked. */
export async function confirm(
  question: string,
  { stdin, stderr }: { stdin: Input; stderr: NodeJS.WritableStream },
): Promise<boolean> {
  if (stdin.isTTY !== true) throw new StartError(`${question}\nNobody can be asked here: say --yes if that is meant.`);
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
