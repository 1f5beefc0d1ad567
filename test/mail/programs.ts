/** Programs of the system that this check runs: what must be there, and how each is run and ended. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { connect } from "node:net";
import { promisify } from "node:util";

/** The packages of Debian that bring each program. */
const needed = { postfix: "postfix", "smtp-sink": "postfix", dovecot: "dovecot-imapd", openssl: "openssl" };
const directories = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/** What keeps this check from running here, one line each. */
export function listMissing(): string[] {
  const absent = Object.entries(needed).filter(
    ([program]) => !directories.some((one) => isProgram(`${one}/${program}`)),
  );
  const packages = [...new Set(absent.map(([, name]) => name))].join(" ");
  return [
    ...(process.getuid?.() === 0 ? [] : ["it must run as root: Postfix and Dovecot change users for what they do"]),
    ...absent.map(([program]) => `${program} was not found`),
    ...(absent.length === 0 ? [] : [`on Debian: apt-get install -y --no-install-recommends ${packages}`]),
  ];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const env = { ...process.env, PATH: directories.join(":") };

export async function run(program: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { env });
  return stdout;
}

export interface Service {
  stop(): Promise<void>;
}

/**
 * Starts a program that stays in the foreground, and resolves once it listens on all of `ports`. It is ended by SIGTERM, or by
 * the arguments `stopArgs` of a second run.
 */
export async function startService(
  program: string,
  args: string[],
  ports: number[],
  stopArgs?: string[],
): Promise<Service> {
  const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => (said += String(chunk)));
  const end = () => void (stopArgs === undefined ? child.kill("SIGTERM") : spawnSync(program, stopArgs, { env }));
  endWithUs(child, end);
  for (const port of ports) {
    while (!(await listens(port))) {
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${said.slice(-1000)}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }
  return {
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      end();
      await ended;
      for (const port of ports) while (await listens(port)) await new Promise((done) => setTimeout(done, 20));
    },
  };
}

/** Nothing outlives this process, unless it is killed itself. */
function endWithUs(child: ChildProcess, end: () => void): void {
  process.once("exit", end);
  child.once("exit", () => process.removeListener("exit", end));
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
