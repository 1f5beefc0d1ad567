import { createGenesysClient, type GenesysCall, type GenesysClient } from "../../src/genesys/client";
import { createInbound, type InboundMessage, type InboundResponse } from "../../src/genesys/inbound";
import { type GenesysServer, startGenesys } from "./genesys-server";

let server: GenesysServer;
let client: GenesysClient;
let inbound: ReturnType<typeof createInbound>;
const calls: GenesysCall[] = [];

beforeEach(async () => {
  server = await startGenesys();
  calls.length = 0;
  const clients = [{ id: "client-a", secret: "secret-a" }];
  const organisation = { gatewayUrl: server.url, clients };
  client = createGenesysClient({ organisation, now: Date.now, onCall: (call) => calls.push(call) });
  inbound = createInbound(client);
});

afterEach(async () => {
  await server.close();
  await client.close();
});

const path = (kind: string) => `/api/v2/conversations/messages/i-1/inbound/open/${kind}`;
const from = { id: "crew-7781@chat.harborline.example", idType: "Email", nickname: "Ines", firstName: "Ines" } as const;
const message: InboundMessage = { from, time: "2026-09-14T08:18:44.000Z", messageId: "hl-msg-1001", text: "On time?" };
const response: InboundResponse = {
  from,
  time: "2026-09-14T08:23:00.000Z",
  messageId: "hl-msg-r-1",
  response: { type: "QuickReply", text: "A delay", payload: "topic.delay" },
  originatingMessageId: "44b1019176265d46ec1fd51b9a946ae1",
};

test("a text goes in, and its conversation comes back", async () => {
  server.onRequest = () => ({ status: 200, body: { id: "8cd5", type: "Text", conversationId: "cf36" } });
  expect(await inbound.sendMessage("i-1", message)).toEqual({
    status: "done",
    answer: "HTTP 200",
    value: { id: "8cd5", conversationId: "cf36" },
  });
  expect(server.requests).toMatchObject([{ method: "POST", path: `${path("message")}?prefetchConversationId=true` }]);
  expect(server.requests[0]?.body).toEqual({
    channel: { from, time: "2026-09-14T08:18:44.000Z", messageId: "hl-msg-1001" },
    text: "On time?",
  });
});

test("attachments, attributes and metadata go where Genesys Cloud looks for them", async () => {
  const image = {
    mediaType: "Image",
    url: "https://media.harborline.example/in/77.jpg?sig=x",
    mime: "image/jpeg",
  } as const;
  await inbound.sendMessage("i-1", {
    ...message,
    text: undefined,
    attachments: [image],
    customAttributes: { bookingRef: "HL-20418" },
    metadata: { traceId: "tr-55a1" },
  });
  expect(server.requests[0]?.body).toEqual({
    channel: {
      from,
      time: "2026-09-14T08:18:44.000Z",
      messageId: "hl-msg-1001",
      metadata: { customAttributes: { bookingRef: "HL-20418" } },
    },
    content: [{ attachment: image }],
    metadata: { traceId: "tr-55a1" },
  });
});

test("typing is an event of its own and the least urgent of all", async () => {
  expect(await inbound.sendTyping("i-1", { from, time: "2026-09-14T08:18:40.000Z" })).toMatchObject({ status: "done" });
  expect(server.requests).toMatchObject([{ path: path("event") }]);
  expect(server.requests[0]?.body).toEqual({
    channel: { from, time: "2026-09-14T08:18:40.000Z" },
    events: [{ eventType: "Typing" }],
  });
  await inbound.sendMessage("i-1", message);
  expect(calls).toMatchObject([
    { operation: "inbound.typing", priority: "typing" },
    { operation: "inbound.message", priority: "inbound" },
  ]);
});

test("a tapped button answers the message that showed it", async () => {
  server.onRequest = () => ({ status: 202 });
  expect(await inbound.sendResponse("i-1", response)).toMatchObject({ status: "done", value: {} });
  expect(server.requests).toMatchObject([{ path: path("structured/response") }]);
  expect(server.requests[0]?.body).toEqual({
    channel: { from, time: "2026-09-14T08:23:00.000Z", messageId: "hl-msg-r-1" },
    buttonResponse: { type: "QuickReply", text: "A delay", payload: "topic.delay" },
    originatingMessageId: "44b1019176265d46ec1fd51b9a946ae1",
  });
});

test.each<[string, object, string]>([
  ["nothing to say", { text: undefined }, "invalid.text"],
  ["an empty text", { text: "" }, "invalid.text"],
  ["an unknown idType", { from: { ...from, idType: "email" } }, "invalid.from.idType"],
  ["no sender", { from: { ...from, id: "" } }, "invalid.from.id"],
  ["no time", { time: "now" }, "invalid.time"],
  ["a nested attribute", { customAttributes: { a: { b: "c" } } }, "invalid.customAttributes.a"],
  ["nested metadata", { metadata: { a: [] } }, "invalid.metadata.a"],
  [
    "a script for an attachment",
    { attachments: [{ mediaType: "File", url: "javascript:alert(1)", mime: "text/html" }] },
    "invalid.attachments.0.url",
  ],
  ["a field of its own", { sender: "x" }, "invalid"],
])("a message with %s is refused before it is sent", async (_, wrong, code) => {
  const answer = await inbound.sendMessage("i-1", { ...message, ...wrong });
  expect(answer).toMatchObject({ status: "refused", error: { code } });
  expect(server.requests).toHaveLength(0);
});

test("a response to nothing, and typing of nobody, are refused before they are sent", async () => {
  const orphan = await inbound.sendResponse("i-1", { ...response, originatingMessageId: "" });
  expect(orphan).toMatchObject({ status: "refused", error: { code: "invalid.originatingMessageId" } });
  const nobody = await inbound.sendTyping("i-1", { from: { ...from, id: "" }, time: message.time });
  expect(nobody).toMatchObject({ status: "refused", error: { code: "invalid.from.id" } });
  expect(server.requests).toHaveLength(0);
});

test("what Genesys Cloud refuses or puts off is a value", async () => {
  server.onRequest = () => ({ status: 400, body: { code: "bad.request", contextId: "e0a1", status: 400 } });
  expect(await inbound.sendMessage("i-1", message)).toMatchObject({
    status: "refused",
    answer: "inbound.message: HTTP 400, bad.request (correlation e0a1)",
  });
  server.onRequest = () => ({ status: 429, headers: { "retry-after": "4" } });
  expect(await inbound.sendMessage("i-1", message)).toMatchObject({ status: "later", retryAfterMs: 4_000 });
});
