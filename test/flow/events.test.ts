/** `POST /genesys/events`: what triggers tell, and what follows from it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { refused } from "../helpers/adapter";
import { eventToken, integrationId } from "../helpers/bridge";
import { openSdk, type Practice, startPractice } from "../helpers/practice";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";

const samples = join(__dirname, "../fixtures/events");
const sample = (name: string) =>
  JSON.parse(readFileSync(join(samples, `${name}.json`), "utf8")) as Record<string, unknown>;

const contactId = "882e4fe5-06b4-570d-88d4-c1ed1cbf6d83";
const address = "ines@harborline.example";
const fallback = { graceSeconds: 0 };

interface Item {
  id: string;
  genesysMessageId: string;
  integration: string;
  kind: string;
  fate: string;
  summary: string;
  conversationId: string;
  recipient: { id: string };
  notice: { id: string; status: string } | null;
}

async function list(practice: Practice, query = ""): Promise<Item[]> {
  return (await practice.get<{ items: Item[] }>(`/api/v1/messages?limit=100${query}`)).items;
}

/** A visitor's chat, with what an event about it says. */
function startWebChat({ simulator }: Practice) {
  simulator.addContact({ id: contactId, fields: { personalEmail: address } });
  return simulator.webChats.start({ contactId });
}

function untilTold(practice: Practice, count: number): Promise<Item[]> {
  return until(
    () => list(practice),
    (items) => items.length === count && items.every(({ fate }) => fate === "notified"),
  );
}

function mailsOf(practice: Practice) {
  return practice.mails().map(({ envelope, mail }) => ({
    to: envelope.rcptTo.map((one) => one.address),
    subject: mail.subject,
  }));
}

function eventRows(practice: Practice) {
  return practice.read((db) =>
    db.selectFrom("genesys_events").select(["type", "state", "answer"]).orderBy("seq").execute(),
  );
}

describe.each(engines)("on %s", (engine) => {
  describe("the route", () => {
    test("takes the token as a bearer, and nothing else", async () => {
      const practice = await startPractice(engine);
      const body = sample("customer-end");
      expect((await practice.sendEvent(body)).status).toBe(202);
      for (const token of ["", "wrong", eventToken.slice(0, -1), `${eventToken}x`]) {
        const { status, headers } = await practice.sendEvent(body, token);
        expect([token, status, headers["www-authenticate"]]).toEqual([token, 401, expect.stringContaining("Bearer")]);
      }
      const unsigned = await practice.call("POST", "/genesys/events", {}, JSON.stringify(body));
      expect(unsigned.status).toBe(401);
    });

    test("refuses what it does not understand, says why, and keeps nothing of it", async () => {
      const practice = await startPractice(engine);
      for (const [body, code, field] of [
        ["{", "invalid_json", undefined],
        ["", "invalid_json", undefined],
        ["[]", "invalid_field", undefined],
        ["{}", "invalid_field", "conversationId"],
        ['{"conversationId":"../x y"}', "invalid_field", "conversationId"],
        ['{"topic":"v2.users.me","event":{"conversationId":"a"}}', "invalid_field", "topic"],
        ['{"type":"optOut","channel":"sms"}', "invalid_field", "address"],
        ['{"type":"optOut","address":"a@b.example","channel":"pigeon"}', "invalid_field", "channel"],
        ['{"type":"optOut","address":"a@b.example","at":"soon"}', "invalid_field", "at"],
      ]) {
        const answer = await practice.sendEvent(body);
        expect([body, answer.status]).toEqual([body, 400]);
        const error = field === undefined ? { code } : { code, field };
        expect(JSON.parse(answer.text)).toMatchObject({ error });
      }
      expect(await eventRows(practice)).toEqual([]);
    });

    test("does not exist without an event token", async () => {
      const practice = await startPractice(engine, { eventToken: null });
      expect((await practice.sendEvent(sample("customer-end"))).status).toBe(404);
    });
  });

  test("a web message that was not delivered becomes a message with a notice, however many events tell of it", async () => {
    const practice = await startPractice(engine, { fallback });
    const { simulator } = practice;
    simulator.addContact({ id: contactId, fields: { personalEmail: address } });
    const chat = simulator.webChats.start({ contactId });
    simulator.webChats.say(chat.conversationId, "This arrived.");
    simulator.webChats.leave(chat.conversationId);
    const missed = simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
    const event = {
      conversationId: chat.conversationId,
      deploymentId: chat.deploymentId,
      externalContactId: contactId,
      messages: [{ id: missed.messageId, eventTimeMs: Date.now() }],
      eventTimeMs: Date.now(),
    };
    const flat = { conversationId: chat.conversationId, deploymentId: chat.deploymentId, eventTimeMs: Date.now() + 1 };
    const topic = `v2.webmessaging.deployments.${chat.deploymentId}.undelivered.messages`;
    for (const body of [event, { topic, event: { ...event, eventTimeMs: Date.now() + 2 } }, flat, event]) {
      expect((await practice.sendEvent(body)).status).toBe(202);
    }
    const [item] = await until(
      () => list(practice),
      (items) => items.some(({ fate }) => fate !== "open"),
    );
    await practice.settle();
    expect(await list(practice)).toHaveLength(1);
    expect(item).toMatchObject({
      integration: "web-messaging",
      genesysMessageId: missed.messageId,
      conversationId: chat.conversationId,
      kind: "text",
      fate: "notified",
      summary: "Your cabin is ready.",
      recipient: { id: contactId },
    });
    expect(mailsOf(practice)).toEqual([{ to: [address], subject: "You have a new message from our web chat" }]);
    // The repeat of the first event is the same event.
    expect((await eventRows(practice)).map(({ type, state }) => [type, state])).toEqual([
      ["undelivered", "done"],
      ["undelivered", "done"],
      ["undelivered", "done"],
    ]);
  });

  test("the end of a conversation is looked at after the delay of our own, over bots, flows and later legs", async () => {
    const practice = await startPractice(engine, { fallback, events: { customerEndDelaySeconds: 900 } });
    const { simulator } = practice;
    const chat = startWebChat(practice);
    simulator.webChats.leave(chat.conversationId);
    const missed = [
      simulator.webChats.say(chat.conversationId, "I am Marta."),
      simulator.webChats.say(chat.conversationId, "I can help.", { purpose: "bot" }),
      simulator.webChats.say(chat.conversationId, "Please hold.", { purpose: "workflow" }),
      simulator.webChats.say(chat.conversationId, "Back again.", { purpose: "agent", newLeg: true }),
    ].map(({ messageId }) => messageId);
    await practice.sendEvent({ conversationId: chat.conversationId, eventTime: Date.now(), disconnectType: "CLIENT" });
    await practice.settle();
    expect(await list(practice)).toEqual([]);
    practice.clock.advance(899_000);
    await practice.settle();
    expect(await list(practice)).toEqual([]);

    practice.clock.advance(1_000);
    const items = await untilTold(practice, 4);
    expect(items.map(({ genesysMessageId }) => genesysMessageId).toSorted()).toEqual(missed.toSorted());
    expect(new Set(items.map(({ notice }) => notice?.id)).size).toBe(1);
    expect(mailsOf(practice)).toEqual([{ to: [address], subject: "You have 4 new messages from our web chat" }]);
  });

  test("a visitor who is back before the notice goes out is not told", async () => {
    const practice = await startPractice(engine, { fallback: { ...fallback, graceSeconds: 60 } });
    const { simulator } = practice;
    const chat = startWebChat(practice);
    simulator.webChats.leave(chat.conversationId);
    simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
    await practice.sendEvent({ ...chat, eventTimeMs: Date.now() });
    await until(
      () => list(practice),
      (items) => items[0]?.notice?.status === "waiting",
    );
    simulator.webChats.comeBack(chat.conversationId);
    practice.clock.advance(56_000);
    await until(
      () => list(practice),
      (items) => items[0]?.fate === "delivered",
    );
    practice.clock.advance(60_000);
    await practice.settle();
    const [item] = await list(practice);
    expect(item).toMatchObject({ fate: "delivered", notice: { status: "cancelled" } });
    expect(practice.mails()).toEqual([]);
  });

  test("what is under way when the customer leaves is looked at once more", async () => {
    const practice = await startPractice(engine, { fallback, events: { customerEndDelaySeconds: 0 } });
    const { simulator } = practice;
    const chat = startWebChat(practice);
    const said = simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
    simulator.setMessageStatus(said.messageId, "sent");
    await practice.sendEvent({ conversationId: chat.conversationId, eventTime: Date.now() });
    await until(
      () => eventRows(practice),
      (rows) => rows.length === 2 && rows[0]?.state === "done",
    );
    expect(await list(practice)).toEqual([]);
    simulator.setMessageStatus(said.messageId, "delivery-failed");
    practice.clock.advance(60_000);
    await untilTold(practice, 1);
    expect(practice.mails()).toHaveLength(1);
  });

  test("an open message that the webhook never brought is told by its integration's policy, others are left alone", async () => {
    const practice = await startPractice(engine, {
      fallback: fallback,
      events: { customerEndDelaySeconds: 0 },
    });
    const { simulator } = practice;
    const arrived = simulator.say({ recipient: "ines@harborline.example" }, "This arrived.");
    expect(await arrived.sent).toMatchObject({ ended: "accepted" });
    const { conversationId } = arrived;
    simulator.addIntegration({
      id: integrationId,
      name: "Harborline Chat",
      webhookUrl: practice.url("/genesys/harborline-chat/outbound"),
      secret: "a-secret-that-is-not-ours",
    });
    const lost = simulator.say({ conversationId }, "This did not.");
    expect(await lost.sent).toMatchObject({ ended: "refused" });
    expect(simulator.messageStatus(lost.messageId)).toBe("delivery-failed");

    const trigger = {
      name: "chat ended",
      topicName: "v2.detail.events.conversation.{id}.customer.end",
      enabled: true,
      target: { type: "Workflow", id: "w", workflowTargetSettings: { dataFormat: "TopLevelPrimitives" } },
    };
    await (await openSdk(simulator.url)).automation.postProcessautomationTriggers(trigger);
    const fired = simulator.next("trigger");
    simulator.disconnect(conversationId);
    expect(await fired).toMatchObject({ status: 202 });
    const items = await until(
      () => list(practice),
      (all) => all.some(({ fate }) => fate === "notified"),
    );
    expect(items.find(({ genesysMessageId }) => genesysMessageId === lost.messageId)).toMatchObject({
      integration: "harborline-chat",
      fate: "notified",
      summary: "This did not.",
      recipient: { id: "ines@harborline.example" },
    });
    expect(items).toHaveLength(2);
    expect(practice.mails()).toHaveLength(1);
  });

  test("a message whose failure the bridge knows of is not told twice", async () => {
    const practice = await startPractice(engine, {
      fallback: fallback,
      events: { customerEndDelaySeconds: 0 },
    });
    practice.adapter.respond(() => refused("InvalidDestination"));
    const said = practice.simulator.say({ recipient: "ines@harborline.example" }, "Good morning");
    await said.sent;
    await practice.untilFate(said.messageId, "notified");
    await until(() => practice.simulator.messageStatus(said.messageId) === "delivery-failed");
    await practice.sendEvent({ conversationId: said.conversationId, eventTime: Date.now() });
    await until(
      () => eventRows(practice),
      (rows) => rows[0]?.state === "done",
    );
    expect((await eventRows(practice))[0]?.answer).toBe("1 not delivered, 0 of them new");
    await practice.settle();
    expect(await list(practice)).toHaveLength(1);
    expect(practice.mails()).toHaveLength(1);
  });

  test("a storm of events about one conversation is a look-up or two", async () => {
    const practice = await startPractice(engine, { fallback });
    const chat = startWebChat(practice);
    practice.simulator.webChats.leave(chat.conversationId);
    const missed = practice.simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
    const event = { ...chat, messages: [{ id: missed.messageId }] };
    practice.simulator.faults.add({ route: "GET /api/v2/conversations/*", delayMs: 300, count: 1 });
    const at = Date.now();
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, n) => practice.sendEvent({ ...event, eventTimeMs: at + (n % 200) })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    await untilTold(practice, 1);
    await practice.settle();
    const rows = await eventRows(practice);
    expect(rows.length).toBe(200);
    expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(["done"]));
    const looked = practice.simulator.requests.list({ route: "GET /api/v2/conversations/{conversationId}" });
    expect(looked.length).toBeLessThan(10);
    expect(practice.mails()).toHaveLength(1);
  });

  test("a conversation nobody knows is asked for a while and then left, with clocks ahead and behind", async () => {
    const practice = await startPractice(engine, { fallback, events: { customerEndDelaySeconds: 0 } });
    const century = 100 * 365 * 86_400_000;
    await practice.sendEvent({ conversationId: "nobody-knows-1", eventTime: Date.now() + century });
    await practice.sendEvent({ conversationId: "nobody-knows-2", eventTime: 0 });
    await until(() => practice.simulator.requests.list().filter(({ status }) => status === 404).length >= 2);
    practice.clock.advance(121_000);
    await until(
      () => eventRows(practice),
      (rows) => rows.length === 2 && rows.every(({ state }) => state === "unmatched"),
    );
    expect(await list(practice)).toEqual([]);
    expect(practice.mails()).toEqual([]);
  });

  test("an event outlives a Genesys Cloud that is away and a restart of the bridge", async () => {
    const practice = await startPractice(engine, { fallback, events: { customerEndDelaySeconds: 0 } });
    const chat = startWebChat(practice);
    practice.simulator.webChats.leave(chat.conversationId);
    practice.simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
    const fault = practice.simulator.faults.add({ route: "GET /api/v2/**", status: 503, retryAfterSeconds: 1 });
    await practice.sendEvent({ conversationId: chat.conversationId, eventTime: Date.now() });
    await practice.simulator.next("request", ({ status }) => status === 503);
    await practice.restart();
    practice.simulator.faults.clear(fault);
    await until(async () => {
      practice.clock.advance(1000);
      return (await list(practice)).some(({ fate }) => fate === "notified");
    });
    expect(practice.mails()).toHaveLength(1);
  });

  test("without the permission to read legs the messaging view is read instead", async () => {
    const permissions = ["conversation:message:*", "externalContacts:*:*"];
    const clients = [{ id: "client-a", secret: "secret-a", permissions }];
    const practice = await startPractice(engine, { fallback, simulator: { clients }, logLevel: "warn" });
    const chat = startWebChat(practice);
    practice.simulator.webChats.leave(chat.conversationId);
    practice.simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
    await practice.sendEvent({ ...chat, eventTimeMs: Date.now() });
    await untilTold(practice, 1);
    const line = practice.logged.find((one) => one.includes("genesys.failed"));
    expect(JSON.parse(line ?? "{}")).toMatchObject({
      operation: "conversations.read",
      httpStatus: 403,
      permissions: ["conversation:communication:view"],
    });
  });

  test("news of other parties is kept, and nothing follows from it", async () => {
    const practice = await startPractice(engine, { fallback, events: { customerEndDelaySeconds: 0 } });
    for (const name of ["acd-end", "user-end", "wrapup"]) {
      expect((await practice.sendEvent(sample(name))).status).toBe(202);
    }
    await practice.settle();
    expect((await eventRows(practice)).map(({ type, state }) => [type, state])).toEqual(
      Array(3).fill(["other", "noted"]),
    );
    expect(practice.simulator.requests.list({ route: "GET /api/v2/conversations/{conversationId}" })).toEqual([]);
  });

  test("an opt-out that a flow heard is noted once, with where it was heard, and holds", async () => {
    const practice = await startPractice(engine, { fallback });
    const chat = startWebChat(practice);
    const { conversationId } = chat;
    const optOut = { type: "optOut", address: "INES@harborline.example", channel: "email", conversationId };
    for (const body of [
      { ...optOut, at: "2026-09-14T08:00:00Z" },
      { ...optOut, at: "2026-09-14T08:00:00Z" },
    ]) {
      expect((await practice.sendEvent(body)).status).toBe(202);
    }
    const { items } = await until(
      () => practice.get<{ items: object[] }>("/api/v1/suppressions"),
      (found) => found.items.length > 0,
    );
    expect(items).toMatchObject([
      { address, channel: "email", purpose: "*", source: "flow", at: "2026-09-14T08:00:00.000Z" },
    ]);
    expect((await eventRows(practice)).map(({ type, state }) => [type, state])).toEqual([["optOut", "done"]]);

    practice.simulator.webChats.leave(conversationId);
    practice.simulator.webChats.say(conversationId, "Your cabin is ready.");
    await practice.sendEvent({ ...chat, eventTimeMs: Date.now() });
    await until(
      () => list(practice),
      (all) => all[0]?.fate === "suppressed",
    );
    expect(practice.mails()).toEqual([]);
  });

  test("of several organisations the one that knows the conversation is asked, and tells who the customer is", async () => {
    const clients = [
      { id: "client-a", secret: "secret-a" },
      { id: "client-b", secret: "secret-b" },
    ];
    const practice = await startPractice(engine, {
      fallback,
      organisations: { first: { clients: clients.slice(1) } },
      integration: { organisation: "main" },
      organisation: { webMessaging: { fallback: "missed", from: "Harborline" } },
      simulator: { clients },
    });
    // The first one to be asked does not know it.
    practice.simulator.faults.add({ route: "GET /api/v2/conversations/*", status: 404, count: 1 });
    const chat = startWebChat(practice);
    practice.simulator.webChats.leave(chat.conversationId);
    practice.simulator.webChats.say(chat.conversationId, "Your cabin is ready.");
    await practice.sendEvent({ ...chat, eventTimeMs: Date.now() });
    const [item] = await untilTold(practice, 1);
    expect(item?.integration).toBe("web-messaging.main");
    expect(mailsOf(practice)).toEqual([{ to: [address], subject: "You have a new message from Harborline" }]);
    const asked = practice.simulator.requests
      .list()
      .filter(({ path }) => path === `/api/v2/conversations/${chat.conversationId}`);
    expect(asked.map(({ status }) => status)).toEqual([404, 200]);
  });
});
