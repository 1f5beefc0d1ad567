import { customer, integrationId, startBoth } from "./connector";

const path = "/api/v2/conversations/messages/agentless";
const open = { fromAddress: integrationId, toAddress: customer.id, toAddressMessengerType: "open", textBody: "Hello" };
const sms = {
  fromAddress: "+13175550142",
  toAddress: "+447700900321",
  toAddressMessengerType: "sms",
  textBody: "Hello",
};

describe("POST …/messages/agentless", () => {
  let both: Awaited<ReturnType<typeof startBoth>>;
  beforeEach(async () => {
    both = await startBoth();
  });
  afterEach(() => both.stop());

  it("joins a connected conversation only when it is asked to", async () => {
    const { conversationId } = both.simulator.say({ recipient: customer }, "Hello");
    expect((await both.call("POST", path, open)).status).toBe(400);
    const joined = await both.call("POST", path, { ...open, useExistingActiveConversation: true });
    expect(joined.status).toBe(202);
    expect(joined.body).toMatchObject({ conversationId, messengerType: "open", useExistingActiveConversation: true });
    both.simulator.disconnect(conversationId);
    expect((await both.call("POST", path, open)).body.conversationId).not.toBe(conversationId);
  });

  it.each([
    ["an unknown integration", { ...open, fromAddress: "unknown" }, 404],
    ["a template on open", { ...open, textBody: undefined, messagingTemplate: { responseId: "a" } }, 400],
    ["neither text nor template", { ...open, textBody: undefined }, 400],
    ["no address", { ...open, toAddress: undefined }, 400],
    ["2,001 characters", { ...open, textBody: "x".repeat(2001) }, 400],
    ["766 characters by SMS", { ...sms, textBody: "x".repeat(766) }, 400],
    ["an SMS number without +", { ...sms, toAddress: "447700900321" }, 400],
    ["a WhatsApp number with +", { ...sms, toAddressMessengerType: "whatsapp" }, 400],
    ["another messenger", { ...sms, toAddressMessengerType: "webmessaging" }, 400],
  ])("refuses %s", async (_name, request, status) => {
    expect((await both.call("POST", path, request)).status).toBe(status);
  });

  it("sends an SMS to a contact, and shows what the carrier says of it later", async () => {
    const contact = both.simulator.addContact({ fields: { cellPhone: { e164: "+447700900321" } } });
    const { body } = await both.call("POST", path, { ...sms, toAddress: undefined, externalContactId: contact.id });
    expect(body["toAddress"]).toBe("+447700900321");
    both.simulator.setMessageStatus(body.id, "delivery-failed", { message: "Landline" });
    const details = await both.call("GET", `/api/v2/conversations/messages/${body.id}/details`);
    expect(details.body).toMatchObject({ status: "delivery-failed", messengerType: "sms", direction: "outbound" });
  });

  it("ends the conversation that an SMS began, so that the next one is taken, and names a wrong address", async () => {
    const { body } = await both.call("POST", path, sms);
    expect(both.simulator.conversation(body.conversationId)?.endTime).toBeDefined();
    expect((await both.call("POST", path, sms)).status).toBe(202);
    const wrong = await both.call("POST", path, { ...sms, toAddress: "447700900321" });
    expect(wrong.body["details"]).toMatchObject([{ fieldName: "toAddress" }]);
    expect(both.simulator.messagesTo("+447700900321").map(({ normalized }) => normalized["text"])).toEqual([
      "Hello",
      "Hello",
    ]);
  });

  it("refuses with the code and the words that a fault has", async () => {
    const error = { status: 400, code: "sms.opted.out", message: "opted out" };
    both.simulator.faults.add({ route: `POST ${path}`, ...error, count: 1 });
    const refused = await both.call("POST", path, sms);
    expect([refused.status, refused.body]).toMatchObject([400, error]);
  });

  it("fills a WhatsApp template, and refuses one with a value missing", async () => {
    const response = both.simulator.addResponse({
      name: "Delay notice",
      libraries: [{ id: "notices" }],
      texts: [{ content: "Hi {{firstName}}, now at {{newTime}}." }],
      substitutions: [{ id: "firstName", defaultValue: "traveller" }, { id: "newTime" }],
    });
    const send = (bodyParameters: object[]) =>
      both.call("POST", path, {
        fromAddress: "ea43d248-18c1-51ce-877d-86085f9c352a",
        toAddress: "447700900321",
        toAddressMessengerType: "whatsapp",
        messagingTemplate: { responseId: response.id, bodyParameters },
      });
    expect((await send([{ id: "firstName", value: "Ines" }])).status).toBe(400);
    const { body } = await send([{ id: "newTime", value: "18:35" }]);
    expect(both.simulator.message(body.id)?.normalized["text"]).toBe("Hi traveller, now at 18:35.");
  });
});

describe("POST …/emails/agentless", () => {
  const email = {
    senderType: "Outbound",
    fromAddress: { email: "notices@mail.harborline.example" },
    toAddresses: [{ email: "ines.calder@example.com" }],
    subject: "Missed",
    textBody: "Hello",
  };
  const emailPath = "/api/v2/conversations/emails/agentless";

  it("takes one recipient, a short subject and an e-mail's conversation, and no chat's", async () => {
    const { simulator, call, stop } = await startBoth();
    const first = await call("POST", emailPath, email);
    expect(first.status).toBe(202);
    const again = await call("POST", emailPath, { ...email, conversationId: first.body.conversationId });
    expect(again.body.conversationId).toBe(first.body.conversationId);
    const { conversationId } = simulator.say({ recipient: customer }, "Hello");
    expect((await call("POST", emailPath, { ...email, conversationId })).status).toBe(404);
    const two = { ...email, toAddresses: [...email.toAddresses, { email: "b@example.com" }] };
    expect((await call("POST", emailPath, two)).status).toBe(400);
    expect((await call("POST", emailPath, { ...email, subject: "x".repeat(401) })).status).toBe(400);
    expect((await call("POST", emailPath, { ...email, senderType: "Inbound" })).body.code).toBe("invalid.value");
    expect(simulator.emails()).toHaveLength(2);
    await stop();
  });

  it("has a limit of its own", async () => {
    const { call, stop } = await startBoth({ emailsPerMinute: 1 });
    expect((await call("POST", emailPath, email)).status).toBe(202);
    const refused = await call("POST", emailPath, email);
    expect([refused.status, Number(refused.headers.get("retry-after"))]).toEqual([429, expect.any(Number)]);
    await stop();
  });
});
