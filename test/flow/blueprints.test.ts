/**
 * Two of Genesys' own blueprints, as their users have them: what they do is done here too, and what they do wrong is done right.
 * The official SDK plays the administrator and the flows; the simulator keeps Genesys Cloud's side.
 * @see https://github.com/GenesysCloudBlueprints/send-email-notification-when-outbound-message-fails-blueprint
 * @see https://github.com/GenesysCloudBlueprints/merge-ephemeral-message-to-external-contact-blueprint
 */
import type { Models } from "purecloud-platform-client-v2";
import { eventToken } from "../helpers/bridge";
import { openSdk, type Practice, type PracticeOptions, startPractice } from "../helpers/practice";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";

const email = "ines@harborline.example";
const undelivered = "v2.webmessaging.deployments.{id}.undelivered.messages";
const customerEnd = "v2.detail.events.conversation.{id}.customer.end";

interface Item {
  genesysMessageId: string;
  fate: string;
  reason: { code: string } | null;
  notice: { id: string; status: string } | null;
  timeline?: { event: string }[];
}

async function start(engine: (typeof engines)[number], options: PracticeOptions = {}) {
  const practice = await startPractice(engine, {
    fallback: { graceSeconds: 0 },
    events: { customerEndDelaySeconds: 0 },
    ...options,
  });
  const sdk = await openSdk(practice.simulator.url);
  return { ...practice, sdk };
}
type Bridge = Awaited<ReturnType<typeof start>>;

/** As the blueprint's installation guide has it. */
function addTrigger({ sdk }: Bridge, topicName: string, changes: Partial<Models.CreateTriggerRequest> = {}) {
  const workflowTargetSettings = { dataFormat: "Json" };
  return sdk.automation.postProcessautomationTriggers({
    name: `to the bridge: ${topicName}`,
    topicName,
    enabled: true,
    target: { type: "Workflow", id: "workflow-1", workflowTargetSettings },
    matchCriteria: [],
    ...changes,
  });
}

const list = async (practice: Practice) => (await practice.get<{ items: Item[] }>("/api/v1/messages?limit=100")).items;
const untilTold = (practice: Practice, count: number) =>
  until(
    () => list(practice),
    (items) => items.filter(({ fate }) => fate === "notified").length === count,
  );
const recipientsOf = (practice: Practice) =>
  practice.mails().map(({ envelope }) => envelope.rcptTo.map(({ address }) => address).join());

/** A customer with an e-mail address in a web chat, as the SDK's user made them. */
async function startChat({ sdk, simulator }: Bridge) {
  const contact = await sdk.contacts.postExternalcontactsContacts({
    firstName: "Ines",
    lastName: "Calder",
    personalEmail: email,
  });
  return simulator.webChats.start({ contactId: contact.id ?? "" });
}

describe.each(engines)("on %s", (engine) => {
  describe("the blueprint that sends an e-mail when an outbound message fails", () => {
    test("tells the customer at the contact's personal address, by the trigger on undelivered web messages", async () => {
      const bridge = await start(engine);
      await addTrigger(bridge, undelivered);
      const chat = await startChat(bridge);
      bridge.simulator.webChats.leave(chat.conversationId);
      bridge.simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
      await untilTold(bridge, 1);
      expect(recipientsOf(bridge)).toEqual([email]);
    });

    test("tells of it by the older trigger on the customer's end, with flat values", async () => {
      const bridge = await start(engine);
      const workflowTargetSettings = { dataFormat: "TopLevelPrimitives" };
      await addTrigger(bridge, customerEnd, {
        target: { type: "Workflow", id: "workflow-1", workflowTargetSettings },
        matchCriteria: [
          { jsonPath: "mediaType", operator: "Equal", value: "MESSAGE" },
        ] as unknown as Models.MatchCriteria[],
      });
      const chat = await startChat(bridge);
      bridge.simulator.webChats.leave(chat.conversationId);
      bridge.simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
      bridge.simulator.disconnect(chat.conversationId, "system");
      await untilTold(bridge, 1);
      expect(recipientsOf(bridge)).toEqual([email]);
    });

    test("bots, flows and later legs are not missed: the blueprint looks at agents' first leg only", async () => {
      const bridge = await start(engine);
      await addTrigger(bridge, customerEnd);
      const chat = await startChat(bridge);
      const { webChats } = bridge.simulator;
      webChats.say(chat.conversationId, "I am Marta.");
      webChats.leave(chat.conversationId);
      const missed = [
        webChats.say(chat.conversationId, "One moment.", { purpose: "bot" }),
        webChats.say(chat.conversationId, "You are next.", { purpose: "workflow" }),
        webChats.say(chat.conversationId, "I am back.", { purpose: "agent", newLeg: true }),
      ].map(({ messageId }) => messageId);

      // What the blueprint's own JSONPath finds in the same conversation: nothing.
      const conversation = await bridge.sdk.conversations.getConversation(chat.conversationId);
      const agent = conversation.participants?.find(({ purpose }) => purpose === "agent");
      expect(
        agent?.messages?.[0]?.messages?.filter(({ messageStatus }) => messageStatus === "delivery-failed"),
      ).toEqual([]);

      bridge.simulator.disconnect(chat.conversationId, "system");
      const items = await untilTold(bridge, 3);
      expect(items.map(({ genesysMessageId }) => genesysMessageId).toSorted()).toEqual(missed.toSorted());
    });

    test("there is one e-mail, not one for each event: both triggers at once, each message, each repeat", async () => {
      const bridge = await start(engine, { fallback: { graceSeconds: 2 } });
      await addTrigger(bridge, undelivered);
      await addTrigger(bridge, customerEnd);
      const chat = await startChat(bridge);
      bridge.simulator.webChats.leave(chat.conversationId);
      const fired: number[] = [];
      bridge.simulator.on("trigger", ({ status }) => void fired.push(status ?? 0));
      for (const text of ["One.", "Two.", "Three."]) bridge.simulator.webChats.say(chat.conversationId, text);
      bridge.simulator.disconnect(chat.conversationId, "system");
      const items = await untilTold(bridge, 3);
      expect(fired).toEqual([202, 202, 202, 202]);
      expect(new Set(items.map(({ notice }) => notice?.id)).size).toBe(1);
      await bridge.settle();
      expect(bridge.mails().map(({ mail }) => mail.subject)).toEqual(["You have 3 new messages from our web chat"]);
    });

    test("no failure is silent: a message that nobody could be told of says so, with every step", async () => {
      const bridge = await start(engine);
      await addTrigger(bridge, undelivered);
      const chat = bridge.simulator.webChats.start();
      bridge.simulator.webChats.leave(chat.conversationId);
      const said = bridge.simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
      await until(
        () => list(bridge),
        (items) => items[0]?.fate === "unreachable",
      );
      const found = await bridge.find(said.messageId);
      expect(found).toMatchObject({ fate: "unreachable", reason: { code: "GeneralError" } });
      expect(found.timeline.map(({ event }) => event)).toEqual(
        expect.arrayContaining(["message.stored", "delivery.failed", "notice.joined", "notice.unreachable"]),
      );
    });

    test("a message that has arrived by the time somebody looks is not written about", async () => {
      const bridge = await start(engine);
      await addTrigger(bridge, undelivered);
      const late = await startChat(bridge);
      bridge.simulator.webChats.leave(late.conversationId);
      const said = bridge.simulator.webChats.say(late.conversationId, "Your cabin is ready.");
      // Told as undelivered, and shown by the time that somebody looks.
      bridge.simulator.setMessageStatus(said.messageId, "delivery-success");
      await until(
        async () => (await bridge.read((db) => db.selectFrom("genesys_events").select("state").execute())).length > 0,
      );
      await bridge.settle();
      bridge.clock.advance(2_000);
      await bridge.settle();
      expect(await list(bridge)).toEqual([]);
      expect(bridge.mails()).toEqual([]);
    });
  });

  describe("the blueprint that merges an ephemeral contact into the known one", () => {
    /** What the blueprint's flow does: it asks the visitor, and hands the answer to a data action. */
    const flow = (bridge: Bridge, path: string, body: object) =>
      bridge.callApi<{ status: string }>(path, body, eventToken);

    async function codeOf(bridge: Bridge): Promise<string> {
      const [mail] = await until(bridge.mails, (mails) => mails.length > 0);
      return /\d{6}/.exec(mail?.mail.text ?? "")?.[0] ?? "";
    }

    test("the visitor is one with the customer of that address, and the conversation shows it", async () => {
      const bridge = await start(engine);
      const known = await bridge.sdk.contacts.postExternalcontactsContacts({
        firstName: "Ines",
        lastName: "Calder",
        personalEmail: email,
      });
      const chat = bridge.simulator.webChats.start();
      await flow(bridge, "/contacts/resolve", { conversationId: chat.conversationId, email });
      const code = await codeOf(bridge);
      expect((await flow(bridge, "/contacts/verify", { conversationId: chat.conversationId, code })).body.status).toBe(
        "verified",
      );

      const merged = await until(
        async () => {
          const contact = await bridge.sdk.contacts.getExternalcontactsContact(chat.contactId);
          return contact.canonicalContact?.id;
        },
        (id) => id !== undefined,
      );
      const canonical = await bridge.sdk.contacts.getExternalcontactsContact(merged ?? "");
      expect(canonical).toMatchObject({ type: "Curated", firstName: "Ines", lastName: "Calder", personalEmail: email });
      expect((await bridge.sdk.contacts.getExternalcontactsContact(known.id ?? "")).canonicalContact?.id).toBe(merged);
      await until(async () => {
        const conversation = await bridge.sdk.conversations.getConversation(chat.conversationId);
        return conversation.participants?.find(({ purpose }) => purpose === "customer")?.externalContactId === merged;
      });
    });

    test("nobody becomes a customer by naming their address: the blueprint asks for no proof", async () => {
      const bridge = await start(engine);
      await bridge.sdk.contacts.postExternalcontactsContacts({ firstName: "Ines", personalEmail: email });
      const stranger = bridge.simulator.webChats.start();
      await flow(bridge, "/contacts/resolve", { conversationId: stranger.conversationId, email });
      const code = await codeOf(bridge);
      const guess = String((Number(code) + 1) % 1_000_000).padStart(6, "0");
      expect(
        (await flow(bridge, "/contacts/verify", { conversationId: stranger.conversationId, code: guess })).body.status,
      ).toBe("wrong");
      await bridge.settle();
      expect(
        (await bridge.sdk.contacts.getExternalcontactsContact(stranger.contactId)).canonicalContact,
      ).toBeUndefined();
      expect(bridge.simulator.requests.list().filter(({ path }) => path.includes("identifierlookup"))).toEqual([]);
    });

    test("customer and contact are not swapped where we began: the blueprint names its two outputs crosswise", async () => {
      const bridge = await start(engine, { integration: { contacts: { proof: "none" } } });
      const known = await bridge.sdk.contacts.postExternalcontactsContacts({ firstName: "Ines", personalEmail: email });
      const said = bridge.simulator.say({ recipient: "crew-7781" }, "Good morning");
      await said.sent;
      const before = await bridge.sdk.conversations.getConversation(said.conversationId);
      const external = before.participants?.find(({ purpose }) => purpose === "external")?.externalContactId;
      expect(external).toBeDefined();
      await flow(bridge, "/contacts/resolve", { conversationId: said.conversationId, email });
      const merged = await until(
        async () => (await bridge.sdk.contacts.getExternalcontactsContact(known.id ?? "")).canonicalContact?.id,
        (id) => id !== undefined,
      );
      expect((await bridge.sdk.contacts.getExternalcontactsContact(external ?? "")).canonicalContact?.id).toBe(merged);
      await until(async () => {
        const after = await bridge.sdk.conversations.getConversation(said.conversationId);
        const shown = (wanted: string) =>
          after.participants?.find(({ purpose }) => purpose === wanted)?.externalContactId;
        return shown("external") === merged && shown("agent") === undefined;
      });
    });
  });
});
