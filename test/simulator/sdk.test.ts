/** Every route of the simulator is called through the official SDK, so that paths, verbs and bodies are what it sends. */
import platformClient, { type Models } from "purecloud-platform-client-v2";
import { createSimulator } from "../../src/simulator";
import { customer, integrationId, secret, startReceiver } from "./connector";

const time = "2026-09-14T08:18:44.000Z";

/** What the SDK resolves with once extended responses are on; its types know only the body. */
async function read<Body>(answer: Promise<Body>) {
  return (await answer) as unknown as { status: number; headers: Record<string, string>; body: Body };
}

describe("the official SDK", () => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let simulator: ReturnType<typeof createSimulator>;
  const client = new platformClient.ApiClientClass();
  const conversations = new platformClient.ConversationsApi(client);
  const externalContacts = new platformClient.ExternalContactsApi(client);
  const responses = new platformClient.ResponseManagementApi(client);
  const automation = new platformClient.ProcessAutomationApi(client);
  const routing = new platformClient.RoutingApi(client);
  const tokens = new platformClient.TokensApi(client);

  beforeAll(async () => {
    receiver = await startReceiver();
    simulator = createSimulator({
      integrations: [{ id: integrationId, name: "Harborline Chat", webhookUrl: receiver.url, secret }],
    });
    const { hostname, port } = new URL(await simulator.start());
    client.config.live_reload_config = false;
    client.setGateway({
      host: hostname,
      protocol: "http",
      port: Number(port),
      path_params_login: "",
      path_params_api: "",
    });
    client.setReturnExtendedResponses(true);
    await client.loginClientCredentialsGrant("simulator-client", "simulator-secret");
  });

  afterAll(async () => {
    await simulator.stop();
    await receiver.close();
  });

  async function startConversation(from = customer) {
    const { body } = await read(
      conversations.postConversationsMessageInboundOpenMessage(
        integrationId,
        { channel: { from, time, messageId: "hl-1" }, text: "Hello" },
        { prefetchConversationId: true },
      ),
    );
    return body.conversationId ?? "";
  }

  it("posts messages, events, receipts and taps of customers", async () => {
    const conversationId = await startConversation();
    const said = simulator.say(
      { conversationId },
      { kind: "quickReplies", text: "Which?", replies: [{ text: "A", payload: "a" }] },
    );
    await said.sent;
    const event = { channel: { from: customer, time }, events: [{ eventType: "Typing" }] };
    expect((await read(conversations.postConversationsMessageInboundOpenEvent(integrationId, event))).body.type).toBe(
      "Event",
    );
    const receipt = {
      id: said.messageId,
      channel: { to: { id: customer.id }, time },
      status: "Delivered",
      isFinalReceipt: true,
    };
    expect(
      (await read(conversations.postConversationsMessageInboundOpenReceipt(integrationId, receipt))).body.status,
    ).toBe("Delivered");
    const tap = {
      channel: { from: customer, time, messageId: "hl-2" },
      buttonResponse: { type: "QuickReply", text: "A", payload: "a" },
      originatingMessageId: said.messageId,
    };
    expect(
      (await read(conversations.postConversationsMessageInboundOpenStructuredResponse(integrationId, tap))).body.type,
    ).toBe("Structured");
  });

  it("reads statuses from both conversation endpoints, one message, its details, and in bulk", async () => {
    const conversationId = await startConversation({ ...customer, id: "reader" });
    const bot = simulator.say({ conversationId }, "From the bot", { purpose: "bot" });
    const agent = simulator.say({ conversationId }, "From Marta", { purpose: "agent", name: "Marta Lund" });
    const later = simulator.say({ conversationId }, "From Marta again", {
      purpose: "agent",
      name: "Marta Lund",
      newLeg: true,
    });
    await Promise.all([bot.sent, agent.sent, later.sent]);
    const reasons = [{ code: "InvalidDestination", message: "Gone." }];
    const failed = { id: later.messageId, channel: { to: { id: "reader" }, time }, status: "Failed", reasons };
    await conversations.postConversationsMessageInboundOpenReceipt(integrationId, failed);

    const nested = (await read(conversations.getConversation(conversationId))).body;
    const marta = nested.participants.find(({ name }) => name === "Marta Lund");
    expect(marta?.messages?.map((leg) => [leg.state, leg.messages?.map(({ messageStatus }) => messageStatus)])).toEqual(
      [
        ["disconnected", ["sent"]],
        ["connected", ["delivery-failed"]],
      ],
    );
    expect(marta?.messages?.[1]?.messages?.[0]?.errorInfo).toMatchObject({
      code: "DELIVERY_FAILED",
      messageParams: { errorPayload: "InvalidDestination - Gone." },
    });
    const flat = (await read(conversations.getConversationsMessage(conversationId))).body;
    expect(
      flat.participants?.map(({ purpose, messages }) => [purpose, messages?.map(({ messageStatus }) => messageStatus)]),
    ).toEqual([
      ["customer", ["received"]],
      ["bot", ["sent"]],
      ["agent", ["sent", "delivery-failed"]],
    ]);
    expect(flat.participants?.[0]?.externalContact?.id).toBe(nested.participants[0]?.externalContactId);

    const one = (await read(conversations.getConversationsMessageMessage(conversationId, later.messageId))).body;
    expect(one).toMatchObject({ status: "delivery-failed", direction: "outbound", messengerType: "open" });
    expect(one.normalizedReceipts).toMatchObject([{ type: "Receipt", status: "Failed", reasons }]);
    expect((await read(conversations.getConversationsMessageDetails(later.messageId))).body).toEqual(one);
    const bulk = await read(
      conversations.postConversationsMessageMessagesBulk(conversationId, {
        body: [bot.messageId, later.messageId, "none"],
      }),
    );
    expect(bulk.body.entities?.map(({ status }) => status)).toEqual(["sent", "delivery-failed"]);
  });

  it("sets participant attributes, and ends participants and conversations", async () => {
    const ids = [];
    for (const id of ["end-1", "end-2", "end-3"]) ids.push(await startConversation({ ...customer, id }));
    const [first = "", second = "", third = ""] = ids;
    await simulator.say({ conversationId: first }, "Hello").sent;
    const [customerOne, agent] = (await read(conversations.getConversationsMessage(first))).body.participants ?? [];
    const participantId = customerOne?.id ?? "";
    await conversations.patchConversationsMessageParticipant(first, agent?.id ?? "", {
      body: { state: "disconnected" },
    });
    await conversations.patchConversationParticipantAttributes(first, participantId, {
      attributes: { noticeSent: "email" },
    });
    const after = (await read(conversations.getConversation(first))).body;
    expect(after.endTime).toBeDefined();
    expect(after.participants[0]?.attributes).toEqual({ noticeSent: "email" });
    expect((await read(conversations.postConversationDisconnect(second))).status).toBe(202);
    const patched = await read(
      conversations.patchConversationsMessage(third, { state: "disconnected" } as Models.Conversation),
    );
    expect(patched.body.endTime).toBeDefined();
    expect(await startConversation({ ...customer, id: "end-2" })).not.toBe(second);
  });

  it("sends agentless messages, an open one through the webhook, and agentless e-mail", async () => {
    const open = await read(
      conversations.postConversationsMessagesAgentless({
        fromAddress: integrationId,
        toAddress: "crew-9",
        toAddressMessengerType: "open",
        textBody: "Your crossing now leaves at 18:35.",
      }),
    );
    await simulator.next("webhook", ({ messageId }) => messageId === open.body.id);
    const hook = receiver.received.find(({ json }) => json.id === open.body.id);
    expect(hook?.json).toMatchObject({
      text: "Your crossing now leaves at 18:35.",
      conversationId: open.body.conversationId,
    });
    expect(hook?.json).not.toHaveProperty("originatingEntity");
    const mail = await read(
      conversations.postConversationsEmailsAgentless({
        senderType: "Outbound",
        fromAddress: { email: "notices@mail.harborline.example", name: "Harborline" },
        toAddresses: [{ email: "ines.calder@example.com" }],
        subject: "A message you may have missed",
        textBody: "We could not reach you.",
      }),
    );
    expect(mail.body).not.toHaveProperty("textBody");
    expect(simulator.emails()).toMatchObject([{ id: mail.body.id, textBody: "We could not reach you." }]);
  });

  it("creates, finds, changes, merges, attaches and removes contacts", async () => {
    const made = (fields: Models.ExternalContact) => read(externalContacts.postExternalcontactsContacts(fields));
    const known = (await made({ firstName: "Ines", personalEmail: "ines.calder@example.com" })).body.id ?? "";
    const lookUp = { type: "Email", value: "Ines.Calder@example.com" };
    for (const found of [
      await read(externalContacts.postExternalcontactsIdentifierlookupContacts(lookUp, { expand: ["identifiers"] })),
      await read(externalContacts.postExternalcontactsIdentifierlookup(lookUp)),
    ]) {
      expect(found.body.id).toBe(known);
    }
    const reverse = await read(externalContacts.getExternalcontactsReversewhitepageslookup("ines.calder@example.com"));
    expect(reverse.body.contacts?.map(({ id }) => id)).toEqual([known]);
    const identifier = { type: "Phone", value: "+447700900321" };
    await externalContacts.patchExternalcontactsContactIdentifiers(known, { operation: "Claim", identifier });
    const held = await read(externalContacts.getExternalcontactsContactIdentifiers(known));
    expect(held.body.entities?.map(({ value }) => value)).toEqual(["ines.calder@example.com", "+447700900321"]);

    const conversationId = await startConversation({ ...customer, id: "to-merge" });
    const before = (await read(conversations.getConversation(conversationId))).body.participants[0];
    const ephemeral = before?.externalContactId ?? "";
    const merged = await read(externalContacts.postExternalcontactsContactsMerge({ contactIds: [ephemeral, known] }));
    expect(merged.body).toMatchObject({ type: "Curated", personalEmail: "ines.calder@example.com" });
    const followed = await read(externalContacts.getExternalcontactsContact(ephemeral, { expand: ["identifiers"] }));
    expect(followed.body).toMatchObject({ id: ephemeral, canonicalContact: { id: merged.body.id } });
    await externalContacts.putExternalcontactsConversation(conversationId, {
      externalContactId: merged.body.id,
      conversationId,
      communicationId: before?.messages?.[0]?.id ?? "",
      mediaType: "MESSAGE",
    });
    const attached = (await read(conversations.getConversation(conversationId))).body.participants[0];
    expect(attached?.externalContactId).toBe(merged.body.id);

    const two = (await made({ type: "Ephemeral" } as Models.ExternalContact)).body.id ?? "";
    const older = await read(
      externalContacts.postExternalcontactsMergeContacts({
        sourceContactId: two,
        targetContactId: merged.body.id ?? "",
      }),
    );
    await externalContacts.putExternalcontactsContact(older.body.id ?? "", { firstName: "Inês" });
    expect((await read(externalContacts.getExternalcontactsContact(older.body.id ?? ""))).body.firstName).toBe("Inês");
    await externalContacts.deleteExternalcontactsContact(older.body.id ?? "");
    await expect(externalContacts.getExternalcontactsContact(older.body.id ?? "")).rejects.toMatchObject({
      status: 404,
    });
  });

  it("keeps canned responses, each change a new version", async () => {
    const body = { name: "Delay notice", libraries: [{ id: "notices" }], texts: [{ content: "Hi {{firstName}}" }] };
    const created = (await read(responses.postResponsemanagementResponses(body))).body;
    const id = created.id ?? "";
    await responses.putResponsemanagementResponse(id, { ...body, version: 1, name: "Delay notice 2" });
    expect((await read(responses.getResponsemanagementResponse(id))).body).toMatchObject({
      version: 2,
      name: "Delay notice 2",
    });
    const listed = await read(responses.getResponsemanagementResponses("notices"));
    expect(listed.body).toMatchObject({ total: 1, entities: [{ id }] });
    const found = await read(responses.postResponsemanagementResponsesQuery({ queryPhrase: "delay", pageSize: 25 }));
    expect(found.body.results.entities).toMatchObject([{ id }]);
  });

  it("creates, lists, changes, tests and removes triggers", async () => {
    const request = {
      name: "Chat ended",
      topicName: "v2.detail.events.conversation.{id}.customer.end",
      enabled: true,
      target: { type: "Workflow", id: "f11c3021-a30d-5f2e-855d-7b831948374a" },
      matchCriteria: [{ jsonPath: "mediaType", operator: "Equal", value: "MESSAGE" as unknown as object }],
    };
    const id = (await read(automation.postProcessautomationTriggers(request))).body.id ?? "";
    expect((await read(automation.getProcessautomationTriggers())).body.entities).toMatchObject([{ id }]);
    expect((await read(automation.getProcessautomationTriggersTopics())).body.entities).toContain(request.topicName);
    expect((await read(automation.getProcessautomationTrigger(id))).body.version).toBe(1);
    const tested = (event: object) =>
      read(automation.postProcessautomationTriggerTest(id, { body: JSON.stringify(event) }));
    expect((await tested({ mediaType: "MESSAGE" })).body.triggerMatches).toBe(true);
    expect((await tested({ mediaType: "VOICE" })).body.triggerMatches).toBe(false);
    const changed = { ...request, id, version: 1, enabled: false };
    expect((await read(automation.putProcessautomationTrigger(id, changed))).body).toMatchObject({
      version: 2,
      enabled: false,
    });
    await automation.deleteProcessautomationTrigger(id);
    await expect(automation.getProcessautomationTrigger(id)).rejects.toMatchObject({ status: 404 });
  });

  it("provisions an integration with profile, typing, flow and identity resolution", async () => {
    const profile = (
      await read(
        conversations.postConversationsMessagingSupportedcontent({
          name: "Media",
          mediaTypes: { allow: { inbound: [{ type: "image/*" }] } },
        } as Models.SupportedContent),
      )
    ).body;
    const setting = (
      await read(
        conversations.postConversationsMessagingSettings({
          name: "Typing",
          event: { typing: { on: { inbound: "Enabled", outbound: "Enabled" } } },
        }),
      )
    ).body;
    expect((await read(conversations.getConversationsMessagingSupportedcontent())).body.entities).toHaveLength(1);
    expect(
      (await read(conversations.getConversationsMessagingSupportedcontentSupportedContentId(profile.id))).body.name,
    ).toBe("Media");
    expect((await read(conversations.getConversationsMessagingSettings())).body.entities).toHaveLength(1);
    expect((await read(conversations.getConversationsMessagingSetting(setting.id))).body.name).toBe("Typing");
    const request = {
      name: "New chat",
      outboundNotificationWebhookUrl: receiver.url,
      outboundNotificationWebhookSignatureSecretToken: "example-secret-longer-than-15",
      supportedContent: { id: profile.id },
      messagingSetting: { id: setting.id },
    };
    const created = (await read(conversations.postConversationsMessagingIntegrationsOpen(request))).body;
    expect(created.createStatus).toBe("Initiated");
    const { id } = created;
    const look = () => read(conversations.getConversationsMessagingIntegrationsOpenIntegrationId(id));
    const statuses = [(await look()).body.createStatus, (await look()).body.createStatus];
    expect(statuses).toEqual(["Initiated", "Completed"]);
    expect((await read(conversations.getConversationsMessagingIntegrationsOpen())).body.total).toBe(2);
    const change = { name: "New chat", webhookHeaders: { "X-Tenant": "harborline" } };
    const patched = (await read(conversations.patchConversationsMessagingIntegrationsOpenIntegrationId(id, change)))
      .body;
    expect(patched).toMatchObject({
      webhookHeaders: { "X-Tenant": "harborline" },
      outboundNotificationWebhookUrl: receiver.url,
    });
    await routing.putRoutingMessageRecipient(created.recipient?.id ?? "", { flow: { id: "flow-1" } });
    expect((await read(routing.getRoutingMessageRecipient(id))).body.flow?.id).toBe("flow-1");
    const resolution = { resolveIdentities: true, externalSource: { id: "source-1" } };
    await conversations.putConversationsMessagingIdentityresolutionIntegrationsOpenIntegrationId(id, resolution);
    const shown = await read(
      conversations.getConversationsMessagingIdentityresolutionIntegrationsOpenIntegrationId(id),
    );
    expect(shown.body).toMatchObject(resolution);
    await conversations.deleteConversationsMessagingIntegrationsOpenIntegrationId(id);
    expect((await read(conversations.getConversationsMessagingIntegrationsOpen())).body.total).toBe(1);
  });

  it("finds an earlier customer by analytics query", async () => {
    const conversationId = await startConversation({ ...customer, id: "earlier" });
    const query = (value: string) =>
      read(
        conversations.postAnalyticsConversationsDetailsQuery({
          interval: `${new Date(Date.now() - 3_600_000).toISOString()}/${new Date(Date.now() + 60_000).toISOString()}`,
          segmentFilters: [
            {
              type: "and",
              predicates: [
                { dimension: "messageType", value: "open" },
                { dimension: "addressFrom", operator: "matches", value },
              ],
            },
          ],
          paging: { pageSize: 10, pageNumber: 1 },
        }),
      );
    expect((await query("earlier")).body).toMatchObject({ totalHits: 1, conversations: [{ conversationId }] });
    expect((await query("never")).body.totalHits).toBe(0);
  });

  it("downloads media by a signed URL", async () => {
    const attachment = simulator.addMedia({ bytes: Buffer.from("png"), mime: "image/png", filename: "map.png" });
    const downloads = new platformClient.DownloadsApi(client);
    const { body } = await read(
      downloads.getDownload(attachment.url.split("/").at(-1) ?? "", { issueRedirect: false }),
    );
    const file = await fetch(body.url ?? "");
    expect([await file.text(), file.headers.get("content-type")]).toEqual(["png", "image/png"]);
  });

  it("ends its own token, after having called every route there is", async () => {
    expect((await read(tokens.headTokensMe())).status).toBe(200);
    await tokens.deleteTokensMe();
    await expect(tokens.headTokensMe()).rejects.toMatchObject({ status: 401 });
    const called = new Set(Object.keys(simulator.requests.countByRoute()));
    const missed = simulator.routes
      .map(({ method, path }) => `${method} ${path}`)
      .filter((route) => !called.has(route));
    expect(missed).toEqual(["GET /login"]);
  });
});
