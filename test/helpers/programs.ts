/** TypeScript programs of the project as processes of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { atEnd } from "./clean-up";

export interface Program {
  process: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Exit code, or the signal it ended by. */
  ended: Promise<number | string>;
}

/** Runs `file`, named from the project's root; killed after the test if it is still there. */
export function startProgram(file: string, args: readonly string[], env: Record<string, string> = {}): Program {
  const root = join(__dirname, "../..");
  const { PATH = "", HOME = "/" } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", join(root, file), ...args], {
    cwd: root,
    env: { PATH, HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  atEnd(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { process: child, stdout: () => stdout, stderr: () => stderr, ended };
}
