import { createConversations, isUndelivered, parseErrorInfo } from "../../src/genesys/conversations";
import { createGenesysClient, type GenesysClient } from "../../src/genesys/client";
import { type GenesysServer, startGenesys } from "./genesys-server";

let server: GenesysServer;
let client: GenesysClient;
let conversations: ReturnType<typeof createConversations>;

beforeEach(async () => {
  server = await startGenesys();
  const clients = [{ id: "client-a", secret: "secret-a" }];
  client = createGenesysClient({ organisation: { gatewayUrl: server.url, clients }, now: Date.now });
  conversations = createConversations(client);
});

afterEach(async () => {
  await server.close();
  await client.close();
});

const conversationId = "cf36d182-0e48-570f-8982-7083bdb6c45b";
const errorInfo = (errorPayload: string) => ({
  message: `Message delivery failed with the following payload: [${errorPayload}]`,
  code: "DELIVERY_FAILED",
  messageWithParams: "Message delivery failed with the following payload: [{errorPayload}]",
  messageParams: { errorPayload },
});
const failedMessage = (messageId: string, errorPayload: string) => ({
  messageId,
  messageStatus: "delivery-failed",
  messageTime: "2026-09-14T08:21:07.113Z",
  errorInfo: errorInfo(errorPayload),
});
const sentMessage = (messageId: string, messageStatus: string) => ({ messageId, messageStatus });
const address = (addressNormalized: string) => ({ addressNormalized });

/** A chat with a bot, then an agent who was on two legs: GET /conversations/{id}. */
const full = {
  id: conversationId,
  endTime: "2026-09-14T09:00:00.000Z",
  participants: [
    {
      id: "p-customer",
      purpose: "customer",
      externalContactId: "contact-1",
      attributes: { bookingRef: "HL-20418" },
      messages: [
        {
          id: "leg-c",
          fromAddress: address("crew-7781"),
          toAddress: address("i-1"),
          messages: [sentMessage("m-1", "received")],
        },
      ],
    },
    { id: "p-acd", purpose: "acd", messages: [] },
    {
      id: "p-bot",
      purpose: "bot",
      messages: [
        { id: "leg-b", messages: [failedMessage("m-2", "GeneralError - Request failed with status code 404")] },
      ],
    },
    {
      id: "p-agent",
      purpose: "agent",
      messages: [
        { id: "leg-1", messages: [sentMessage("m-3", "delivery-success"), sentMessage("m-4", "sent")] },
        { id: "leg-2", messages: [failedMessage("m-5", "InvalidDestination - The handset was not reached.")] },
      ],
    },
    { id: "p-workflow", purpose: "workflow" },
  ],
};

/** The same chat from GET /conversations/messages/{id}: messages stand on the participants. */
const messaging = {
  id: conversationId,
  participants: full.participants.map(({ externalContactId, messages = [], ...participant }) => ({
    ...participant,
    ...(externalContactId && { externalContact: { id: externalContactId }, fromAddress: address("crew-7781") }),
    messages: messages.flatMap((leg) => leg.messages),
  })),
};

describe("reading a conversation", () => {
  test("finds failures of bots and on later legs, with their reasons", async () => {
    server.onRequest = () => ({ status: 200, body: full });
    const answer = await conversations.readConversation(conversationId);
    const state = answer.status === "done" ? answer.value : undefined;
    expect(state?.messages.map(({ messageId }) => messageId)).toEqual(["m-1", "m-2", "m-3", "m-4", "m-5"]);
    expect(state?.messages.filter(isUndelivered)).toEqual([
      {
        messageId: "m-2",
        status: "delivery-failed",
        at: "2026-09-14T08:21:07.113Z",
        participant: { id: "p-bot", purpose: "bot" },
        communicationId: "leg-b",
        failure: { code: "GeneralError", message: "Request failed with status code 404" },
      },
      {
        messageId: "m-5",
        status: "delivery-failed",
        at: "2026-09-14T08:21:07.113Z",
        participant: { id: "p-agent", purpose: "agent" },
        communicationId: "leg-2",
        failure: { code: "InvalidDestination", message: "The handset was not reached." },
      },
    ]);
    expect(state?.endedAt).toBe("2026-09-14T09:00:00.000Z");
    expect(state?.customer).toEqual({
      participantId: "p-customer",
      address: "crew-7781",
      externalContactId: "contact-1",
      communicationId: "leg-c",
      attributes: { bookingRef: "HL-20418" },
    });
    expect(server.requests[0]?.path).toBe(`/api/v2/conversations/${conversationId}`);
  });

  test("finds the same in the messaging view", async () => {
    server.onRequest = ({ path }) => ({ status: 200, body: path.includes("/messages/") ? messaging : full });
    const [fromFull, fromMessaging] = await Promise.all([
      conversations.readConversation(conversationId),
      conversations.readMessageConversation(conversationId),
    ]);
    const essence = (answer: typeof fromFull) =>
      answer.status === "done" && {
        messages: answer.value.messages.map((message) => ({ ...message, communicationId: undefined })),
        contact: answer.value.customer?.externalContactId,
        address: answer.value.customer?.address,
      };
    expect(essence(fromMessaging)).toEqual(essence(fromFull));
    expect(essence(fromMessaging)).toMatchObject({ contact: "contact-1", address: "crew-7781" });
  });

  test("takes the other end for the customer when we began", async () => {
    const external = {
      id: "p-external",
      purpose: "external",
      externalContactId: "contact-2",
      messages: [{ id: "leg-e", fromAddress: address("i-1"), toAddress: address("+447700900321"), messages: [] }],
    };
    server.onRequest = () => ({ status: 200, body: { id: "c-2", participants: [{ id: "p-agent" }, external] } });
    expect(await conversations.readConversation("c-2")).toMatchObject({
      value: { customer: { participantId: "p-external", address: "+447700900321", externalContactId: "contact-2" } },
    });
  });

  test("prefers the customer participant whose contact is known", async () => {
    const participants = [
      { id: "p-1", purpose: "customer" },
      { id: "p-2", purpose: "customer", externalContactId: "contact-3" },
    ];
    server.onRequest = () => ({ status: 200, body: { id: "c-3", participants } });
    expect(await conversations.readConversation("c-3")).toMatchObject({
      value: { customer: { participantId: "p-2" } },
    });
  });

  test("an unknown conversation is refused, one without participants is empty", async () => {
    server.onRequest = () => ({ status: 404, body: { code: "not.found", status: 404 } });
    expect(await conversations.readConversation("c-9")).toMatchObject({
      status: "refused",
      error: { code: "not.found" },
    });
    server.onRequest = () => ({ status: 200, body: { id: "c-9" } });
    expect(await conversations.readConversation("c-9")).toMatchObject({ value: { messages: [], customer: undefined } });
  });
});

describe("reading messages by id", () => {
  const data = (id: string) => ({
    id,
    timestamp: "2026-09-14T08:21:07.113Z",
    status: "delivery-failed",
    conversationId,
    normalizedReceipts: [
      { status: "Published", reasons: [] },
      { status: "Failed", reasons: [{ code: "RecipientOptedOut", message: "STOP" }], isFinalReceipt: true },
    ],
  });

  test("asks for at most 1,000 at a time, in order", async () => {
    server.onRequest = ({ body }) => ({ status: 200, body: { entities: (body as string[]).map(data) } });
    const ids = Array.from({ length: 2_300 }, (_, index) => `m-${index}`);
    const answer = await conversations.readMessages(conversationId, ids);
    expect(server.requests.map(({ body }) => (body as string[]).length)).toEqual([1_000, 1_000, 300]);
    expect(server.requests[0]?.path).toBe(`/api/v2/conversations/messages/${conversationId}/messages/bulk`);
    expect(answer).toMatchObject({ status: "done" });
    expect(answer.status === "done" && answer.value.map(({ messageId }) => messageId)).toEqual(ids);
    expect(answer.status === "done" && answer.value[0]).toEqual({
      messageId: "m-0",
      status: "delivery-failed",
      at: "2026-09-14T08:21:07.113Z",
      failure: { code: "RecipientOptedOut", message: "STOP" },
    });
  });

  test("asks for nothing when there is nothing to ask, and stops at a failure", async () => {
    expect(await conversations.readMessages(conversationId, [])).toMatchObject({ status: "done", value: [] });
    server.onRequest = () => ({ status: 503 });
    const ids = Array.from({ length: 1_001 }, (_, index) => `m-${index}`);
    expect(await conversations.readMessages(conversationId, ids)).toMatchObject({ status: "later" });
    expect(server.requests).toHaveLength(1);
  });

  test("finds a message without knowing its conversation", async () => {
    server.onRequest = () => ({ status: 200, body: { ...data("m-7"), status: "delivery-success" } });
    const answer = await conversations.readMessage("m-7");
    expect(answer).toMatchObject({ value: { messageId: "m-7", status: "delivery-success", conversationId } });
    expect(answer).not.toHaveProperty("value.failure");
    expect(server.requests[0]?.path).toBe("/api/v2/conversations/messages/m-7/details");
  });
});

test("attributes are added to a participant", async () => {
  server.onRequest = () => ({ status: 202 });
  const attributes = { missedMessages: "2", notice: "e-mail" };
  expect(await conversations.writeAttributes(conversationId, "p-customer", attributes)).toMatchObject({
    status: "done",
  });
  expect(server.requests).toMatchObject([
    {
      method: "PATCH",
      path: `/api/v2/conversations/${conversationId}/participants/p-customer/attributes`,
      body: { attributes },
    },
  ]);
});

test.each([
  [
    errorInfo("GeneralError - Request failed with status code 404"),
    "GeneralError",
    "Request failed with status code 404",
  ],
  [errorInfo("RateLimited - a - b\nc"), "RateLimited", "a - b\nc"],
  [errorInfo("Sunspots - too bright"), "GeneralError", "Sunspots - too bright"],
  [errorInfo("no code at all"), "GeneralError", "no code at all"],
  [{ message: "failed with the following payload: [DataFiltered - [x]]" }, "DataFiltered", "[x]"],
  [{ message: "something else" }, "GeneralError", "something else"],
  [{ code: "DELIVERY_FAILED" }, "GeneralError", "DELIVERY_FAILED"],
  [{}, "GeneralError", ""],
])("errorInfo %j is %s", (info, code, message) => {
  expect(parseErrorInfo(info)).toEqual({ code, message });
});
