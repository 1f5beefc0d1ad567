import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { startBridge } from "../../src/app";
import { runCli } from "../../src/cli";
import { loadConfig } from "../../src/config";
import { createLog } from "../../src/log";
import { atEnd } from "../helpers/clean-up";

const mira = "mira@harborline.example";

describe("with no bridge running", () => {
  suite(async () => {});
});

describe("through the bridge that runs", () => {
  suite(async (env) => {
    const loaded = loadConfig({ env, readFile: (path) => readFileSync(path, "utf8") });
    if (!loaded.ok) throw new Error("the settings are refused");
    const bridge = await startBridge({
      config: loaded.config,
      adminToken: env.ADMIN_TOKEN ?? "",
      roles: { web: true, worker: true },
      log: createLog({ level: "silent" }),
      version: "0.0.0-test",
    });
    atEnd(() => bridge.stop());
  });
});

function suite(prepare: (env: Record<string, string>) => Promise<void>): void {
  test("an address is added, listed with its history, and taken back", async () => {
    const { omb } = await place(prepare);
    const added = await omb("add", mira, "--channel", "email", "--reason", "asked by phone");
    expect(added).toMatchObject({ code: 0, stdout: `Noted: ${mira}, channel email, purpose *, opted out\n` });
    expect((await omb("add", mira, "--channel", "email")).stdout).toMatch(/^Known already: /);

    const list = await omb("list", "--address", "MIRA@harborline.example", "--json");
    const printed = JSON.parse(list.stdout) as { items: object[]; history: object[] };
    expect(printed.items).toMatchObject([{ address: mira, channel: "email", purpose: "*", reason: "asked by phone" }]);
    expect(printed.history).toHaveLength(2);
    expect((await omb("list")).stdout).toContain(mira);

    expect(await omb("remove", mira)).toMatchObject({ code: 0, stdout: "Taken back: 1\n" });
    expect(await omb("remove", mira)).toMatchObject({ code: 1 });
    expect((await omb("list")).stdout).toBe("Nobody.\n");
  });

  test("a file goes in with its faults listed, and comes out as it can go in again", async () => {
    const { omb, directory } = await place(prepare);
    const file = join(directory, "in.csv");
    writeFileSync(
      file,
      `address,channel,purpose,state,reason\n${mira},email,*,optedOut,"a, b"\nwrong,sms,,,\n+436641234567,sms,,granted,\n`,
    );
    const imported = await omb("import", file);
    expect(imported).toMatchObject({ code: 1, stdout: "Added: 2, known already: 0, wrong: 1\n" });
    expect(imported.stderr).toBe(
      `${file}:3: address: a phone number with its country code, such as +43664123456, for the channel sms\n`,
    );
    const exported = await omb("export");
    expect(exported.stdout).toBe(
      `address,channel,purpose,state,reason\n+436641234567,sms,*,granted,\n${mira},email,*,optedOut,"a, b"\n`,
    );
    const again = join(directory, "out.csv");
    await omb("export", again);
    expect(await omb("import", again, "--json")).toMatchObject({ code: 0 });
    expect(readFileSync(again, "utf8")).toBe(exported.stdout);
  });

  test("wrong usage ends with 2, a wrong address with a reason, too", async () => {
    const { omb } = await place(prepare);
    expect((await omb("add")).code).toBe(2);
    expect((await omb("add", mira, "--channel", "fax")).code).toBe(2);
    const wrong = await omb("add", "mira", "--channel", "email", "--json");
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.stderr)).toMatchObject({ error: { code: "invalid_field", field: "address" } });
  });
}

async function place(prepare: (env: Record<string, string>) => Promise<void>) {
  const directory = mkdtempSync(join(tmpdir(), "omb-suppress-"));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  const settings = join(directory, "settings.json");
  writeFileSync(settings, "{}");
  const port = String(await freePort());
  const env = {
    OMB_CONFIG: settings,
    DATA_DIR: directory,
    HOST: "127.0.0.1",
    PORT: port,
    ADMIN_TOKEN: "suppress-test-token",
  };
  await prepare(env);
  return {
    directory,
    async omb(...args: string[]) {
      const [stdout, stderr] = [collect(), collect()];
      const streams = { stdin: Readable.from([]), stdout: stdout.stream, stderr: stderr.stream };
      const code = await runCli(["suppress", ...args], { env, ...streams });
      return { code, stdout: stdout.text(), stderr: stderr.text() };
    },
  };
}

function collect() {
  const parts: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      parts.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => parts.join("") };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
