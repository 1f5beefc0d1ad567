/** The command `omb` and a bridge on the same settings file, as an operator has them. */
import { createServer } from "node:http";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { request } from "undici";
import { type Bridge, startBridge } from "../../src/app";
import { runCli } from "../../src/cli";
import { loadConfig } from "../../src/config";
import { createLog } from "../../src/log";
import type { Engine } from "../../src/store/engine";
import { startAdapter } from "../helpers/adapter";
import { adminToken, chatSecret, integrationId, signatureSecret } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { makePlace } from "../helpers/stores";
import { until } from "../helpers/until";
import { type Body, sign } from "../helpers/webhook";

export interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Settings with one integration and one adapter; `serve` starts a bridge on them, `run` a command. */
export async function openOperation(engine: Engine, changes: Body = {}) {
  const adapter = await startAdapter(chatSecret);
  atEnd(adapter.stop);
  const place = await makePlace(engine);
  atEnd(place.remove);
  const settingsFile = join(place.directory, "settings.json");
  const settings = {
    integrations: [
      {
        name: "harborline-chat",
        id: integrationId,
        signatureSecrets: [signatureSecret],
        channel: "chat",
        fallback: "missed",
      },
    ],
    channels: {
      chat: {
        type: "http",
        url: adapter.url,
        secret: chatSecret,
        confirms: "delivered",
        retry: { maxAgeSeconds: 1, firstDelayMs: 5, maxDelayMs: 20 },
      },
      email: { type: "email", smtp: "smtp://127.0.0.1:9", from: "chat@harborline.example" },
    },
    fallback: { missed: { graceSeconds: 3600, never: ["RecipientOptedOut"], steps: [{ channel: "email" }] } },
    ...changes,
  };
  const configure = (next: Body = {}) => writeFileSync(settingsFile, JSON.stringify({ ...settings, ...next }));
  configure();
  const env = {
    OMB_CONFIG: settingsFile,
    DATA_DIR: place.directory,
    HOST: "127.0.0.1",
    PORT: String(await findFreePort()),
    ADMIN_TOKEN: adminToken,
    ...(place.location.kind === "postgres" ? { DATABASE_URL: place.location.url } : {}),
  };
  const url = `http://${env.HOST}:${env.PORT}`;
  let bridge: Bridge | undefined;
  const stop = async () => {
    await bridge?.stop();
    bridge = undefined;
  };
  atEnd(stop);

  async function run(...args: string[]): Promise<Ran> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const texts = ["", ""];
    stdout.on("data", (chunk) => void (texts[0] += String(chunk)));
    stderr.on("data", (chunk) => void (texts[1] += String(chunk)));
    const code = await runCli(args, { env, stdin: Readable.from([]), stdout, stderr });
    return { code, out: texts[0] ?? "", err: texts[1] ?? "" };
  }

  /** A command whose output is JSON. */
  async function runJson<Shape>(...args: string[]): Promise<Shape> {
    const { out, err } = await run(...args, "--json");
    if (out === "") throw new Error(err);
    return JSON.parse(out) as Shape;
  }

  return {
    env,
    url,
    adapter,
    directory: place.directory,
    location:
      place.location.kind === "sqlite"
        ? ({ kind: "sqlite", file: join(place.directory, "bridge.sqlite") } as const)
        : place.location,
    configure,
    run,
    runJson,
    async serve(): Promise<void> {
      const loaded = loadConfig({ env, readFile: () => JSON.stringify(settings) });
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      const { config } = loaded;
      const log = createLog({ level: "silent" });
      const roles = { web: true, worker: true };
      bridge = await startBridge({ config, adminToken, roles, log, version: "0.0.0-test" });
      await until(async () => (await request(`${url}/health/ready`)).statusCode === 200);
    },
    stop,
    async post(body: Buffer | string): Promise<number> {
      const headers = { "x-hub-signature-256": sign(body, signatureSecret), "content-type": "application/json" };
      const answer = await request(`${url}/genesys/harborline-chat/outbound`, { method: "POST", headers, body });
      await answer.body.dump();
      return answer.statusCode;
    },
    async get<Shape>(path: string): Promise<Shape> {
      const { body } = await request(`${url}/api/v1${path}`, { headers: { authorization: `Bearer ${adminToken}` } });
      return (await body.json()) as Shape;
    },
  };
}
export type Operation = Awaited<ReturnType<typeof openOperation>>;

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
