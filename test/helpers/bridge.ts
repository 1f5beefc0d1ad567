/** A whole bridge on a free port with everything around it: an adapter, a Genesys Cloud, a mail server. */
import { request } from "undici";
import { auditOptions, type Bridge, type Roles, startBridge } from "../../src/app";
import { type Config, loadConfig } from "../../src/config";
import { createLog, type LogLevel } from "../../src/log";
import { audit } from "../../src/store/audit";
import type { Db } from "../../src/store/bulk";
import { openDatabase, type StoreLocation } from "../../src/store/database";
import type { Engine } from "../../src/store/engine";
import { type ReceivedMail, startMailServer } from "../channels/mail-server";
import { startGenesys } from "../genesys/genesys-server";
import { startAdapter } from "./adapter";
import { atEnd } from "./clean-up";
import { createClock } from "./clock";
import { makePlace } from "./stores";
import { until } from "./until";
import { type Body, outboundBody, sign } from "./webhook";

export const adminToken = "test-admin-token";
export const signatureSecret = "harborline-test-secret-0001";
export const eventToken = "test-event-token";
export const chatSecret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
export const integrationId = "2655b4c8-6386-5a64-8346-d47fed659046";

/** Changes to the usual settings; what is absent stays as usual. */
export interface SceneSettings {
  integration?: Body;
  chat?: Body;
  /** The policy `missed`, which steps to the channel `email`; absent: no fallback. */
  fallback?: Body;
  channels?: Body;
  integrations?: Body[];
  maxBodyBytes?: number;
  organisation?: Body;
  /** Further ones, ahead of `main`. */
  organisations?: Body;
  events?: Body;
  contacts?: Body;
  /** @default none */
  publicUrl?: string | undefined;
  /** Another Genesys Cloud than the one that comes with the scene. */
  gatewayUrl?: string;
  /** Null: none. @default `eventToken` */
  eventToken?: string | null;
  /** Variables beside those of the scene. */
  env?: Record<string, string>;
}

export interface SceneOptions extends SceneSettings {
  roles?: Roles;
  logLevel?: LogLevel;
  /** Instead of a place of its own; the caller removes it. */
  location?: StoreLocation;
  /** Leaves out the audit at the end. */
  damaged?: boolean;
  /** Waits until the store is ready. @default true */
  awaitReady?: boolean;
}

export interface Item {
  id: string;
  genesysMessageId: string | null;
  kind: string;
  fate: string;
  reason: { code: string; message: string } | null;
  delivery: { channel: string; status: string; attempts: number; providerMessageId: string | null } | null;
  notice: { id: string; channel: string | null; status: string } | null;
  recipient: { id: string; idType: string };
  summary: string;
}

export interface Detail extends Item {
  duplicates: number;
  message: Body;
  deliveries: { id: string; channel: string; status: string; reason: { code: string } | null }[];
  attempts: { number: number; result: string | null; answer: string | null; durationMs: number | null }[];
  receipt: { status: string; state: string; reason: { code: string } | null; answer: string | null } | null;
  timeline: { at: string; event: string; detail: Body | null }[];
}

export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Everything is stopped, and the store audited, after the test. */
export async function startScene(engine: Engine, options: SceneOptions = {}) {
  const clock = createClock();
  const adapter = await startAdapter(chatSecret, clock.now);
  atEnd(adapter.stop);
  const genesys = await startGenesys();
  atEnd(genesys.close);
  const mail = await startMailServer();
  atEnd(mail.stop);
  let location = options.location;
  if (location === undefined) {
    const place = await makePlace(engine);
    atEnd(place.remove);
    location = place.location;
  }
  const logged: string[] = [];
  const log = createLog({
    level: options.logLevel ?? "silent",
    destination: { write: (line) => void logged.push(line) },
  });
  let running: Bridge | undefined;
  let config: Config;
  atEnd(async () => {
    await stop();
    if (options.damaged !== true) await expectCleanAudit();
  });

  async function start(settings: SceneOptions): Promise<Bridge> {
    config = loadSettings(settings, { adapter: adapter.url, genesys: genesys.url, smtp: mail.url });
    const bridge = await startBridge({
      config: { ...config, host: "127.0.0.1", port: 0, database: location as StoreLocation },
      adminToken,
      roles: options.roles ?? { web: true, worker: true },
      log,
      version: "0.0.0-test",
      now: clock.now,
    });
    running = bridge;
    if (options.awaitReady !== false) await until(async () => (await call("GET", "/health/ready")).status === 200);
    return bridge;
  }

  async function stop(): Promise<void> {
    const stopping = running;
    running = undefined;
    await stopping?.stop();
  }

  function url(path: string): string {
    return `http://127.0.0.1:${running?.address()?.port}${path}`;
  }

  async function call(method: "GET" | "POST" | "DELETE", path: string, headers = {}, body?: string | Buffer) {
    const answer = await request(url(path), { method, headers, body: body ?? null });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() } satisfies Answered;
  }

  /** Reads the API with the admin token. */
  async function get<Shape>(path: string): Promise<Shape> {
    const { status, text } = await call("GET", path, { authorization: `Bearer ${adminToken}` });
    if (status !== 200) throw new Error(`${path} answered ${status}: ${text}`);
    return JSON.parse(text) as Shape;
  }

  /** Sends a webhook as Genesys Cloud would. */
  function post(body: Body | string | Buffer, headers: Record<string, string> = {}, integration = "harborline-chat") {
    const text = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const signed = { "x-hub-signature-256": sign(text, signatureSecret), "content-type": "application/json" };
    return call("POST", `/genesys/${integration}/outbound`, { ...signed, ...headers }, text);
  }

  /** Sends a text (or another fixture) to a customer and returns Genesys Cloud's id of it, once it is stored. */
  async function say(to: string, changes: Body = {}, fixture = "text-agent"): Promise<string> {
    const body = outboundBody(fixture, to, changes);
    const { status, text } = await post(body);
    if (status !== 200) throw new Error(`the webhook answered ${status}: ${text}`);
    return String(body.id);
  }

  /** Tells the bridge something as the adapter would. */
  async function tell(kind: string, body: unknown, webhookId?: string): Promise<Answered> {
    const { headers, text } = adapter.sign(body, webhookId);
    return call("POST", `/channels/chat/${kind}`, headers, text);
  }

  const find = (id: string) => get<Detail>(`/api/v1/messages/${encodeURIComponent(id)}`);
  const untilFate = (id: string, fate: string, withinMs?: number) =>
    until(
      () => find(id),
      (found) => found.fate === fate,
      withinMs,
    );
  const untilStatus = (id: string, status: string) =>
    until(
      () => find(id),
      (found) => found.delivery?.status === status,
    );

  async function look() {
    const { queues, underWay } = await get<{
      queues: { oldestDueAt: string }[];
      underWay: Record<string, number>;
    }>("/health/details");
    return {
      due: queues.some((queue) => Date.parse(queue.oldestDueAt) <= clock.now()),
      underWay: Object.values(underWay).some((count) => count > 0),
    };
  }

  /** Waits until nothing is due and nothing under way, twice in a row: what has not happened by then does not happen. */
  async function settle(): Promise<void> {
    let quiet = 0;
    await until(async () => {
      const { due, underWay } = await look();
      quiet = due || underWay ? 0 : quiet + 1;
      return quiet === 2;
    });
  }

  /** Waits until nothing is under way, while something may be due that must wait. */
  async function settleUnderWay(): Promise<void> {
    await until(async () => !(await look()).underWay);
  }

  async function read<Value>(work: (db: Db) => Promise<Value>): Promise<Value> {
    const database = openDatabase(location as StoreLocation, { readOnly: true });
    try {
      return await database.read(work);
    } finally {
      await database.close();
    }
  }

  /** Changes a stopped bridge's store. */
  async function write(work: (db: Db) => Promise<unknown>): Promise<void> {
    const database = openDatabase(location as StoreLocation);
    try {
      await database.transaction((tx) => work(tx.db));
    } finally {
      await database.close();
    }
  }

  async function expectCleanAudit(): Promise<void> {
    expect(await read((db) => audit(db, auditOptions(config, clock.now())))).toMatchObject({ ok: true, findings: [] });
  }

  running = await start(options);
  return {
    adapter,
    genesys,
    mail,
    clock,
    location,
    logged,
    url,
    call,
    get,
    post,
    say,
    tell,
    find,
    untilFate,
    untilStatus,
    settle,
    settleUnderWay,
    read,
    write,
    /** Receipts that Genesys Cloud was sent, with the path of each. */
    receipts: () =>
      genesys.requests
        .filter(({ path }) => path.endsWith("/inbound/open/receipt"))
        .map(({ path, body }) => ({ path, body: body as Receipt })),
    mails: (): ReceivedMail[] => mail.received,
    stop,
    /** Stops the bridge and starts it on the same store, with other settings if given. */
    async restart(settings: SceneSettings = {}): Promise<void> {
      await stop();
      running = await start({ ...options, ...settings });
    },
  };
}
export type Scene = Awaited<ReturnType<typeof startScene>>;

export interface Receipt {
  id: string;
  status: string;
  isFinalReceipt: boolean;
  reasons?: { code: string; message: string }[];
  channel: { to: { id: string; idType?: string }; time: string };
}

function loadSettings(changes: SceneSettings, servers: { adapter: string; genesys: string; smtp: string }) {
  const { integration, chat, fallback, channels, integrations, maxBodyBytes, organisation, events } = changes;
  const settings = {
    organisations: {
      ...changes.organisations,
      main: { clients: [{ id: "client-a", secret: "secret-a" }], requestsPerMinute: 60_000, ...organisation },
    },
    ...(events === undefined ? {} : { events }),
    ...(changes.contacts === undefined ? {} : { contacts: changes.contacts }),
    integrations: [
      {
        name: "harborline-chat",
        id: integrationId,
        signatureSecrets: [signatureSecret],
        channel: "chat",
        ...(fallback === undefined ? {} : { fallback: "missed" }),
        ...integration,
      },
      ...(integrations ?? []),
    ],
    channels: {
      chat: {
        type: "http",
        url: servers.adapter,
        secret: chatSecret,
        confirms: "delivered",
        retry: { maxAgeSeconds: 900, firstDelayMs: 5, maxDelayMs: 20 },
        ...chat,
      },
      ...(fallback === undefined
        ? {}
        : {
            email: {
              type: "email",
              smtp: servers.smtp,
              from: "Harborline <chat@harborline.example>",
              retry: { maxAgeSeconds: 60, firstDelayMs: 5, maxDelayMs: 20 },
            },
          }),
      ...channels,
    },
    ...(fallback === undefined
      ? {}
      : { fallback: { missed: { graceSeconds: 0, steps: [{ channel: "email" }], ...fallback } } }),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
  };
  const loaded = loadConfig({
    env: {
      GENESYS_GATEWAY_URL: changes.gatewayUrl ?? servers.genesys,
      ...(changes.publicUrl === undefined ? {} : { PUBLIC_URL: changes.publicUrl }),
      ...(changes.eventToken === null ? {} : { EVENT_TOKEN: changes.eventToken ?? eventToken }),
      ...changes.env,
    },
    readFile: () => JSON.stringify(settings),
  });
  if (!loaded.ok) throw new Error(`the settings are refused: ${JSON.stringify(loaded.problems, null, 2)}`);
  return loaded.config;
}
