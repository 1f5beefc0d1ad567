import { type AgentlessEmail, type AgentlessMessage, createAgentless } from "../../src/genesys/agentless";
import { createGenesysClient, type GenesysCall, type GenesysClient } from "../../src/genesys/client";
import { createResponses } from "../../src/genesys/responses";
import { type GenesysServer, startGenesys } from "./genesys-server";

let server: GenesysServer;
let client: GenesysClient;
let agentless: ReturnType<typeof createAgentless>;
const calls: GenesysCall[] = [];

beforeEach(async () => {
  server = await startGenesys();
  calls.length = 0;
  const clients = [{ id: "client-a", secret: "secret-a" }];
  const organisation = { gatewayUrl: server.url, clients };
  client = createGenesysClient({ organisation, now: Date.now, timeoutMs: 500, onCall: (call) => calls.push(call) });
  agentless = createAgentless(client);
});

afterEach(async () => {
  await server.close();
  await client.close();
});

const open: AgentlessMessage = { messenger: "open", from: "i-1", to: "crew-7781", text: "Now leaves at 18:35." };
const sms: AgentlessMessage = { messenger: "sms", from: "+13175550142", to: "+447700900321", text: "Now 18:35." };
const whatsapp: AgentlessMessage = {
  messenger: "whatsapp",
  from: "w-1",
  to: "447700900321",
  template: { responseId: "r-1", bodyParameters: [{ id: "newTime", value: "18:35" }] },
};
const email: AgentlessEmail = {
  from: { email: "notices@mail.harborline.example", name: "Harborline" },
  to: { email: "ines.calder@example.com" },
  subject: "A message you may have missed",
  text: "Crossing HL-20418 now leaves at 18:35.",
};

test.each<[string, AgentlessMessage, object]>([
  [
    "open",
    { ...open, useExistingActiveConversation: true },
    {
      fromAddress: "i-1",
      toAddress: "crew-7781",
      toAddressMessengerType: "open",
      textBody: "Now leaves at 18:35.",
      useExistingActiveConversation: true,
    },
  ],
  [
    "sms",
    sms,
    { fromAddress: "+13175550142", toAddress: "+447700900321", toAddressMessengerType: "sms", textBody: "Now 18:35." },
  ],
  [
    "whatsapp",
    whatsapp,
    {
      fromAddress: "w-1",
      toAddress: "447700900321",
      toAddressMessengerType: "whatsapp",
      messagingTemplate: { responseId: "r-1", bodyParameters: [{ id: "newTime", value: "18:35" }] },
    },
  ],
])("a message goes out over %s", async (_, message, body) => {
  server.onRequest = () => ({ status: 202, body: { id: "9a78", conversationId: "cf36" } });
  expect(await agentless.sendMessage(message)).toMatchObject({
    status: "done",
    value: { id: "9a78", conversationId: "cf36" },
  });
  expect(server.requests).toMatchObject([{ method: "POST", path: "/api/v2/conversations/messages/agentless" }]);
  expect(server.requests[0]?.body).toEqual(body);
});

test.each<[string, AgentlessMessage, object, string]>([
  ["an SMS longer than 765 characters", sms, { text: "x".repeat(766) }, "invalid.text"],
  ["a text longer than 2,000 characters", open, { text: "x".repeat(2_001) }, "invalid.text"],
  ["an SMS to a number without +", sms, { to: "447700900321" }, "invalid.to"],
  ["a WhatsApp message to a number with +", whatsapp, { to: "+447700900321" }, "invalid.to"],
  ["a WhatsApp message with text and template", whatsapp, { text: "Hello" }, "invalid.template"],
  ["an open message with a template", open, { template: { responseId: "r-1" } }, "invalid"],
  ["a message to nobody", open, { to: undefined }, "invalid.to"],
  ["a messenger that cannot be reached this way", open, { messenger: "webmessaging" }, "invalid.messenger"],
])("%s is refused before it is sent", async (_, message, wrong, code) => {
  const answer = await agentless.sendMessage({ ...message, ...wrong } as AgentlessMessage);
  expect(answer).toMatchObject({ status: "refused", error: { code } });
  expect(server.requests).toHaveLength(0);
});

test("an e-mail goes out with its two bodies", async () => {
  server.onRequest = () => ({ status: 200, body: { conversationId: "fe39" } });
  expect(
    await agentless.sendEmail({ ...email, html: "<p>18:35</p>", replyTo: { email: "help@example.com" } }),
  ).toMatchObject({
    status: "done",
    value: { conversationId: "fe39" },
  });
  expect(server.requests).toMatchObject([{ method: "POST", path: "/api/v2/conversations/emails/agentless" }]);
  expect(server.requests[0]?.body).toEqual({
    senderType: "Outbound",
    fromAddress: { email: "notices@mail.harborline.example", name: "Harborline" },
    toAddresses: [{ email: "ines.calder@example.com" }],
    replyToAddress: { email: "help@example.com" },
    subject: "A message you may have missed",
    textBody: "Crossing HL-20418 now leaves at 18:35.",
    htmlBody: "<p>18:35</p>",
  });
});

test.each<[string, object, string]>([
  ["no body", { text: undefined }, "invalid.text"],
  ["a subject longer than 400 characters", { subject: "x".repeat(401) }, "invalid.subject"],
  ["an address that is none", { to: { email: "ines" } }, "invalid.to.email"],
  ["a local part longer than 64 characters", { to: { email: `${"x".repeat(65)}@example.com` } }, "invalid.to.email"],
  ["a name longer than 64 characters", { from: { email: "a@b.example", name: "x".repeat(65) } }, "invalid.from.name"],
  ["a body over 3 MB", { text: "é".repeat(1_600_000) }, "invalid.text"],
])("an e-mail with %s is refused before it is sent", async (_, wrong, code) => {
  expect(await agentless.sendEmail({ ...email, ...wrong })).toMatchObject({ status: "refused", error: { code } });
  expect(server.requests).toHaveLength(0);
});

test("a send whose answer was lost is uncertain, one that was turned away is not", async () => {
  server.onRequest = () => "hang";
  expect(await agentless.sendEmail(email)).toMatchObject({ status: "later", error: { uncertain: true } });
  server.onRequest = () => ({ status: 503 });
  expect(await agentless.sendEmail(email)).toMatchObject({ status: "later", error: { uncertain: false } });
});

test("sends are campaigns unless the caller says what they are", async () => {
  await agentless.sendMessage(open);
  await agentless.sendEmail(email, "failedReceipt");
  expect(calls.map(({ priority }) => priority)).toEqual(["campaign", "failedReceipt"]);
});

test("a canned response is read with its marks and its WhatsApp template", async () => {
  const body = {
    id: "r-1",
    version: 3,
    texts: [{ content: "Hi {{firstName}}, now {{newTime}}.", contentType: "text/plain" }],
    substitutions: [{ id: "firstName", defaultValue: "traveller" }, { id: "newTime" }],
    responseType: "MessagingTemplate",
    messagingTemplate: { whatsApp: { name: "delay_notice", language: "en_GB" } },
  };
  server.onRequest = () => ({ status: 200, body });
  const { readResponse } = createResponses(client);
  expect(await readResponse("r-1")).toEqual({ status: "done", answer: "HTTP 200", value: body });
  expect(server.requests).toMatchObject([{ method: "GET", path: "/api/v2/responsemanagement/responses/r-1" }]);
  server.onRequest = () => ({ status: 200, body: { id: "r-2" } });
  expect(await readResponse("r-2")).toMatchObject({ value: { id: "r-2", texts: [], substitutions: [] } });
  server.onRequest = () => ({ status: 404, body: { code: "not.found" } });
  expect(await readResponse("r-3")).toMatchObject({ status: "refused", error: { status: 404 } });
});
