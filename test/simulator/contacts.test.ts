import { customer, inboundPath, integrationId, secret, startBoth } from "./connector";

const base = "/api/v2/externalcontacts";

describe("external contacts", () => {
  const clock = { at: Date.parse("2026-09-14T08:00:00.000Z") };
  let both: Awaited<ReturnType<typeof startBoth>>;
  beforeEach(async () => {
    both = await startBoth({ now: () => (clock.at += 1) });
  });
  afterEach(() => both.stop());

  const merge = (...contactIds: string[]) => both.call("POST", `${base}/contacts/merge`, { contactIds });

  it("knows nobody by an unknown identifier, and asks a phone number for its country code", async () => {
    const path = `${base}/identifierlookup/contacts`;
    expect((await both.call("POST", path, { type: "Email", value: "nobody@example.com" })).status).toBe(404);
    expect((await both.call("POST", path, { type: "Phone", value: "07700900321" })).status).toBe(400);
    expect((await both.call("POST", path, { type: "Pigeon", value: "a" })).body.code).toBe("invalid.value");
    expect((await both.call("POST", path, { type: "ExternalId", value: "crew-7781" })).status).toBe(400);
  });

  it("lets an identifier belong to one contact only, until it is released", async () => {
    const [first, second] = [both.simulator.addContact({ type: "Ephemeral" }), both.simulator.addContact({})];
    const identifier = { type: "ExternalId", value: "crew-7781", externalSource: { id: "crm" } };
    const change = (id: string, operation: string) =>
      both.call("PATCH", `${base}/contacts/${id}/identifiers`, { operation, identifier });
    expect((await change(first.id, "Claim")).status).toBe(200);
    expect((await change(first.id, "Claim")).status).toBe(200);
    expect(both.simulator.contact(first.id)).toMatchObject({
      type: "Identified",
      identifiers: [{ value: "crew-7781" }],
    });
    expect((await change(second.id, "Claim")).status).toBe(409);
    expect((await change(first.id, "Release")).status).toBe(200);
    expect((await change(first.id, "Release")).status).toBe(404);
    expect((await change(second.id, "Claim")).status).toBe(200);
  });

  it("merges into a new contact: highest type, newest fields, no address lost, identifiers carried over", async () => {
    const known = both.simulator.addContact({
      type: "Curated",
      fields: { firstName: "Ines", lastName: "Calder", personalEmail: "ines@example.com" },
    });
    const fresh = both.simulator.addContact({
      type: "Ephemeral",
      fields: { firstName: "Inês", personalEmail: "other@example.com" },
    });
    const { body } = await both.call("POST", `${base}/contacts/merge`, {
      contactIds: [known.id, fresh.id],
      valueOverride: { lastName: "Calder-Lund" },
    });
    expect(body).toMatchObject({
      type: "Curated",
      firstName: "Inês",
      lastName: "Calder-Lund",
      personalEmail: "other@example.com",
      workEmail: "ines@example.com",
      mergedFrom: [{ id: known.id }, { id: fresh.id }],
      mergeSet: [{ id: known.id }, { id: fresh.id }, { id: body.id }],
    });
    const found = await both.call("POST", `${base}/identifierlookup/contacts`, {
      type: "Email",
      value: "ines@example.com",
    });
    expect(found.body.id).toBe(body.id);
  });

  it("follows canonical contacts through a second merge", async () => {
    const [a, b, c] = [both.simulator.addContact({}), both.simulator.addContact({}), both.simulator.addContact({})];
    const first = await merge(a.id, b.id);
    const second = await merge(a.id, c.id);
    for (const id of [a.id, b.id, c.id, first.body.id]) {
      const { body } = await both.call("GET", `${base}/contacts/${id}`);
      expect(body).toMatchObject({ id, canonicalContact: { id: second.body.id } });
    }
  });

  it("refuses to merge one, too many, unknown ones, ones merged already, and into too large a set", async () => {
    const ids = Array.from({ length: 70 }, () => both.simulator.addContact({}).id);
    const [one = "", two = ""] = ids;
    expect((await merge(one)).status).toBe(400);
    expect((await merge(...ids.slice(0, 26))).status).toBe(400);
    expect((await merge(one, "unknown")).status).toBe(404);
    expect((await merge(one, two)).status).toBe(200);
    expect((await merge(one, two)).status).toBe(400);
    expect((await merge(one, ...ids.slice(2, 26))).status).toBe(200);
    // 26 and two that stand for them; 24 more make 52, the one that stands for all is the 53rd.
    expect((await merge(one, ...ids.slice(26, 50))).status).toBe(400);
    expect((await merge(one, ...ids.slice(26, 49))).status).toBe(200);
  });

  it("refuses two curated contacts at the older merge only", async () => {
    const [a, b, ephemeral] = [
      both.simulator.addContact({ type: "Curated" }),
      both.simulator.addContact({ type: "Curated" }),
      both.simulator.addContact({ type: "Ephemeral" }),
    ];
    const older = (sourceContactId: string, targetContactId: string) =>
      both.call("POST", `${base}/merge/contacts`, { sourceContactId, targetContactId });
    expect((await older(a.id, b.id)).status).toBe(400);
    expect((await older(a.id, ephemeral.id)).status).toBe(400);
    expect((await older(ephemeral.id, a.id)).status).toBe(200);
    expect((await merge(a.id, b.id)).status).toBe(200);
  });

  it("makes an ephemeral contact for a first message, or finds the known one when identities are resolved", async () => {
    const known = both.simulator.addContact({ fields: { personalEmail: customer.id } });
    const write = async (id: string) => {
      const channel = { from: { ...customer, id }, time: "2026-09-14T08:18:44.000Z" };
      const { body } = await both.call("POST", `${inboundPath}/message?prefetchConversationId=true`, {
        channel,
        text: "Hello",
      });
      return both.simulator.conversation(body.conversationId)?.participants[0]?.externalContactId ?? "";
    };
    expect(both.simulator.contact(await write("crew-1@chat.harborline.example"))).toMatchObject({
      type: "Ephemeral",
      identifiers: [],
    });
    const path = `/api/v2/conversations/messaging/identityresolution/integrations/open/${integrationId}`;
    await both.call("PUT", path, { resolveIdentities: true });
    expect(await write(customer.id)).toBe(known.id);
    expect(both.simulator.contact(await write("crew-2@chat.harborline.example"))).toMatchObject({ type: "Identified" });
  });

  it("attaches and detaches a contact, and asks for ids that belong together", async () => {
    const contact = both.simulator.addContact({});
    const { conversationId } = both.simulator.say({ recipient: customer }, "Hello");
    const leg = both.simulator.conversation(conversationId)?.participants[0]?.legs[0];
    const request = { conversationId, communicationId: leg?.id, mediaType: "MESSAGE", externalContactId: contact.id };
    const path = `${base}/conversations/${conversationId}`;
    const attached = () => both.simulator.conversation(conversationId)?.participants[0]?.externalContactId;
    expect((await both.call("PUT", path, request)).status).toBe(202);
    expect(attached()).toBe(contact.id);
    expect((await both.call("PUT", path, { ...request, conversationId: "another" })).status).toBe(400);
    expect((await both.call("PUT", path, { ...request, communicationId: "another" })).status).toBe(404);
    expect((await both.call("PUT", path, { ...request, mediaType: "Message" })).body.code).toBe("invalid.value");
    await both.call("PUT", path, { ...request, externalContactId: undefined });
    expect(attached()).toBeUndefined();
  });
});

describe("a supported content profile", () => {
  it("drops customers' media it does not carry, fails a message left empty, and withholds an agent's", async () => {
    const { simulator, receiver, call, stop } = await startBoth();
    const allow = { inbound: [{ type: "image/*" }], outbound: [{ type: "image/png" }] };
    const profile = await call("POST", "/api/v2/conversations/messaging/supportedcontent", {
      name: "Images",
      mediaTypes: { allow },
    });
    await call("PATCH", `/api/v2/conversations/messaging/integrations/open/${integrationId}`, {
      supportedContent: { id: profile.body.id },
    });
    const channel = { from: customer, time: "2026-09-14T08:18:44.000Z" };
    const attach = (mime: string) => ({ attachment: { mediaType: "File", url: "https://a.example/1", mime } });
    const mixed = await call("POST", `${inboundPath}/message`, {
      channel,
      content: [attach("image/gif"), attach("image/tiff"), attach("text/x-c")],
    });
    expect(mixed.body["content"]).toHaveLength(2);
    const told = simulator.next("webhook", () => receiver.received.some(({ json }) => json["status"] === "Failed"));
    await call("POST", `${inboundPath}/message`, { channel, content: [attach("text/x-c")] });
    await told;
    expect(receiver.received.at(-1)?.json["reasons"]).toEqual([
      { code: "MediaTypeNotAllowed", message: "text/x-c is not in the supported content profile." },
    ]);
    const attachment = { mediaType: "File" as const, url: "https://a.example/1.pdf", mime: "application/pdf" };
    const said = simulator.say({ recipient: customer.id }, { kind: "media", attachment });
    expect(await said.sent).toMatchObject({ ended: "refused", attempts: [] });
    expect(simulator.messageStatus(said.messageId)).toBe("delivery-failed");
    await stop();
  });

  it("refuses an integration whose secret is too short", async () => {
    const { simulator, call, stop } = await startBoth();
    const request = {
      name: "a",
      outboundNotificationWebhookUrl: "http://127.0.0.1:1/",
      outboundNotificationWebhookSignatureSecretToken: secret.slice(0, 15),
    };
    expect((await call("POST", "/api/v2/conversations/messaging/integrations/open", request)).status).toBe(400);
    expect(() => simulator.addIntegration({ name: "a", webhookUrl: "http://127.0.0.1:1/", secret: "short" })).toThrow(
      /15/,
    );
    await stop();
  });
});
