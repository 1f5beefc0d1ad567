import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { request } from "undici";
import { startAdapter } from "../helpers/adapter";
import { chatSecret, signatureSecret } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { type Program, startProgram } from "../helpers/programs";
import { makePlace } from "../helpers/stores";
import { until } from "../helpers/until";
import { outboundBody, sign } from "../helpers/webhook";
import { omb, writeSettings } from "./omb";

async function prepare() {
  const { directory, remove } = await makePlace("sqlite");
  atEnd(remove);
  const adapter = await startAdapter(chatSecret);
  atEnd(adapter.stop);
  const chat = { type: "http", url: adapter.url, secret: chatSecret };
  return { directory, adapter, env: writeSettings(directory, { channels: { chat } }) };
}

/** Starts a server and waits for its port, which it says on stderr. */
async function serve(env: Record<string, string>): Promise<{ program: Program; url: string }> {
  const program = startProgram("src/main.ts", ["serve"], env);
  const started = await until(() => /"event":"bridge.started".*"port":(\d+)/.exec(program.stderr()));
  return { program, url: `http://127.0.0.1:${started?.[1]}` };
}

async function say(url: string): Promise<{ status: number; id: string }> {
  const body = outboundBody("text-agent", "mira");
  const text = JSON.stringify(body);
  const { statusCode, body: answer } = await request(`${url}/genesys/harborline-chat/outbound`, {
    method: "POST",
    headers: { "x-hub-signature-256": sign(text, signatureSecret) },
    body: text,
  });
  await answer.dump();
  return { status: statusCode, id: String(body.id) };
}

test("a second server on the same file is refused, names the first, and harms it in nothing", async () => {
  const { env } = await prepare();
  const { program, url } = await serve(env);
  const second = await omb(["serve"], env);
  expect(second).toMatchObject({ exitCode: 2, stdout: "" });
  expect(second.stderr).toContain(`process ${program.process.pid}`);
  expect((await say(url)).status).toBe(200);
});

test("SIGTERM ends it with 0 after what it holds is finished and recorded", async () => {
  const { adapter, env } = await prepare();
  const { program, url } = await serve(env);
  let answer: (() => void) | undefined;
  adapter.respond(() => (response) => {
    answer = () => response.end('{"status":"delivered"}');
  });
  const { id } = await say(url);
  await until(() => answer !== undefined);
  program.process.kill("SIGTERM");
  await until(() => program.stderr().includes("bridge.stopping"));
  await until(() => refuses(url));
  answer?.();
  expect(await program.ended).toBe(0);
  expect(program.stdout()).toBe("");
  const shown = await omb(["messages", "show", id, "--json"], env);
  expect(JSON.parse(shown.stdout)).toMatchObject({ fate: "delivered" });
});

test("what was acknowledged before a kill is delivered after the next start, under the same webhook-id", async () => {
  const { adapter, env } = await prepare();
  const first = await serve(env);
  adapter.respond(() => () => undefined);
  const { status, id } = await say(first.url);
  expect(status).toBe(200);
  await until(() => adapter.calls.length === 1);
  first.program.process.kill("SIGKILL");
  expect(await first.program.ended).toBe("SIGKILL");

  adapter.respond(() => (response) => void response.end('{"status":"delivered"}'));
  await serve(env);
  await until(async () => {
    const { stdout } = await omb(["messages", "show", id, "--json"], env);
    return JSON.parse(stdout).fate === "delivered";
  });
  expect(new Set(adapter.calls.map((call) => call.webhookId)).size).toBe(1);
  expect((await omb(["audit", "--json"], env)).exitCode).toBe(0);
});

test("the admin token is made once, kept for its owner alone, and never printed", async () => {
  const { directory, env } = await prepare();
  const { program, url } = await serve(env);
  const path = join(directory, "admin-token");
  expect(existsSync(path)).toBe(true);
  expect(statSync(path).mode & 0o077).toBe(0);
  const token = readFileSync(path, "utf8").trim();
  expect(program.stderr()).toContain(path);
  expect(program.stderr()).not.toContain(token);
  const { statusCode, body } = await request(`${url}/api/v1/stats`, { headers: { authorization: `Bearer ${token}` } });
  await body.dump();
  expect(statusCode).toBe(200);
});

async function refuses(url: string): Promise<boolean> {
  try {
    await (await request(`${url}/health/live`)).body.dump();
    return false;
  } catch {
    return true;
  }
}
