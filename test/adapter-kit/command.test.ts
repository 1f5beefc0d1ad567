/** `omb adapter test` against the example adapters, each in a process of its own as its users start it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Report } from "../../src/adapter-kit/run";
import { run } from "../cli/run";
import { startBrokenAdapter } from "../fixtures/adapters/broken";
import { atEnd } from "../helpers/clean-up";
import { findFreePort } from "../processes/bridge";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const folder = path.join(__dirname, "../../config/examples");
const python = spawnSync("python3", ["--version"]).status === 0 ? [["Python", "python3", "adapter.py"]] : [];

test.each([["TypeScript", process.execPath, "--import", "tsx", "adapter.ts"], ...python])(
  "the example in %s keeps to the contract",
  async (_, command = "", ...rest) => {
    const port = await findFreePort();
    const env = { PATH: process.env.PATH, SECRET: secret, BRIDGE_URL: `http://127.0.0.1:${port}`, PORT: "0" };
    const adapter = spawn(command, rest, { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
    atEnd(async () => {
      adapter.kill();
      await once(adapter, "exit");
    });
    const [url] = (await once(createInterface({ input: adapter.stdout }), "line")) as [string];
    const seen = ["--callbacks", String(port), "--confirms", "delivered", "--outbox", `${url}/outbox`, "--wait", "3"];
    const ran = await run(["adapter", "test", `${url}/deliver`, "--secret", secret, ...seen, "--json"]);
    const report = JSON.parse(ran.stdout) as Report;
    expect(report.findings.filter(({ result }) => result !== "passed")).toEqual([]);
    expect(ran).toMatchObject({ code: 0, stderr: `Callbacks are taken at http://127.0.0.1:${port}\n` });
  },
);

test("a broken adapter ends the command with 1, and people read what to do", async () => {
  const adapter = await startBrokenAdapter(secret, ["takes small bodies only"]);
  atEnd(adapter.stop);
  const env = { CHAT_SECRET: secret };
  const { code, stdout } = await run(["adapter", "test", adapter.url, "--wait", "0.1", "--burst", "3"], { env });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^RESULT\s+CHECK\s+FOUND\n/);
  expect(stdout).toMatch(/FAILED\s+size\.large\s+HTTP 413/);
  expect(stdout).toContain("what to do  Take bodies of 4 MB");
  expect(stdout).toMatch(/The adapter does not keep to the contract: \d+ passed, 1 failed/);
  expect(stdout).not.toContain(secret);
});

test.each([
  ["no URL", ["adapter", "test"], "missing required argument 'url'"],
  ["what is no URL", ["adapter", "test", "chat"], "An http:// or https:// URL is expected."],
  ["no secret", ["adapter", "test", "http://127.0.0.1:1"], "the variable CHAT_SECRET is not set"],
  ["an unknown confirms", ["adapter", "test", "http://x/", "--confirms", "maybe"], "One of accepted, delivered, read"],
])("%s is wrong usage", async (_, args, said) => {
  expect(await run(args)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(said) });
});

test("a secret that is none is named as such, and not repeated", async () => {
  const { code, stderr } = await run(["adapter", "test", "http://127.0.0.1:1", "--secret", "whsec_not base64!"]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: "A Standard Webhooks secret is no standard base64.\n" });
});
