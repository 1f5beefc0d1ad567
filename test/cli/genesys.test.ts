/** Commands that speak with Genesys Cloud, against one to practise on. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createSimulator, type SimulatorOptions } from "../../src/simulator";
import { startMailServer } from "../channels/mail-server";
import { adminToken, chatSecret, integrationId, signatureSecret } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { startPractice } from "../helpers/practice";
import { makePlace } from "../helpers/stores";
import { omb, writeSettings } from "./omb";

const clients = [{ id: "client-a", secret: "secret-a" }];
const organisations = { main: { clients } };

async function startSimulator(options: SimulatorOptions = {}) {
  const simulator = createSimulator({ clients, requestsPerMinute: 10_000, ...options });
  await simulator.start();
  atEnd(simulator.stop);
  return simulator;
}

async function makeSettings(gatewayUrl: string, changes: object = {}): Promise<Record<string, string>> {
  const { directory, remove } = await makePlace("sqlite");
  atEnd(remove);
  return { ...writeSettings(directory, { organisations, ...changes }), GENESYS_GATEWAY_URL: gatewayUrl };
}

/** Something that speaks HTTP and takes nothing. */
async function startAdapter(status = 405): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/deliver`;
}

interface Examined {
  part: string;
  ok: boolean;
  found: string;
  mend?: string;
}

describe("doctor", () => {
  const integration = {
    name: "harborline-chat",
    id: integrationId,
    signatureSecrets: [signatureSecret],
    channel: "chat",
    fallback: "missed",
  };

  async function makeWhole(gatewayUrl: string, changes: { chat?: object; smtp?: string } = {}) {
    const mail = await startMailServer();
    atEnd(mail.stop);
    const settings = {
      integrations: [integration],
      channels: {
        chat: { type: "http", url: await startAdapter(), secret: chatSecret, ...changes.chat },
        email: { type: "email", smtp: changes.smtp ?? mail.url, from: "chat@harborline.example", timeoutSeconds: 3 },
      },
      fallback: { missed: { steps: [{ channel: "email" }] } },
    };
    return {
      ...(await makeSettings(gatewayUrl, settings)),
      PUBLIC_URL: "https://bridge.example",
      EVENT_TOKEN: "e".repeat(16),
    };
  }

  const webhookUrl = "https://bridge.example/genesys/harborline-chat/outbound";
  const known = { id: integrationId, name: "Harborline Chat", webhookUrl, secret: signatureSecret };

  async function examine(env: Record<string, string>) {
    const ran = await omb(["doctor", "--json"], env);
    const { ok, examined } = JSON.parse(ran.stdout) as { ok: boolean; examined: Examined[] };
    return { exitCode: ran.exitCode, ok, examined, wrong: examined.filter((one) => !one.ok) };
  }

  test("finds nothing wrong with a bridge that is set up", async () => {
    const simulator = await startSimulator({ integrations: [known] });
    const env = await makeWhole(simulator.url);
    const { exitCode, ok, examined } = await examine(env);
    expect([exitCode, ok, examined.filter((one) => !one.ok)]).toEqual([0, true, []]);
    expect(examined.map(({ part }) => part)).toEqual(
      expect.arrayContaining([
        "DATA_DIR",
        "organisations.main",
        "integrations.harborline-chat",
        "channels.chat",
        "channels.email",
      ]),
    );
    const text = await omb(["doctor"], env);
    expect(text).toMatchObject({ exitCode: 0, stderr: "" });
    expect(text.stdout).toContain("All is well.");
    expect(text.stdout).not.toContain("secret-a");
    // It has changed nothing and sent nothing.
    expect(simulator.receiptsFor("")).toEqual([]);
    expect(simulator.inboundMessages()).toEqual([]);
  });

  test("names what is wrong, all at once, each with what mends it", async () => {
    const simulator = await startSimulator({
      integrations: [{ ...known, webhookUrl: "https://elsewhere.example/hook" }],
      clients: [{ id: "client-a", secret: "secret-a", permissions: ["messaging:integration:view"] }],
    });
    const env = await makeWhole(simulator.url, {
      chat: { url: "http://127.0.0.1:9/deliver" },
      smtp: "smtp://127.0.0.1:9",
    });
    const { exitCode, wrong } = await examine(env);
    expect(exitCode).toBe(1);
    const said = (part: string) =>
      wrong.filter((one) => one.part === part).map(({ found, mend }) => `${found} -> ${mend}`);
    expect(said("channels.chat").join()).toMatch(/ECONNREFUSED.*-> start the adapter/);
    expect(said("channels.email").join()).toMatch(/-> correct host and port/);
    expect(said("integrations.harborline-chat").join()).toContain(
      `set its outbound notification webhook URL to ${webhookUrl}`,
    );
    const permissions = said("organisations.main").join("\n");
    expect(permissions).toContain("conversation:message:receive");
    expect(permissions).toContain("conversation:communication:view");
    expect(permissions).toContain("externalContacts:contact:view");
    const text = await omb(["doctor"], env);
    expect(text.exitCode).toBe(1);
    expect(text.stdout).toMatch(/WRONG\s+channels\.chat/);
  });

  test.each([
    ["a secret that is wrong", { secret: "another" }, /refused by/],
    ["a client nobody knows", { id: "client-x" }, /refused by/],
  ])("tells %s from a Genesys Cloud that is away", async (_name, change, mend) => {
    const simulator = await startSimulator();
    const settings = { organisations: { main: { clients: [{ ...clients[0], ...change }] } } };
    const { wrong } = await examine(await makeSettings(simulator.url, settings));
    expect(wrong.find(({ part }) => part === "organisations.main")?.mend).toMatch(mend);
    const away = await examine(await makeSettings("http://127.0.0.1:9"));
    expect(away.wrong.find(({ part }) => part === "organisations.main")?.mend).toMatch(/cannot be used now/);
  });

  test("an integration that Genesys Cloud does not know is named", async () => {
    const simulator = await startSimulator();
    const { wrong } = await examine(await makeWhole(simulator.url));
    expect(wrong).toMatchObject([
      { part: "integrations.harborline-chat", mend: expect.stringContaining("omb provision") },
    ]);
  });

  test("what Genesys Cloud carries needs its permissions, and neither mail server nor Twilio", async () => {
    const settings = {
      integrations: [],
      channels: {
        mail: { type: "email", provider: "genesys", from: "notices@mail.harborline.example" },
        sms: { type: "sms", provider: "genesys", from: "+13175550142" },
      },
      fallback: { missed: { steps: [{ channel: "mail" }, { channel: "sms" }] } },
      organisations: { main: { clients, webMessaging: { fallback: "missed" } } },
    };
    const open = await startSimulator();
    const { exitCode, examined } = await examine(await makeSettings(open.url, settings));
    expect(exitCode).toBe(0);
    const said = examined.filter(({ part }) => part.startsWith("channels.")).map(({ part, found }) => [part, found]);
    expect(said.toSorted()).toEqual([
      ["channels.mail", "agentless e-mail: permitted"],
      ["channels.sms", "agentless SMS: permitted"],
    ]);
    expect(open.emails()).toEqual([]);

    const closed = await startSimulator({ clients: [{ id: "client-a", secret: "secret-a", permissions: ["a:b:c"] }] });
    const { wrong } = await examine(await makeSettings(closed.url, settings));
    const mends = Object.fromEntries(wrong.map(({ part, mend }) => [part, mend]));
    expect(mends).toMatchObject({
      "channels.mail": expect.stringContaining("conversation:email:create or conversation:agentlessEmail:send"),
      "channels.sms": expect.stringContaining("conversation:message:create"),
    });
  });

  test("settings that are wrong exit 2 before anything is reached for", async () => {
    const env = await makeSettings("http://127.0.0.1:9", { channels: {} });
    expect((await omb(["doctor"], env)).exitCode).toBe(2);
  });
});

describe("provision", () => {
  const webhook = "https://bridge.example/genesys/harborline-chat/outbound";

  test("makes media rules, typing and the integration, waits, and says what to put into the settings", async () => {
    const simulator = await startSimulator();
    const env = await makeSettings(simulator.url);
    const ran = await omb(["provision", "harborline-chat", "--webhook", webhook, "--json"], env);
    expect(ran.exitCode).toBe(0);
    const made = JSON.parse(ran.stdout);
    expect(made.integration).toEqual({
      name: "harborline-chat",
      id: made.integrationId,
      signatureSecrets: ["env:GENESYS_WEBHOOK_SECRET"],
      channel: "chat",
    });
    expect(made.secret.length).toBeGreaterThan(40);
    const state = (await (await fetch(`${simulator.url}/_state`)).json()) as Record<string, Record<string, unknown>[]>;
    expect(state.integrations).toMatchObject([
      {
        id: made.integrationId,
        webhookUrl: webhook,
        typing: { inbound: true, outbound: true },
        createStatus: "Completed",
      },
    ]);
    expect(state.supportedContents).toHaveLength(1);

    // What it says is what the settings take.
    const settings = { integrations: [made.integration] };
    const check = await omb(["check"], {
      ...(await makeSettings(simulator.url, settings)),
      GENESYS_WEBHOOK_SECRET: made.secret,
    });
    expect(check.exitCode).toBe(0);

    const again = await omb(["provision", "harborline-chat", "--webhook", webhook], env);
    expect(again).toMatchObject({ exitCode: 1, stdout: "" });
    expect(again.stderr).toContain(made.integrationId);
  });

  test("tells people the same in words", async () => {
    const simulator = await startSimulator();
    const env = { ...(await makeSettings(simulator.url)), PUBLIC_URL: "https://bridge.example/" };
    const ran = await omb(["provision", "harborline-chat", "--secret", "a-secret-of-my-own", "--media", ""], env);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain("GENESYS_WEBHOOK_SECRET=a-secret-of-my-own");
    expect(ran.stdout).toContain('"name": "harborline-chat"');
    expect(ran.stderr).toContain("typing on");
    expect(ran.stderr).not.toContain("supported content");
  });

  test("a dry run asks nothing of Genesys Cloud", async () => {
    const simulator = await startSimulator();
    const env = await makeSettings(simulator.url);
    const ran = await omb(["provision", "harborline-chat", "--webhook", webhook, "--dry-run"], env);
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).toContain(webhook);
    expect(simulator.requests.list()).toEqual([]);
  });

  test("what is missing is named: a permission, a place for messages, a longer secret", async () => {
    const simulator = await startSimulator({
      clients: [
        {
          id: "client-a",
          secret: "secret-a",
          permissions: ["messaging:integration:view", "messaging:supportedContent:add"],
        },
      ],
    });
    const env = await makeSettings(simulator.url);
    const forbidden = await omb(["provision", "harborline-chat", "--webhook", webhook], env);
    expect(forbidden).toMatchObject({ exitCode: 1, stdout: "" });
    expect(forbidden.stderr).toContain("messaging:setting:add");
    expect((await omb(["provision", "harborline-chat"], env)).exitCode).toBe(2);
    for (const args of [["Harborline Chat"], ["harborline-chat", "--secret", "short"]]) {
      expect((await omb(["provision", ...args, "--webhook", webhook], env)).exitCode).toBe(2);
    }
  });
});

describe("contacts", () => {
  const email = "ines@harborline.example";

  async function startBeside() {
    const practice = await startPractice("sqlite", { fallback: {} });
    const { directory, remove } = await makePlace("sqlite");
    atEnd(remove);
    const env = { ...writeSettings(directory), PORT: new URL(practice.url("/")).port, ADMIN_TOKEN: adminToken };
    return { practice, env };
  }

  test("shows who an address belongs to, makes them the customer of a conversation, and tells what was done", async () => {
    const { practice, env } = await startBeside();
    const known = practice.simulator.addContact({ fields: { firstName: "Ines", personalEmail: email } });
    const shown = await omb(["contacts", "resolve", "--email", email.toUpperCase()], env);
    expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
    expect(shown.stdout).toContain(known.id);
    expect((await omb(["contacts", "resolve", "--email", "nobody@harborline.example"], env)).exitCode).toBe(1);

    const chat = practice.simulator.webChats.start();
    const args = ["contacts", "resolve", "--email", email, "--conversation", chat.conversationId];
    const resolved = await omb([...args, "--json"], env);
    expect(JSON.parse(resolved.stdout)).toMatchObject({ outcome: "merged" });
    expect((await omb(args, env)).stdout).toMatch(/^It is that contact already/);
    const journal = await omb(["contacts", "journal"], env);
    expect(journal.stdout.split("\n").filter((line) => line.includes("operator"))).toHaveLength(2);
  });

  test("merges, and says why it does not", async () => {
    const { practice, env } = await startBeside();
    const ids = ["Ines", "Jonas"].map((firstName) => practice.simulator.addContact({ fields: { firstName } }).id);
    const kept = await omb(["contacts", "merge", ...ids], env);
    expect(kept).toMatchObject({ exitCode: 1, stdout: "" });
    expect(kept.stderr).toContain("both curated");
    const merged = await omb(["contacts", "merge", ...ids, "--curated", "--json"], env);
    expect(JSON.parse(merged.stdout)).toMatchObject({ outcome: "merged" });
    expect(practice.simulator.contact(ids[0] ?? "")?.canonicalId).toBe(JSON.parse(merged.stdout).contactId);
    expect((await omb(["contacts", "merge", "one"], env)).exitCode).toBe(2);
  });

  test("without a bridge they say what to do", async () => {
    const env = { ...(await makeSettings("http://127.0.0.1:9")), PORT: "9", ADMIN_TOKEN: adminToken };
    const ran = await omb(["contacts", "resolve", "--email", email], env);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(/no bridge answers/i);
  });
});
