import { join } from "node:path";
import { request } from "undici";
import { startBridge } from "../../src/app";
import { loadConfig } from "../../src/config";
import { createLog } from "../../src/log";
import { startGenesys } from "../genesys/genesys-server";
import { startAdapter } from "../helpers/adapter";
import { chatSecret, integrationId, signatureSecret } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { makePlace } from "../helpers/stores";
import { until } from "../helpers/until";
import { outboundBody, sign } from "../helpers/webhook";

const log = createLog({ level: "silent", destination: { write: () => undefined } });

/** A bridge with a public URL, whose Genesys Cloud keeps a picture that only its token opens. */
async function startBridgeWithMedia(chat: Record<string, unknown>, settings: Record<string, unknown> = {}) {
  const adapter = await startAdapter(chatSecret);
  atEnd(adapter.stop);
  const genesys = await startGenesys();
  atEnd(genesys.close);
  genesys.onRequest = ({ path }) =>
    path.startsWith("/api/v2/downloads/")
      ? { status: 200, headers: { "content-type": "image/jpeg" }, body: "a picture" }
      : { status: 200, body: {} };
  const place = await makePlace("sqlite");
  atEnd(place.remove);
  const loaded = loadConfig({
    env: {
      GENESYS_GATEWAY_URL: genesys.url,
      GENESYS_CLIENT_ID: "client-a",
      GENESYS_CLIENT_SECRET: "secret-a",
      PUBLIC_URL: "https://bridge.example",
      DATA_DIR: join(place.directory, "data"),
    },
    readFile: () =>
      JSON.stringify({
        integrations: [
          { name: "harborline-chat", id: integrationId, signatureSecrets: [signatureSecret], channel: "chat" },
        ],
        channels: { chat: { type: "http", url: adapter.url, secret: chatSecret, ...chat } },
        ...settings,
      }),
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const bridge = await startBridge({
    config: { ...loaded.config, host: "127.0.0.1", port: 0, database: place.location },
    adminToken: "test-admin-token",
    roles: { web: true, worker: true },
    log,
    version: "0.0.0-test",
  });
  atEnd(bridge.stop);
  const url = (path: string) => `http://127.0.0.1:${bridge.address()?.port}${path}`;

  async function say(attachment: string): Promise<string> {
    const content = [
      { contentType: "Attachment", attachment: { mediaType: "Image", url: attachment, mime: "image/jpeg" } },
    ];
    const body = outboundBody("attachment-image", "mira", { content });
    const text = JSON.stringify(body);
    const headers = { "x-hub-signature-256": sign(text, signatureSecret) };
    const answer = await request(url("/genesys/harborline-chat/outbound"), { method: "POST", headers, body: text });
    expect(answer.statusCode).toBe(200);
    return String(body.id);
  }
  async function find(id: string) {
    const answer = await request(url(`/api/v1/messages/${id}`), {
      headers: { authorization: "Bearer test-admin-token" },
    });
    return (await answer.body.json()) as {
      fate: string;
      reason: { code: string } | null;
      delivery: { attempts: number };
    };
  }
  return { adapter, genesys, url, say, find };
}

/** Where the one picture is that the adapter was given. */
async function linkOf(adapter: Awaited<ReturnType<typeof startAdapter>>): Promise<URL> {
  const [call] = await until(adapter.deliveries, (calls) => calls.length === 1);
  const message = call?.body.message as { attachments?: { url: string }[] } | undefined;
  return new URL(String(message?.attachments?.[0]?.url));
}

test("an adapter is given a link to a picture that only Genesys Cloud's token opens, and the link opens it", async () => {
  const { adapter, genesys, url, say } = await startBridgeWithMedia({});
  await say(`${genesys.url}/api/v2/downloads/1`);
  const link = await linkOf(adapter);
  expect(link.origin).toBe("https://bridge.example");
  const answer = await request(url(link.pathname));
  expect([answer.statusCode, answer.headers["content-type"], await answer.body.text()]).toEqual([
    200,
    "image/jpeg",
    "a picture",
  ]);
});

test("a picture that cannot be copied fails the message, without a word to the adapter or a mark against it", async () => {
  const { adapter, say, find } = await startBridgeWithMedia({ media: "rehost" });
  const id = await say("http://169.254.169.254/latest/meta-data/");
  const failed = await until(
    () => find(id),
    ({ fate }) => fate === "failed",
  );
  expect(failed).toMatchObject({ reason: { code: "GeneralError" }, delivery: { attempts: 1 } });
  expect(adapter.calls).toEqual([]);
});

test("a picture that is away for now is tried again", async () => {
  const { adapter, genesys, say } = await startBridgeWithMedia({
    media: "rehost",
    retry: { maxAgeSeconds: 60, firstDelayMs: 5, maxDelayMs: 20 },
  });
  const answer = genesys.onRequest;
  let away = 25;
  genesys.onRequest = (...asked) =>
    asked[0].path.includes("/downloads/") && away-- > 0 ? { status: 503 } : answer(...asked);
  await say(`${genesys.url}/api/v2/downloads/1`);
  const [call] = await until(adapter.deliveries, (calls) => calls.length === 1);
  // More failures in a row than a channel's breaker bears: none of them was the channel's.
  expect(call?.body.attempt).toBe(26);
});

test("erasing a customer takes the copies of pictures along", async () => {
  const { adapter, genesys, url, say } = await startBridgeWithMedia({});
  await say(`${genesys.url}/api/v2/downloads/1`);
  const link = await linkOf(adapter);
  expect((await request(url(link.pathname))).statusCode).toBe(200);
  const erasure = await request(url("/api/v1/erasures"), {
    method: "POST",
    headers: { authorization: "Bearer test-admin-token" },
    body: JSON.stringify({ recipient: "mira" }),
  });
  expect(await erasure.body.json()).toMatchObject({ messages: 1, files: 1 });
  expect((await request(url(link.pathname))).statusCode).toBe(404);
});

test("a copy is kept no longer than the text of messages", async () => {
  const { adapter, genesys, say } = await startBridgeWithMedia({}, { retention: { textDays: 2, messagesDays: 9 } });
  await say(`${genesys.url}/api/v2/downloads/1`);
  const [, expires = ""] = (await linkOf(adapter)).pathname.split(".");
  const keptMs = Number.parseInt(expires, 36) - Date.now();
  expect(keptMs).toBeGreaterThan(1.9 * 86_400_000);
  expect(keptMs).toBeLessThanOrEqual(2 * 86_400_000);
});
