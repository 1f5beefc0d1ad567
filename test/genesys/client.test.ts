import { once } from "node:events";
import { mkdtemp, mkdir, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import {
  createGenesysClient,
  type GenesysApi,
  type GenesysCall,
  type GenesysClient,
  type GenesysClientDeps,
} from "../../src/genesys/client";
import { type GenesysServer, startGenesys } from "./genesys-server";

let server: GenesysServer;
const opened: GenesysClient[] = [];

beforeEach(async () => {
  server = await startGenesys();
});

afterEach(async () => {
  await server.close();
  await Promise.all(opened.splice(0).map((client) => client.close()));
});

function open(deps: Partial<GenesysClientDeps> & { clients?: { id: string; secret: string }[] } = {}): GenesysClient {
  const { clients = [{ id: "client-a", secret: "secret-a" }], ...others } = deps;
  const organisation = { gatewayUrl: server.url, clients };
  const client = createGenesysClient({ organisation, now: Date.now, ...others });
  opened.push(client);
  return client;
}

const question = {
  operation: "test.read",
  priority: "lookup" as const,
  send: ({ conversations }: GenesysApi) => conversations.getConversation("c-1"),
  answer: z.looseObject({ id: z.string() }),
};

const found = () => ({ status: 200, body: { id: "c-1" } });

describe("tokens", () => {
  test("fifty callers at once cost one log-in", async () => {
    server.onRequest = found;
    const client = open();
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.ask(question)));
    expect(answers.filter(({ status }) => status === "done")).toHaveLength(50);
    expect(server.logins).toHaveLength(1);
    expect(server.requests).toHaveLength(50);
  });

  test("whoever fetches files gets the token that requests use", async () => {
    server.onRequest = found;
    const client = open();
    await client.ask(question);
    expect(await client.token()).toBe(server.requests[0]?.headers.authorization?.slice("Bearer ".length));
    expect(server.logins).toHaveLength(1);
  });

  test("a token is renewed ahead of its end while the old one serves on", async () => {
    let now = 1_000_000;
    server.onRequest = found;
    server.tokenSeconds = 1_000;
    const client = open({ now: () => now });
    await client.ask(question);
    now += 799_000;
    await client.ask(question);
    expect(server.logins).toHaveLength(1);
    now += 1_000;
    await client.ask(question);
    expect(server.requests.at(-1)?.headers.authorization).toBe("Bearer token-of-client-a-1");
    while (server.requests.at(-1)?.headers.authorization !== "Bearer token-of-client-a-2") await client.ask(question);
    expect(server.logins).toHaveLength(2);
  });

  test("a renewal that fails leaves the old token in use until its end", async () => {
    let now = 1_000_000;
    server.onRequest = found;
    server.tokenSeconds = 1_000;
    const client = open({ now: () => now });
    await client.ask(question);
    server.onLogin = () => ({ status: 503 });
    now += 900_000;
    while (server.logins.length < 2) expect(await client.ask(question)).toMatchObject({ status: "done" });
    now += 99_000;
    expect(await client.ask(question)).toMatchObject({ status: "done" });
    now += 1_000;
    expect(await client.ask(question)).toMatchObject({
      status: "later",
      error: { operation: "oauth.token", status: 503 },
    });
  });

  test("a token that has ended is not used, whatever the clock did", async () => {
    let now = 1_000_000;
    server.onRequest = found;
    const client = open({ now: () => now });
    await client.ask(question);
    now += 90_000_000;
    await client.ask(question);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-of-client-a-1",
      "Bearer token-of-client-a-2",
    ]);
  });

  test("a 401 costs one new token and one repeat, shared by all who met it", async () => {
    server.onRequest = found;
    const client = open();
    await client.ask(question);
    server.revokeTokens();
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask(question)));
    expect(answers.every(({ status }) => status === "done")).toBe(true);
    expect(server.logins).toHaveLength(2);
    expect(server.requests).toHaveLength(1 + 20 + 20);
  });

  test("a 401 that stays is given up after one repeat, to be tried later", async () => {
    const client = open();
    server.onRequest = () => ({ status: 401, body: { code: "credentials.expired", status: 401 } });
    const answer = await client.ask(question);
    expect(answer).toMatchObject({ status: "later", error: { status: 401, code: "credentials.expired" } });
    expect(server.requests).toHaveLength(2);
  });

  test("wrong credentials are said clearly, never final, and not hammered", async () => {
    let now = 1_000_000;
    server.onRequest = found;
    const client = open({ now: () => now, clients: [{ id: "client-a", secret: "wrong" }] });
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.ask(question)));
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: "later",
        answer: "oauth.token: HTTP 400, invalid_client",
        retryAfterMs: 1_000,
        error: { operation: "oauth.token", code: "invalid_client", uncertain: false },
      });
      expect(JSON.stringify(answer)).not.toContain("wrong");
    }
    now += 400;
    expect(await client.ask(question)).toMatchObject({ status: "later", retryAfterMs: 600 });
    expect(server.logins).toHaveLength(1);
    now += 600;
    expect(await client.checkCredentials()).toMatchObject([
      { clientId: "client-a", answer: { status: "later", retryAfterMs: 2_000 } },
    ]);
    server.clients.set("client-a", "wrong");
    now += 2_000;
    expect(await client.ask(question)).toMatchObject({ status: "done" });
    expect(server.requests).toHaveLength(1);
  });

  test("a login host that is down or talks nonsense makes an answer, not a crash", async () => {
    const client = open({ now: () => 0 });
    server.onLogin = () => "drop";
    expect(await client.ask(question)).toMatchObject({ status: "later", error: { operation: "oauth.token" } });
    const other = open({ now: () => 0 });
    server.onLogin = () => ({ status: 200, body: "<html>maintenance</html>" });
    expect(await other.ask(question)).toMatchObject({ status: "later", error: { code: "invalid.answer" } });
    const third = open({ now: () => 0 });
    server.onLogin = () => ({ status: 429, headers: { "retry-after": "7" } });
    expect(await third.ask(question)).toMatchObject({ status: "later", retryAfterMs: 7_000 });
  });
});

describe("refusals", () => {
  test("429 with Retry-After and an empty body says how long to stay away", async () => {
    server.onRequest = () => ({ status: 429, headers: { "retry-after": "3", "inin-correlation-id": "abc-1" } });
    expect(await open().ask(question)).toMatchObject({
      status: "later",
      answer: "test.read: HTTP 429, http.429 (correlation abc-1)",
      retryAfterMs: 3_000,
      error: { status: 429, correlationId: "abc-1", uncertain: false },
    });
  });

  test("nothing is sent by a client that was asked to stay away, until the time is over", async () => {
    let now = 1_000_000;
    const client = open({ now: () => now });
    server.onRequest = () => ({ status: 429, headers: { "retry-after": "17" } });
    await client.ask(question);
    server.onRequest = found;
    now += 16_000;
    expect(await client.ask(question)).toMatchObject({ status: "later", error: { code: "budget.spent" } });
    expect(server.requests).toHaveLength(1);
    now += 1_000;
    expect(await client.ask(question)).toMatchObject({ status: "done" });
  });

  test("a turn that was waited for is given up when Retry-After comes meanwhile, and never comes back early", async () => {
    let now = 1_000_000;
    let letGo = () => {};
    const wait = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const turns = [Promise.resolve(), wait];
    const budget = {
      take: async () => {
        await turns.shift();
        return { clientId: "client-a" };
      },
      pause: async () => {},
    };
    const client = open({ now: () => now, budget });
    server.onRequest = () => ({ status: 503, headers: { "retry-after": "30" } });
    const [first, second] = [client.ask(question), client.ask(question)];
    await first;
    now += 10_000;
    letGo();
    expect(await second).toMatchObject({ status: "later", retryAfterMs: 20_000, error: { code: "budget.spent" } });
    now += 19_999;
    expect(await client.ask(question)).toMatchObject({ status: "later", retryAfterMs: 1 });
    expect(server.requests).toHaveLength(1);
    now += 1;
    await client.ask(question);
    expect(server.requests).toHaveLength(2);
  });

  test.each([
    [400, "refused"],
    [403, "refused"],
    [404, "refused"],
    [408, "later"],
    [409, "refused"],
    [500, "later"],
    [502, "later"],
    [503, "later"],
    [302, "later"],
  ])("HTTP %i is %s", async (status, expected) => {
    server.onRequest = () => ({ status, headers: { location: "http://127.0.0.1:1/" } });
    expect(await open().ask(question)).toMatchObject({ status: expected, error: { status, code: `http.${status}` } });
    expect(server.requests).toHaveLength(1);
  });

  test("missing permissions are named, and Genesys' own sentence stays out of messages and JSON", async () => {
    server.onRequest = () => ({
      status: 403,
      body: {
        message: "You are missing the following permission(s): conversation:message:receive",
        code: "missing.permissions",
        status: 403,
        contextId: "59f49129",
        messageParams: { permissions: "conversation:message:receive, messaging:integration:view" },
      },
    });
    const answer = await open().ask(question);
    expect(answer).toMatchObject({
      status: "refused",
      error: {
        code: "missing.permissions",
        correlationId: "59f49129",
        permissions: ["conversation:message:receive", "messaging:integration:view"],
        detail: "You are missing the following permission(s): conversation:message:receive",
      },
    });
    expect(answer.answer).toContain("missing conversation:message:receive, messaging:integration:view");
    expect(JSON.stringify(answer)).not.toContain("You are missing");
  });

  test("a 2xx that is no JSON or not what was asked for is not taken for success", async () => {
    const client = open();
    server.onRequest = () => ({ status: 200, headers: { "content-type": "text/html" }, body: "<html>sign in</html>" });
    expect(await client.ask(question)).toMatchObject({ status: "later", error: { code: "invalid.answer" } });
    server.onRequest = () => ({ status: 200, body: { no: "id" } });
    expect(await client.ask(question)).toMatchObject({ status: "later", error: { code: "invalid.answer" } });
  });

  test("a missing argument, or an id that would leave its place in the path, is refused before it is sent", async () => {
    const client = open();
    const empty = { ...question, send: ({ conversations }: GenesysApi) => conversations.getConversation("") };
    expect(await client.ask(empty)).toMatchObject({ status: "refused", error: { code: "invalid.request" } });
    const dots = { ...question, send: ({ conversations }: GenesysApi) => conversations.getConversation("..") };
    expect(await client.ask(dots)).toMatchObject({ status: "refused", error: { code: "invalid.id" } });
    expect(server.requests).toHaveLength(0);
  });
});

describe("connections", () => {
  test("a hung server is given up after the time limit, and may have done the work", async () => {
    server.onRequest = () => "hang";
    const startedAt = Date.now();
    const answer = await open({ timeoutMs: 300 }).ask(question);
    expect(answer).toMatchObject({ status: "later", error: { code: "timeout", uncertain: true } });
    expect(Date.now() - startedAt).toBeLessThan(3_000);
  });

  test("a body that trickles does not outlive the time limit", async () => {
    server.onRequest = (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const drip = setInterval(() => response.write(" "), 50);
      response.on("close", () => clearInterval(drip));
      return "hang";
    };
    const answer = await open({ timeoutMs: 300 }).ask(question);
    expect(answer).toMatchObject({ status: "later", error: { code: "timeout", uncertain: true } });
  });

  test("a refused connection is worth another try and did nothing; a dropped one may have", async () => {
    const closed = createServer();
    closed.listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, "close");
    const clients = [{ id: "client-a", secret: "secret-a" }];
    const nobody = open({ organisation: { gatewayUrl: `http://127.0.0.1:${port}`, clients } });
    expect(await nobody.ask(question)).toMatchObject({
      status: "later",
      error: { code: "ECONNREFUSED", uncertain: false, status: undefined },
    });
    server.onRequest = () => "drop";
    expect(await open().ask(question)).toMatchObject({ status: "later", error: { uncertain: true } });
  });
});

describe("several OAuth clients", () => {
  const clients = [
    { id: "client-a", secret: "secret-a" },
    { id: "client-b", secret: "secret-b" },
  ];

  test("share the work evenly, each under its own token", async () => {
    server.clients.set("client-b", "secret-b");
    server.onRequest = found;
    const client = open({ clients });
    await Promise.all(Array.from({ length: 20 }, () => client.ask(question)));
    const tokens = server.requests.map(({ headers }) => headers.authorization ?? "");
    expect(tokens.filter((token) => token.includes("client-a"))).toHaveLength(10);
    expect(tokens.filter((token) => token.includes("client-b"))).toHaveLength(10);
    expect(server.logins).toHaveLength(2);
  });

  test("one that was asked to stay away, or cannot log in, is passed over", async () => {
    server.clients.set("client-b", "secret-b");
    server.onRequest = ({ headers }) =>
      headers.authorization?.includes("client-a") ? { status: 429, headers: { "retry-after": "60" } } : found();
    const client = open({ clients });
    await Promise.all([client.ask(question), client.ask(question)]);
    const answers = await Promise.all(Array.from({ length: 6 }, () => client.ask(question)));
    expect(answers.every(({ status }) => status === "done")).toBe(true);

    const half = open({ clients: [{ id: "client-a", secret: "wrong" }, clients[1] ?? { id: "", secret: "" }] });
    await Promise.all([half.ask(question), half.ask(question)]);
    const others = await Promise.all(Array.from({ length: 6 }, () => half.ask(question)));
    expect(others.every(({ status }) => status === "done")).toBe(true);
  });

  test("a budget of the caller's decides whose turn it is, and hears of Retry-After", async () => {
    server.clients.set("client-b", "secret-b");
    const asked: unknown[] = [];
    const calls: GenesysCall[] = [];
    const client = open({
      clients,
      onCall: (call) => calls.push(call),
      budget: {
        take: async (priority, clientIds) => {
          asked.push([priority, ...clientIds]);
          return asked.length > 2 ? { retryAfterMs: 250 } : { clientId: "client-b" };
        },
        pause: async (clientId, retryAfterMs) => {
          asked.push([clientId, retryAfterMs]);
        },
      },
    });
    server.onRequest = () => ({ status: 503, headers: { "retry-after": "2" } });
    await client.ask(question);
    expect(await client.ask(question)).toMatchObject({ status: "later", retryAfterMs: 250 });
    expect(asked).toEqual([
      ["lookup", "client-a", "client-b"],
      ["client-b", 2_000],
      ["lookup", "client-a"],
    ]);
    expect(calls).toMatchObject([
      { operation: "test.read", priority: "lookup", clientId: "client-b", status: "later" },
    ]);
  });
});

describe("the SDK inside", () => {
  test("goes to the gateway and below its path, query encoded once", async () => {
    server.onRequest = found;
    const clients = [{ id: "client-a", secret: "secret-a" }];
    const client = open({ organisation: { gatewayUrl: `${server.url}/genesys/`, clients } });
    await client.ask({
      ...question,
      send: ({ contacts }) => contacts.getExternalcontactsReversewhitepageslookup("+44 77 & co/é"),
    });
    expect(server.logins[0]?.path).toBe("/genesys/oauth/token");
    const path = new URL(server.requests[0]?.path ?? "", server.url);
    expect(path.pathname).toBe("/genesys/api/v2/externalcontacts/reversewhitepageslookup");
    expect(path.searchParams.get("lookupVal")).toBe("+44 77 & co/é");
  });

  test("does not follow a settings file in the home directory", async () => {
    const home = await mkdtemp(join(tmpdir(), "home-"));
    await mkdir(join(home, ".genesyscloudjavascript"));
    await writeFile(
      join(home, ".genesyscloudjavascript", "config"),
      "[logging]\nlog_level = trace\nlog_request_body = true\n[gateway]\nhost = 127.0.0.1\nport = 1\nprotocol = http\n",
    );
    server.onRequest = found;
    const script = `
      const fs = require("node:fs");
      let watched = 0;
      let everWatched = false;
      const { watchFile, unwatchFile } = fs;
      fs.watchFile = (...args) => (everWatched = true, watched += 1, watchFile(...args));
      fs.unwatchFile = (...args) => (watched -= 1, unwatchFile(...args));
      const { createGenesysClient } = require(${JSON.stringify(join(__dirname, "../../src/genesys/client"))});
      const { z } = require("zod");
      const clients = [{ id: "client-a", secret: "secret-a" }];
      const organisation = { gatewayUrl: ${JSON.stringify(server.url)}, clients };
      console.log("the SDK wants to:", everWatched, "and once it is loaded:", watched > 0);
      const client = createGenesysClient({ organisation, now: Date.now });
      console.log("watching in use:", watched > 0);
      const send = (api) => api.conversations.getConversation("c-1");
      void client
        .ask({ operation: "t", priority: "lookup", send, answer: z.unknown() })
        .then(({ answer }) => { console.log(answer); return client.close(); });
    `;
    await writeFile(join(home, "probe.ts"), script);
    const tsx = join(__dirname, "../../node_modules/.bin/tsx");
    const env = { ...process.env, HOME: home, NODE_PATH: join(__dirname, "../../node_modules") };
    const { stdout, stderr } = await promisify(execFile)(tsx, [join(home, "probe.ts")], { env });
    expect(stdout.trim().split("\n")).toEqual([
      "the SDK wants to: true and once it is loaded: false",
      "watching in use: false",
      "HTTP 200",
    ]);
    expect(stderr).toBe("");
  });

  test("an organisation without address or OAuth client is refused at start", () => {
    const clients = [{ id: "a", secret: "b" }];
    const start = (organisation: GenesysClientDeps["organisation"]) => () =>
      createGenesysClient({ organisation, now: Date.now });
    expect(start({ clients })).toThrow("region or a gateway URL");
    expect(start({ region: "mars-1", clients })).toThrow('"mars-1" is no region');
    expect(start({ region: "eu-west-1", clients: [] })).toThrow("at least one OAuth client");
    expect(start({ gatewayUrl: "ftp://x", clients })).toThrow("not an http(s) address");
  });
});
