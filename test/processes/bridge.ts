/** The built bridge in a process of its own, started with plain node as an operator would. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(__dirname, "../..");

/** The file that package.json names as `omb`. */
export const builtMain = join(root, "dist/main.js");

/** Compiles src to dist. Throws with the compiler's words. */
export function buildBridge(): void {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const args = [compiler, "-p", "tsconfig.build.json"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`the build failed: ${stdout}${stderr}`);
}

export interface BridgeProcess {
  pid: number;
  url: string;
  /** Resolves when it has ended, however it ended. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  hasEnded(): boolean;
  /** Resolves once it takes requests and its store takes writes. Throws, with its log, when it ends before. */
  ready(): Promise<void>;
  kill(): void;
  /** SIGTERM, and the end. */
  stop(): Promise<void>;
}

export interface BridgeStart {
  /** A command that node is run under; it must leave node its own process number. */
  under?: string[];
  /** What node runs. @default `dist/main.js serve` */
  args?: string[];
  env: Record<string, string>;
  port: number;
  /** Where its log goes. */
  logFile: string;
}

export function spawnBridge({
  under = [],
  args = [builtMain, "serve"],
  env,
  port,
  logFile,
}: BridgeStart): BridgeProcess {
  const log = openSync(logFile, "a");
  const [program = process.execPath, ...rest] = [...under, process.execPath, ...args];
  const child = spawn(program, rest, {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", HOST: "127.0.0.1", PORT: String(port), ...env },
    stdio: ["ignore", "ignore", log],
  });
  const url = `http://127.0.0.1:${port}`;
  let isOver = false;
  killWithUs(child);
  const ended = once(child, "exit").then(([code, signal]) => {
    isOver = true;
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  return {
    pid: child.pid ?? 0,
    url,
    ended,
    hasEnded: () => isOver,
    async ready() {
      while (!(await isReady(url))) {
        if (isOver) throw new Error(`the bridge did not start: ${readFileSync(logFile, "utf8").slice(-2000)}`);
        await new Promise((done) => setTimeout(done, 20));
      }
    },
    kill: () => void child.kill("SIGKILL"),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

const alive = new Set<ChildProcess>();

/** No bridge outlives the process that started it, unless that one is killed itself. */
function killWithUs(child: ChildProcess): void {
  if (alive.size === 0 && process.listenerCount("exit", killAll) === 0) {
    process.on("exit", killAll);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  }
  alive.add(child);
  child.once("exit", () => alive.delete(child));
}

function killAll(): void {
  for (const child of alive) child.kill("SIGKILL");
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`)).ok;
  } catch {
    return false;
  }
}

/** Runs one command of the built bridge to its end. */
export async function runCommand(
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const done = await promisify(execFile)(process.execPath, [builtMain, ...args], {
      cwd: root,
      env: { PATH: process.env.PATH ?? "", ...env },
      maxBuffer: 64 * 1024 * 1024,
    });
    return { code: 0, ...done };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** A port that is free now; the bridge needs the same one over its restarts. */
export async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** The most memory a process has held so far, in MB; on systems without /proc what it holds now. */
export async function readPeakMemory(pid: number): Promise<number> {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  } catch {
    const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)]);
    return Number(stdout) / 1024;
  }
}

/** Processor seconds a process has used so far, all its threads together; NaN on systems without /proc. */
export function readCpuSeconds(pid: number): number {
  try {
    // The name in brackets may hold anything; utime and stime are the 12th and 13th field after it (proc(5)), in hundredths.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}
