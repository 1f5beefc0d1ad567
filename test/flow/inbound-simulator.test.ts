import { startBridge } from "../../src/app";
import { loadConfig } from "../../src/config";
import { createLog } from "../../src/log";
import { createSimulator } from "../../src/simulator";
import { startAdapter } from "../helpers/adapter";
import { chatSecret, integrationId, signatureSecret } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { makePlace } from "../helpers/stores";
import { until } from "../helpers/until";

const log = createLog({ level: "silent", destination: { write: () => undefined } });
const from = { id: "crew-7781", idType: "Opaque", nickname: "Ines", firstName: "Ines", lastName: "" };

/** A bridge between an adapter and a Genesys Cloud that refuses what the real one would. */
async function startConversation() {
  const simulator = createSimulator();
  await simulator.start();
  atEnd(simulator.stop);
  const adapter = await startAdapter(chatSecret);
  atEnd(adapter.stop);
  const place = await makePlace("sqlite");
  atEnd(place.remove);
  const loaded = loadConfig({
    env: {
      GENESYS_GATEWAY_URL: simulator.url,
      GENESYS_CLIENT_ID: "simulator-client",
      GENESYS_CLIENT_SECRET: "simulator-secret",
      DATA_DIR: place.directory,
    },
    readFile: () =>
      JSON.stringify({
        integrations: [
          { name: "harborline-chat", id: integrationId, signatureSecrets: [signatureSecret], channel: "chat" },
        ],
        channels: { chat: { type: "http", url: adapter.url, secret: chatSecret } },
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
  const url = `http://127.0.0.1:${bridge.address()?.port}`;
  simulator.addIntegration({
    id: integrationId,
    name: "harborline-chat",
    webhookUrl: `${url}/genesys/harborline-chat/outbound`,
    secret: signatureSecret,
  });

  async function tell(route: string, body: Record<string, unknown>): Promise<string> {
    const signed = adapter.sign({ integration: "harborline-chat", from, ...body });
    const answer = await fetch(`${url}/channels/chat/${route}`, {
      method: "POST",
      headers: signed.headers,
      body: signed.text,
    });
    expect(answer.status).toBe(202);
    return ((await answer.json()) as { id: string }).id;
  }
  async function untilFate(id: string, fate: string) {
    const find = async () => {
      const answer = await fetch(`${url}/api/v1/messages/${id}`, {
        headers: { authorization: "Bearer test-admin-token" },
      });
      return (await answer.json()) as { fate: string; conversationId: string | null; reason: { code: string } | null };
    };
    return until(find, (found) => found.fate === fate);
  }
  return { simulator, adapter, tell, untilFate };
}

test("text, attachments, attributes, taps and typing are taken as they are sent, and published", async () => {
  const { simulator, adapter, tell, untilFate } = await startConversation();
  const written = await tell("messages", {
    messageId: "1",
    text: "Is the ferry late?",
    attachments: [{ mediaType: "Image", url: "https://files.example/pier.png" }],
    customAttributes: { bookingRef: "HL-20418" },
  });
  const { conversationId } = await untilFate(written, "delivered");
  expect(simulator.conversation(String(conversationId))).toBeDefined();

  const options = {
    kind: "quickReplies" as const,
    text: "What is it about?",
    replies: [{ text: "A delay", payload: "topic.delay" }],
  };
  const said = simulator.say({ recipient: from.id }, options);
  await said.sent;
  const [shown] = await until(adapter.deliveries, (calls) => calls.length === 1);
  const tapped = await tell("responses", {
    messageId: "2",
    originatingMessageId: (shown?.body.message as { id?: string } | undefined)?.id,
    response: { type: "QuickReply", text: "A delay", payload: "topic.delay" },
  });
  expect((await untilFate(tapped, "delivered")).conversationId).toBe(conversationId);

  await tell("events", { type: "typing" });
  await until(() =>
    simulator.requests.list().some(({ path, status }) => path.endsWith("/open/event") && status === 200),
  );
  expect(simulator.inboundMessages()).toHaveLength(2);
});

test("what Genesys Cloud reports as failed is failed, and the adapter hears why", async () => {
  const { simulator, adapter, tell, untilFate } = await startConversation();
  simulator.faults.add({ inbound: "*", reasons: [{ code: "RateLimited", message: "Too many." }], count: 1 });
  const id = await tell("messages", { messageId: "1", text: "hello" });
  expect(await untilFate(id, "failed")).toMatchObject({ reason: { code: "RateLimited" } });
  const [told] = await until(
    () => adapter.calls,
    (calls) => calls.length === 1,
  );
  expect(told?.body).toMatchObject({
    type: "message.failed",
    id,
    messageId: "1",
    reason: { code: "RateLimited", message: "Too many." },
  });
});
