/** The built bridge between an adapter that refuses what it can and a real Postfix, and what an operator does beside it. */
import { generateKeyPairSync } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accepted, refused, startAdapter } from "../helpers/adapter";
import { outboundBody, sign } from "../helpers/webhook";
import { type BridgeProcess, findFreePort, runCommand, spawnBridge } from "../processes/bridge";
import type { TestStore } from "../processes/store";

export const domain = "harborline.example";
/** Signs the notices. */
export const dkim = {
  domain,
  selector: "omb",
  privateKey: String(
    generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "pem", type: "pkcs8" }),
  ),
};
const adminToken = "mail-admin-token";
const signatureSecret = "mail-signature-secret";
const channelSecret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;

export interface Item {
  id: string;
  fate: string;
  notice: { id: string; channel: string | null; status: string } | null;
}

export interface Mailbox {
  channel: string;
  state: string;
  lastReadAt?: string;
  problem?: string;
}

/** How the bridge is started; `bounces` and `trust` are for reading mails that came back itself. */
export interface Start {
  bounces?: { imap: string; everySeconds: number };
  /** The file of a certificate that is trusted beside those that everybody trusts. */
  trust?: string;
}

export async function createWorld(store: TestStore, smtpPort: number) {
  const adapter = await startAdapter(channelSecret);
  // The chat has nobody; the other channel takes what it is given.
  adapter.respond((delivery) => (delivery.notice === undefined ? refused("InvalidDestination") : accepted()));
  const port = await findFreePort();
  const settingsFile = join(store.directory, "settings.json");
  const logFile = join(store.directory, "bridge.log");
  appendFileSync(logFile, "");
  let bridge: BridgeProcess | undefined;

  function writeSettings({ bounces }: Start) {
    const integration = {
      name: "harborline-chat",
      id: "2655b4c8-6386-5a64-8346-d47fed659046",
      signatureSecrets: [signatureSecret],
      channel: "chat",
      fallback: "missed",
    };
    const http = { type: "http", url: adapter.url, secret: channelSecret };
    const email = {
      type: "email",
      smtp: `smtp://127.0.0.1:${smtpPort}`,
      from: `Harborline <chat@${domain}>`,
      returnPath: `bounces@${domain}`,
      dkim,
      retry: { firstDelayMs: 200, maxDelayMs: 1000 },
      ...(bounces !== undefined && { bounces }),
    };
    const policy = { graceSeconds: 0, attributes: "none", steps: [{ channel: "email" }, { channel: "push" }] };
    const settings = {
      integrations: [integration],
      channels: { chat: http, push: http, email },
      fallback: { missed: policy },
    };
    writeFileSync(settingsFile, JSON.stringify(settings));
  }

  function environment({ trust }: Start): Record<string, string> {
    return {
      ...store.env,
      OMB_CONFIG: settingsFile,
      ADMIN_TOKEN: adminToken,
      HOST: "127.0.0.1",
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      ...(trust !== undefined && { NODE_EXTRA_CA_CERTS: trust }),
    };
  }

  async function get<Shape>(path: string): Promise<Shape> {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { authorization: `Bearer ${adminToken}` },
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
    return (await answer.json()) as Shape;
  }

  async function run(args: string[], start: Start): Promise<{ code: number; stdout: string; stderr: string }> {
    writeSettings(start);
    return runCommand(args, environment(start));
  }

  return {
    adapter,
    async start(start: Start = {}): Promise<void> {
      writeSettings(start);
      bridge = spawnBridge({ env: environment(start), port, logFile });
      await bridge.ready();
    },
    async stop(): Promise<void> {
      await bridge?.stop();
      bridge = undefined;
    },
    async close(): Promise<void> {
      await bridge?.stop();
      await adapter.stop();
    },
    /** A message to a customer whose chat is gone; returns Genesys Cloud's id of it. */
    async say(address: string): Promise<string> {
      const body = JSON.stringify(outboundBody("text-agent", address));
      const headers = { "content-type": "application/json", "x-hub-signature-256": sign(body, signatureSecret) };
      const url = `http://127.0.0.1:${port}/genesys/harborline-chat/outbound`;
      const answer = await fetch(url, { method: "POST", headers, body });
      if (answer.status !== 200) throw new Error(`the webhook answered ${answer.status}`);
      return (JSON.parse(body) as { id: string }).id;
    },
    find: (id: string) => get<Item>(`/api/v1/messages/${id}`),
    mailboxes: async () => (await get<{ mailboxes: Mailbox[] }>("/health/details")).mailboxes,
    metrics: async () => {
      const headers = { authorization: `Bearer ${adminToken}` };
      return (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text();
    },
    /** Notices that went out by the second step, to whom. */
    pushed: () => adapter.calls.flatMap(({ body }) => (body.notice === undefined ? [] : [body.notice.to])),
    run,
    /** What `omb bounce` says of a mail. */
    async hand(mail: string): Promise<{ result: string; suppressed: boolean }> {
      const file = join(store.directory, "returned.eml");
      writeFileSync(file, mail);
      const { code, stdout, stderr } = await runCommand(["bounce", file, "--json"], environment({}));
      if (code !== 0) throw new Error(`omb bounce ended with ${code}: ${stderr}`);
      return JSON.parse(stdout) as { result: string; suppressed: boolean };
    },
    /** Why this address is written to no more, if it is. */
    async suppressedBy(address: string): Promise<string | undefined> {
      const { stdout } = await runCommand(["suppress", "list", "--address", address, "--json"], environment({}));
      const { items } = JSON.parse(stdout) as { items: { channel: string; source: string }[] };
      return items.find(({ channel }) => channel === "email")?.source;
    },
    /** Log lines of one event. */
    logged: (event: string) =>
      readFileSync(logFile, "utf8")
        .split("\n")
        .filter((line) => line.includes(`"${event}"`))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    log: () => readFileSync(logFile, "utf8"),
  };
}
export type World = Awaited<ReturnType<typeof createWorld>>;
