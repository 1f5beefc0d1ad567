import { customer, inboundPath, integrationId, startBoth } from "./connector";

const channel = { from: customer, messageId: "hl-msg-1001", time: "2026-09-14T08:18:44.000Z" };

describe("POST …/inbound/open/message", () => {
  let both: Awaited<ReturnType<typeof startBoth>>;
  beforeEach(async () => {
    both = await startBoth();
  });
  afterEach(() => both.stop());

  it("answers the message as Genesys Cloud shows it, and starts a conversation", async () => {
    const { status, body } = await both.call("POST", `${inboundPath}/message?prefetchConversationId=true`, {
      channel,
      text: "Is the 18:05 crossing on time?",
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      channel: {
        id: integrationId,
        platform: "Open",
        type: "Private",
        messageId: "hl-msg-1001",
        to: { id: integrationId },
        from: customer,
        time: "2026-09-14T08:18:44.000Z",
      },
      type: "Text",
      text: "Is the 18:05 crossing on time?",
      conversationId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(both.simulator.inboundMessages()).toMatchObject([
      { id: body.id, conversationId: body.conversationId, status: "received" },
    ]);
  });

  it("keeps the conversation id back unless it is asked for, and goes on in the same conversation", async () => {
    const first = await both.call("POST", `${inboundPath}/message`, { channel, text: "one" });
    expect(first.body).not.toHaveProperty("conversationId");
    await both.call("POST", `${inboundPath}/message`, {
      channel: { ...channel, messageId: "hl-msg-1002" },
      text: "two",
    });
    const ids = both.simulator.inboundMessages().map(({ conversationId }) => conversationId);
    expect(new Set(ids).size).toBe(1);
  });

  it("tells the webhook that the message was published, custom attributes included", async () => {
    const published = both.simulator.next("webhook");
    const { body } = await both.call("POST", `${inboundPath}/message`, {
      channel: { ...channel, metadata: { customAttributes: { bookingRef: "HL-20418" } } },
      text: "Hello",
    });
    await published;
    expect(both.receiver.received.map(({ json }) => json)).toEqual([
      {
        id: body.id,
        channel: {
          id: integrationId,
          platform: "Open",
          type: "Private",
          to: { id: integrationId },
          from: customer,
          time: expect.any(String),
          messageId: "hl-msg-1001",
          metadata: { customAttributes: { bookingRef: "HL-20418" } },
        },
        type: "Receipt",
        status: "Published",
        isFinalReceipt: true,
        direction: "Inbound",
      },
    ]);
  });

  it("reports a failure on request", async () => {
    both.simulator.faults.add({
      inbound: "*",
      reasons: [{ code: "RateLimited", message: "Too many messages were sent for this user." }],
      count: 1,
    });
    const told = both.simulator.next("webhook");
    await both.call("POST", `${inboundPath}/message`, { channel, text: "Hello" });
    await told;
    expect(both.receiver.received[0]?.json).toMatchObject({
      status: "Failed",
      reasons: [{ code: "RateLimited", message: "Too many messages were sent for this user." }],
    });
  });

  it("takes an idType in lower case and unknown fields", async () => {
    const { status, body } = await both.call("POST", `${inboundPath}/message`, {
      id: "mine",
      direction: "Inbound",
      type: "Text",
      channel: { ...channel, platform: "Open", to: { id: integrationId }, from: { ...customer, idType: "email" } },
      text: "Hello",
    });
    expect(status).toBe(200);
    expect(body.channel.from.idType).toBe("Email");
  });

  it.each([
    ["nested metadata", { channel, text: "a", metadata: { trace: { id: "1" } } }, "bad.request", "metadata.trace"],
    ["no sender", { channel: { time: channel.time }, text: "a" }, "bad.request", "channel.from"],
    ["no idType", { channel: { ...channel, from: { id: "a" } }, text: "a" }, "bad.request", "channel.from.idType"],
    [
      "an unknown idType",
      { channel: { ...channel, from: { id: "a", idType: "Fax" } }, text: "a" },
      "invalid.value",
      "channel.from.idType",
    ],
    ["no time", { channel: { from: customer }, text: "a" }, "bad.request", "channel.time"],
    ["a time that is none", { channel: { ...channel, time: "yesterday" }, text: "a" }, "invalid.date", "channel.time"],
    ["nothing said", { channel }, "bad.request", "text"],
    [
      "media without a mime",
      { channel, content: [{ attachment: { mediaType: "Image", url: "https://a.example/1" } }] },
      "bad.request",
      "content.0.attachment.mime",
    ],
    [
      "an unknown media type",
      { channel, content: [{ attachment: { mediaType: "Smell", url: "https://a.example/1", mime: "a/b" } }] },
      "invalid.value",
      "content.0.attachment.mediaType",
    ],
  ])("refuses %s", async (_name, request, code, fieldName) => {
    const { status, body } = await both.call("POST", `${inboundPath}/message`, request);
    expect(status).toBe(400);
    expect(body.code).toBe(code);
    expect(body.details).toContainEqual(expect.objectContaining({ fieldName }));
    expect(both.simulator.inboundMessages()).toEqual([]);
  });

  it("keeps quiet about published messages when it is told to", async () => {
    const quiet = await startBoth({ publishReceipts: false });
    await quiet.call("POST", `${inboundPath}/message`, { channel, text: "Hello" });
    await quiet.simulator.say({ integrationId, recipient: customer.id }, "Good morning").sent;
    expect(quiet.receiver.received.map(({ json }) => json["type"])).toEqual(["Text"]);
    await quiet.stop();
  });
});

describe("POST …/inbound/open/event", () => {
  it("answers a typing event, and refuses other events and integrations without typing", async () => {
    const { simulator, receiver, call, stop } = await startBoth();
    const body = { channel: { from: customer, time: channel.time }, events: [{ eventType: "Typing" }] };
    const answer = await call("POST", `${inboundPath}/event`, body);
    expect(answer.body).toMatchObject({
      type: "Event",
      events: [{ eventType: "Typing", typing: { type: "On", duration: 5000 } }],
    });
    expect(
      (await call("POST", `${inboundPath}/event`, { ...body, events: [{ eventType: "Presence" }] })).body.code,
    ).toBe("invalid.value");
    simulator.addIntegration({
      id: integrationId,
      name: "No typing",
      webhookUrl: receiver.url,
      secret: "harborline-test-secret-0001",
      typing: { inbound: false, outbound: false },
    });
    expect((await call("POST", `${inboundPath}/event`, body)).status).toBe(400);
    expect(() => simulator.say({ recipient: customer.id }, { kind: "typing" })).toThrow(/typing/);
    await stop();
  });
});

describe("POST …/inbound/open/structured/response", () => {
  it("takes a tap on a message of a running conversation, and on no other", async () => {
    const { simulator, call, stop } = await startBoth();
    await call("POST", `${inboundPath}/message`, { channel, text: "Hello" });
    const said = simulator.say(
      { recipient: customer.id },
      { kind: "quickReplies", text: "What is this about?", replies: [{ text: "A delay", payload: "topic.delay" }] },
      { purpose: "bot" },
    );
    const tap = {
      channel: { ...channel, messageId: "hl-msg-r" },
      buttonResponse: { type: "QuickReply", text: "A delay", payload: "topic.delay" },
      originatingMessageId: said.messageId,
    };
    const { status, body } = await call("POST", `${inboundPath}/structured/response`, tap);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      type: "Structured",
      direction: "Inbound",
      content: [{ contentType: "ButtonResponse", buttonResponse: tap.buttonResponse }],
    });
    const path = `${inboundPath}/structured/response`;
    expect((await call("POST", path, { ...tap, originatingMessageId: "0".repeat(32) })).status).toBe(404);
    const stranger = { ...tap, channel: { ...tap.channel, from: { ...customer, id: "somebody-else" } } };
    expect((await call("POST", path, stranger)).status).toBe(404);
    expect(
      (await call("POST", path, { ...tap, buttonResponse: { type: "Slider", text: "a", payload: "b" } })).body.code,
    ).toBe("invalid.value");
    await stop();
  });
});
