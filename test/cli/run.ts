/** Runs one command in this process, with its streams in memory. */
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { runCli } from "../../src/cli";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export async function run(
  args: string[],
  { env = {}, stdin = "" }: { env?: Record<string, string>; stdin?: string | Buffer } = {},
): Promise<Ran> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const printed = Promise.all([text(stdout), text(stderr)]);
  const code = await runCli(args, { env, stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { code, stdout: out, stderr: err };
}
