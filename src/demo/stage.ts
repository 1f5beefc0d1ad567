/** Everything the demo needs, running on this machine: a bridge, and a world around it. */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBridge } from "../app";
import { findAdminToken } from "../cli/settings";
import { type Config, loadConfig } from "../config";
import { reportText } from "../config/report";
import { StartError } from "../errors";
import { createLog, formatLine, type Log } from "../log";
import { createSimulator, defaultClient } from "../simulator";
import { type ChatNews, startChat } from "./chat";
import { type Mail, startInbox } from "./inbox";
import { customers, webhookSecret } from "./story";

/** What customers and mails call the integration. */
const integrationName = "Harborline";

/**
 * What happens around the bridge, as it happens. `webhook`: how it answered one. `taken`: Genesys Cloud took what a
 * customer wrote. `noticed`: it has recorded what became
 * of a notice.
 */
export type News =
  | ChatNews
  | { type: "webhook"; kind: string; result: string }
  | { type: "receipt"; messageId: string; status: string; code?: string | undefined }
  | { type: "taken"; from: string }
  | { type: "mail"; mail: Mail }
  | { type: "noticed" };

export interface StageOptions {
  /** TCP port of the bridge; a free one when absent. */
  port?: string | undefined;
  /** @default "127.0.0.1" */
  host?: string | undefined;
  version: string;
  now: () => number;
  tell(news: News): void;
}

/** Starts everything. Throws StartError when the bridge cannot have its port. */
export async function openStage({ port = "0", host = "127.0.0.1", version, now, tell }: StageOptions) {
  const ends: (() => unknown)[] = [];
  const happened = new EventEmitter();
  const hear = (news: News) => {
    tell(news);
    happened.emit("news");
  };

  /** Ends everything, last started first; whatever fails, the rest is ended too. */
  async function close() {
    for (const end of ends.splice(0).toReversed()) await Promise.resolve(end()).catch(() => undefined);
  }

  try {
    const directory = mkdtempSync(join(tmpdir(), "omb-demo-"));
    // Also where the process ends before anybody could close the stage.
    const remove = () => rmSync(directory, { recursive: true, force: true });
    process.once("exit", remove);
    ends.push(() => (process.off("exit", remove), remove()));

    const logFile = join(directory, "bridge.log");
    const logHandle = openSync(logFile, "a");
    ends.push(() => closeSync(logHandle));
    const log = createLog({ level: "info", destination: { write: (line) => void writeSync(logHandle, line) } });

    const inbox = await startInbox({ tell: hear });
    ends.push(inbox.stop);
    const secret = `whsec_${randomBytes(32).toString("base64")}`;
    let url = "";
    const chat = await startChat({
      secret,
      reachOf: (id) => customers.find((one) => one.id === id)?.reach ?? "online",
      callbackUrl: () => `${url}/channels/chat`,
      tell: hear,
      now,
    });
    ends.push(chat.stop);
    const simulator = createSimulator({
      webhooks: { retryDelayMs: 300 },
      // Messages sent by hand, which no agent of the simulator wrote, are reported too.
      acceptStrayReceipts: true,
      now,
    });
    await simulator.start();
    ends.push(simulator.stop);
    simulator.on("receipt", ({ messageId, status, reasons }) =>
      hear({ type: "receipt", messageId, status, code: reasons?.[0]?.code }),
    );

    simulator.on("inbound", ({ fromAddress }) => hear({ type: "taken", from: fromAddress }));

    const config = readDemoConfig({
      PORT: port,
      HOST: host,
      DATA_DIR: directory,
      GENESYS_GATEWAY_URL: simulator.url,
      GENESYS_CLIENT_ID: defaultClient.id,
      GENESYS_CLIENT_SECRET: defaultClient.secret,
      GENESYS_WEBHOOK_SECRET: webhookSecret,
      CHAT_URL: chat.url,
      CHAT_SECRET: secret,
      SMTP_URL: inbox.url,
      MAIL_FROM: `${integrationName} <noreply@harborline.example>`,
    });
    const { token } = findAdminToken(config);
    const bridge = await startBridge({
      config,
      adminToken: token,
      roles: { web: true, worker: true },
      log: overhear(log, hear),
      version,
      now,
    });
    ends.push(bridge.stop);
    url = `http://${isAny(host) ? "127.0.0.1" : host}:${bridge.address()?.port}`;

    const [integration] = config.integrations;
    if (integration === undefined) throw new StartError("config/demo.json has no integration");
    const webhookUrl = `${url}/genesys/${integration.name}/outbound`;
    simulator.addIntegration({ id: integration.id, name: integrationName, webhookUrl, secret: webhookSecret });

    return {
      url,
      webhookUrl,
      integrationId: integration.id,
      simulator,
      chat,
      inbox,
      directory,
      adminTokenFile: join(directory, "admin-token"),
      logFile,
      /** Reads the bridge's API; undefined for what is not found. */
      async ask(path: string): Promise<unknown> {
        const response = await fetch(`${url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
        if (response.status === 404) return undefined;
        if (!response.ok) throw new Error(`the API answered ${response.status} to ${path}`);
        return response.json();
      },
      /** Resolves as soon as it is so, asking again after everything that happens; false when time is up before. */
      async until(isSo: () => boolean | Promise<boolean>, patienceMs: number): Promise<boolean> {
        let news = 0;
        const count = () => void (news += 1);
        happened.on("news", count);
        const deadline = AbortSignal.timeout(patienceMs);
        try {
          for (;;) {
            const seen = news;
            if (await isSo()) return true;
            if (deadline.aborted) return false;
            if (seen === news) await nextNews(happened, deadline);
          }
        } finally {
          happened.off("news", count);
        }
      },
      /** The last lines of the bridge's log, for people. */
      readLog: (lines: number) =>
        readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-lines).map(formatLine).join(""),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
export type Stage = Awaited<ReturnType<typeof openStage>>;

function nextNews(happened: EventEmitter, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      happened.off("news", end);
      deadline.removeEventListener("abort", end);
      resolve();
    };
    happened.once("news", end);
    deadline.addEventListener("abort", end);
  });
}

/** The settings of config/demo.json, which ships with the program, under variables of the demo's own. */
function readDemoConfig(env: Record<string, string>): Config {
  const OMB_CONFIG = join(__dirname, "../../config/demo.json");
  const loaded = loadConfig({ env: { ...env, OMB_CONFIG }, readFile: (path) => readFileSync(path, "utf8") });
  if (!loaded.ok) throw new StartError(reportText(loaded).trimEnd());
  return loaded.config;
}

/** The log, with an ear for what nobody else can tell. */
function overhear(log: Log, hear: (news: News) => void): Log {
  return {
    ...log,
    webhookStored(fields) {
      log.webhookStored(fields);
      hear({ type: "webhook", kind: fields.kind ?? "", result: "stored: 200" });
    },
    webhookRepeated(fields) {
      log.webhookRepeated(fields);
      hear({ type: "webhook", kind: fields.kind ?? "", result: "duplicate: 200" });
    },
    webhookRefused(fields) {
      log.webhookRefused(fields);
      hear({ type: "webhook", kind: "request", result: `refused: ${fields.httpStatus}` });
    },
    noticeSent(fields) {
      log.noticeSent(fields);
      hear({ type: "noticed" });
    },
  };
}

function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
