import type { ServerResponse } from "node:http";
import { startScene, type Answered, type Detail, integrationId, type Scene } from "../helpers/bridge";
import { refused } from "../helpers/adapter";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { type Body, newGenesysId, outboundBody } from "../helpers/webhook";
import { answerWith } from "../channels/local-server";

const customer = { id: "mira@harborline.example", idType: "Email", nickname: "Mira", firstName: "Mira" };
const conversationId = "cf36d182-0e48-570f-8982-7083bdb6c45b";

type Inbound = Detail & { direction: string; conversationId: string | null };

/** What the answer to an adapter's request says. */
function said(answer: Answered): { status: string; id: string } {
  return JSON.parse(answer.text);
}

/** Requests of one kind that Genesys Cloud was sent. */
function asked(scene: Scene, kind: "message" | "event" | "structured/response") {
  return scene.genesys.requests
    .filter(({ path }) => path.includes(`/inbound/open/${kind}`))
    .map(({ path, body }) => ({ path, body: body as Body & { channel: Body } }));
}

function takeAll(scene: Scene): void {
  scene.genesys.onRequest = ({ path }) => ({
    status: 200,
    body: path.includes("/inbound/open/") ? { id: newGenesysId(), conversationId } : {},
  });
}

/** Sends a text in and returns our id of it. */
async function write(scene: Scene, text: string, changes: Body = {}): Promise<string> {
  const body = { integration: "harborline-chat", messageId: newGenesysId(), from: customer, text, ...changes };
  const answer = await scene.tell("messages", body);
  if (answer.status !== 202) throw new Error(`answered ${answer.status}: ${answer.text}`);
  return said(answer).id;
}

/** What Genesys Cloud sends when it has published a customer's message, or has not. */
function receiptFor(changes: { id: string; messageId: string; fixture?: string }): Body {
  const body = outboundBody(changes.fixture ?? "receipt-published", customer.id);
  return { ...body, id: changes.id, channel: { ...(body.channel as Body), messageId: changes.messageId } };
}

const find = (scene: Scene, id: string) => scene.find(id) as Promise<Inbound>;
const untilFate = (scene: Scene, id: string, fate: string) => scene.untilFate(id, fate) as Promise<Inbound>;
const events = (found: Detail) => found.timeline.map(({ event }) => event);
const news = (scene: Scene) => scene.adapter.calls.filter(({ body }) => body.type === "message.failed");

describe.each(engines)("on %s", (engine) => {
  test("a customer's text goes into Genesys Cloud, which publishes it", async () => {
    const scene = await startScene(engine);
    const genesysId = newGenesysId();
    scene.genesys.onRequest = () => ({ status: 200, body: { id: genesysId, conversationId } });
    const answer = await scene.tell("messages", {
      integration: integrationId,
      messageId: "hl-1",
      from: { ...customer, phone: "+43123456789", timeZone: "Europe/Vienna" },
      text: "Is the ferry late?",
      customAttributes: { bookingRef: "HL-20418" },
      at: "2026-09-14T10:19:05+02:00",
    });
    expect(answer.status).toBe(202);
    const { id } = said(answer);

    expect(await untilFate(scene, id, "accepted")).toMatchObject({
      direction: "inbound",
      kind: "text",
      genesysMessageId: genesysId,
      conversationId,
      sentAt: "2026-09-14T08:19:05.000Z",
      recipient: { id: customer.id, idType: "Email" },
      summary: "Is the ferry late?",
      delivery: { channel: "genesys:main", status: "accepted", attempts: 1, providerMessageId: genesysId },
      message: {
        kind: "text",
        text: "Is the ferry late?",
        raw: { messageId: "hl-1", from: { phone: "+43123456789" } },
      },
      receipt: null,
      notice: null,
    });
    expect(asked(scene, "message")).toEqual([
      {
        path: `/api/v2/conversations/messages/${integrationId}/inbound/open/message?prefetchConversationId=true`,
        body: {
          channel: {
            from: customer,
            time: "2026-09-14T08:19:05.000Z",
            messageId: id,
            metadata: { customAttributes: { bookingRef: "HL-20418" } },
          },
          text: "Is the ferry late?",
        },
      },
    ]);

    const receipt = receiptFor({ id: genesysId, messageId: id });
    expect((await scene.post(receipt)).status).toBe(200);
    const published = await untilFate(scene, id, "delivered");
    expect(published.delivery?.status).toBe("delivered");
    expect(await find(scene, genesysId)).toMatchObject({ id, kind: "text" });
    expect(news(scene)).toEqual([]);
  });

  test("an attachment goes in by its URL, with a MIME type", async () => {
    const scene = await startScene(engine);
    takeAll(scene);
    const url = "https://files.example/ticket.pdf?sig=1";
    const id = await write(scene, "", { text: undefined, attachments: [{ mediaType: "File", url, filename: "" }] });
    expect(await untilFate(scene, id, "accepted")).toMatchObject({ kind: "media" });
    expect(asked(scene, "message")[0]?.body).toMatchObject({
      content: [{ attachment: { mediaType: "File", url, mime: "application/pdf" } }],
    });
  });

  test("a repeat of the adapter's messageId is answered alike and sent once", async () => {
    const scene = await startScene(engine);
    takeAll(scene);
    const body = { integration: "harborline-chat", messageId: "hl-7", from: customer, text: "once" };
    const { id } = said(await scene.tell("messages", body));
    expect(await scene.tell("messages", body)).toMatchObject({ status: 202, text: '{"status":"duplicate"}' });
    await scene.settle();
    expect(asked(scene, "message")).toHaveLength(1);
    expect(await find(scene, id)).toMatchObject({ duplicates: 1, fate: "accepted" });
  });

  test("a customer's messages keep their order through retries, and hold up nobody else", async () => {
    const scene = await startScene(engine);
    let refusals = 2;
    scene.genesys.onRequest = ({ body }) => {
      if ((body as { text: string }).text === "first" && refusals-- > 0) return { status: 503 };
      return { status: 200, body: { id: newGenesysId() } };
    };
    const first = await write(scene, "first");
    const second = await write(scene, "second");
    const other = await write(scene, "other", { from: { id: "noor", idType: "Opaque" } });
    await untilFate(scene, other, "accepted");
    expect((await find(scene, second)).fate).toBe("open");
    await untilFate(scene, second, "accepted");
    const order = asked(scene, "message").map(({ body }) => [body.text, body.channel.messageId]);
    expect(order.filter(([text]) => text !== "other")).toEqual([
      ["first", first],
      ["first", first],
      ["first", first],
      ["second", second],
    ]);
  });

  test("what is on its way to a customer does not hold up what comes from them", async () => {
    const scene = await startScene(engine, {
      chat: { retry: { maxAgeSeconds: 900, firstDelayMs: 60_000, maxDelayMs: 60_000 } },
    });
    takeAll(scene);
    scene.adapter.respond(() => answerWith(500));
    await scene.say(customer.id);
    await until(() => scene.adapter.deliveries().length === 1);
    const id = await write(scene, "hello?");
    expect((await untilFate(scene, id, "accepted")).delivery?.attempts).toBe(1);
  });

  test("a refusal of Genesys Cloud fails the message, and its adapter is told until it hears", async () => {
    const scene = await startScene(engine);
    scene.genesys.onRequest = () => ({ status: 400, body: { code: "bad.request", message: "no" } });
    scene.adapter.respond(() => answerWith(news(scene).length === 1 ? 500 : 204));
    const id = await write(scene, "too odd", { messageId: "hl-9" });
    const failed = await untilFate(scene, id, "failed");
    expect(failed).toMatchObject({ reason: { code: "InvalidMessageStructure" }, receipt: null, notice: null });
    const told = await until(
      () => find(scene, id),
      (found) => events(found).includes("failure.told"),
    );
    expect(told.timeline.at(-1)?.detail).toEqual({ attempt: 2, answer: "HTTP 204" });
    expect(news(scene).map(({ webhookId }) => webhookId)).toEqual([id, id]);
    expect(news(scene)[0]?.body).toEqual({
      type: "message.failed",
      id,
      messageId: "hl-9",
      integration: "harborline-chat",
      integrationId,
      from: { id: customer.id, idType: "Email" },
      reason: { code: "InvalidMessageStructure", message: expect.stringContaining("HTTP 400") },
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  test("a Failed receipt fails a message that Genesys Cloud had accepted", async () => {
    const scene = await startScene(engine);
    takeAll(scene);
    const id = await write(scene, "hello");
    const { genesysMessageId } = await untilFate(scene, id, "accepted");
    const receipt = receiptFor({ id: String(genesysMessageId), messageId: id, fixture: "receipt-failed-two-reasons" });
    await scene.post(receipt);
    const failed = await untilFate(scene, id, "failed");
    expect(failed.reason).toEqual({
      code: "MediaTypeNotAllowed",
      message: "image/tiff is not in the supported content profile. The message was dropped.",
    });
    await until(() => news(scene).length === 1);

    await scene.post(receiptFor({ id: String(genesysMessageId), messageId: id }));
    await untilFate(scene, id, "delivered");
    await scene.post({
      ...receipt,
      channel: { ...(receipt.channel as Body), time: "2026-09-14T08:21:07.113Z" },
      status: "Failed",
    });
    await scene.settle();
    expect((await find(scene, id)).fate).toBe("delivered");
    expect(news(scene)).toHaveLength(1);
  });

  test("a receipt that is faster than the answer is not lost, and neither are the ids", async () => {
    const scene = await startScene(engine);
    const genesysId = newGenesysId();
    let pending: ServerResponse | undefined;
    scene.genesys.onRequest = (_, response) => {
      pending = response;
      return "hang";
    };
    const id = await write(scene, "quick");
    await until(() => pending !== undefined);
    await scene.post(receiptFor({ id: genesysId, messageId: id }));
    await untilFate(scene, id, "delivered");
    pending?.writeHead(200, { "content-type": "application/json" });
    pending?.end(JSON.stringify({ id: genesysId, conversationId }));
    const found = await until(
      () => find(scene, id),
      (one) => one.genesysMessageId !== null,
    );
    expect(found).toMatchObject({
      fate: "delivered",
      conversationId,
      genesysMessageId: genesysId,
      delivery: { status: "delivered", providerMessageId: genesysId },
    });
  });

  test("a receipt that names no id of ours is matched by Genesys Cloud's, also before the answer told it", async () => {
    const scene = await startScene(engine);
    const genesysId = newGenesysId();
    const early = receiptFor({ id: genesysId, messageId: "somebody-else's" });
    await scene.post(early);
    scene.genesys.onRequest = () => ({ status: 200, body: { id: genesysId } });
    const id = await write(scene, "hello");
    await untilFate(scene, id, "delivered");
    const { items } = await scene.get<{ items: Inbound[] }>("/api/v1/messages?kind=receipt");
    expect(items).toMatchObject([{ kind: "receipt", fate: "noted", genesysMessageId: genesysId }]);
    const receipt = await until(
      () => find(scene, String(items[0]?.id)),
      (found) => events(found).includes("receipt.matched"),
    );
    expect(receipt.timeline.at(-1)?.detail).toEqual({ message: id });
  });

  test("a receipt speaks only of messages of its own integration", async () => {
    const other = {
      name: "other",
      id: "0a4e7c1a-1111-4222-8333-444455556666",
      signatureSecrets: ["harborline-test-secret-0001"],
      channel: "chat",
    };
    const scene = await startScene(engine, { integrations: [other] });
    takeAll(scene);
    const id = await write(scene, "hello");
    const { genesysMessageId } = await untilFate(scene, id, "accepted");
    await scene.post(
      receiptFor({ id: String(genesysMessageId), messageId: id, fixture: "receipt-failed" }),
      {},
      "other",
    );
    scene.clock.advance(3_700_000);
    const { items } = await scene.get<{ items: Inbound[] }>("/api/v1/messages?kind=receipt");
    await until(
      () => find(scene, String(items[0]?.id)),
      (found) => events(found).includes("receipt.unmatched"),
    );
    expect((await find(scene, id)).fate).toBe("accepted");
  });

  test("a tap answers the message that the adapter was given, by Genesys Cloud's id of it", async () => {
    const scene = await startScene(engine);
    takeAll(scene);
    const genesysId = await scene.say(customer.id, {}, "structured-quick-replies");
    const { id: ours } = await scene.untilStatus(genesysId, "accepted");
    const response = { type: "QuickReply", text: "A delay", payload: "topic.delay" };
    const tap = { integration: "harborline-chat", from: customer, response };
    const first = await scene.tell("responses", { ...tap, messageId: "r-1", originatingMessageId: ours });
    await untilFate(scene, said(first).id, "accepted");
    const second = await scene.tell("responses", { ...tap, messageId: "r-2", originatingMessageId: genesysId });
    expect(await untilFate(scene, said(second).id, "accepted")).toMatchObject({
      kind: "structured",
      summary: "A delay",
    });
    const requests = asked(scene, "structured/response");
    expect(requests.map(({ body }) => body.originatingMessageId)).toEqual([genesysId, genesysId]);
    expect(requests[0]?.body).toMatchObject({ buttonResponse: response, channel: { from: customer } });
  });

  test("typing is passed on once, whatever Genesys Cloud says, and is not a fate of its own", async () => {
    const scene = await startScene(engine);
    scene.genesys.onRequest = () => ({ status: 503 });
    const answer = await scene.tell("events", { integration: "harborline-chat", from: customer, type: "typing" });
    expect(answer.status).toBe(202);
    await until(() => asked(scene, "event").length === 1);
    await scene.settle();
    expect(asked(scene, "event")).toHaveLength(1);
    expect(asked(scene, "event")[0]?.body).toMatchObject({
      channel: { from: customer },
      events: [{ eventType: "Typing" }],
    });
    expect(await find(scene, said(answer).id)).toMatchObject({ kind: "typing", fate: "noted", direction: "inbound" });
  });

  test.each([
    [
      "comes online",
      (scene: Scene) => scene.tell("events", { integration: "harborline-chat", from: customer, type: "online" }),
    ],
    ["writes", async (scene: Scene) => void (await write(scene, "I am back"))],
  ])("a customer who %s before the notice goes out is not notified", async (_, comeBack) => {
    const scene = await startScene(engine, { fallback: { graceSeconds: 60 } });
    takeAll(scene);
    scene.adapter.respond(() => refused("InvalidDestination"));
    const missed = await scene.say(customer.id);
    const stranger = await scene.say("noor@harborline.example");
    await until(
      () => scene.find(missed),
      (found) => found.notice?.status === "waiting",
    );
    await until(
      () => scene.find(stranger),
      (found) => found.notice?.status === "waiting",
    );
    await scene.tell("events", { integration: "harborline-chat", from: customer, type: "offline" });
    await scene.settle();
    expect((await scene.find(missed)).fate).toBe("open");

    await comeBack(scene);
    const returned = await until(
      () => scene.find(missed),
      (found) => found.fate === "returned" && found.notice?.status === "cancelled",
    );
    expect(events(returned)).toContain("customer.returned");
    scene.clock.advance(61_000);
    await scene.untilFate(stranger, "notified");
    expect(scene.mails()).toHaveLength(1);
  });

  test("what waited for Genesys Cloud at a restart goes in after it, in order, under the same ids", async () => {
    const scene = await startScene(engine);
    scene.genesys.onRequest = () => ({ status: 503 });
    const ids = [await write(scene, "one"), await write(scene, "two")];
    await until(() => asked(scene, "message").length > 0);
    await scene.restart();
    takeAll(scene);
    for (const id of ids) await untilFate(scene, id, "accepted");
    const taken = asked(scene, "message").slice(-2);
    expect(taken.map(({ body }) => body.channel.messageId)).toEqual(ids);
  });

  test("an answer that is lost is asked for again under the same channel.messageId", async () => {
    const scene = await startScene(engine);
    let lost = false;
    scene.genesys.onRequest = () => {
      if (lost) return { status: 200, body: { id: newGenesysId() } };
      lost = true;
      return "drop";
    };
    const id = await write(scene, "hello");
    expect(await untilFate(scene, id, "accepted")).toMatchObject({ delivery: { attempts: 2 } });
    expect(asked(scene, "message").map(({ body }) => body.channel.messageId)).toEqual([id, id]);
  });

  const from = customer;
  const text = "hello";
  const integration = "harborline-chat";
  const photo = { mediaType: "Image" };
  test.each<[string, string, unknown, string | undefined]>([
    ["no from.id", "messages", { integration, messageId: "1", from: { idType: "Email" }, text }, "from.id"],
    [
      "an empty from.id",
      "messages",
      { integration, messageId: "1", from: { id: "", idType: "Email" }, text },
      "from.id",
    ],
    [
      "an unknown idType",
      "messages",
      { integration, messageId: "1", from: { id: "a", idType: "Fax" }, text },
      "from.idType",
    ],
    ["an unknown integration", "messages", { integration: "x", messageId: "1", from, text }, "integration"],
    ["no messageId", "messages", { integration, from, text }, "messageId"],
    ["nothing to say", "messages", { integration, messageId: "1", from }, "text"],
    ["an empty text", "messages", { integration, messageId: "1", from, text: "" }, "text"],
    ["a time that is none", "messages", { integration, messageId: "1", from, text, at: "yesterday" }, "at"],
    [
      "nested attributes",
      "messages",
      { integration, messageId: "1", from, text, customAttributes: { a: {} } },
      "customAttributes.a",
    ],
    [
      "a javascript: URL",
      "messages",
      { integration, messageId: "1", from, attachments: [{ ...photo, url: "javascript:alert(1)" }] },
      "attachments.0.url",
    ],
    [
      "a file: URL",
      "messages",
      { integration, messageId: "1", from, attachments: [{ ...photo, url: "file:///etc/passwd" }] },
      "attachments.0.url",
    ],
    ["an unknown event", "events", { integration, from, type: "sleeping" }, "type"],
    [
      "a response without a payload",
      "responses",
      { integration, messageId: "1", from, originatingMessageId: "2", response: { type: "Button", text } },
      "response.payload",
    ],
    ["an array", "messages", [], undefined],
  ])("%s is a 400 that names the field", async (_, route, body, field) => {
    const scene = await startScene(engine);
    const answer = await scene.tell(route, body);
    expect({ status: answer.status, ...JSON.parse(answer.text) }).toEqual({
      status: 400,
      error: { code: "invalid_field", message: expect.any(String), ...(field === undefined ? {} : { field }) },
    });
  });

  test("an attachment of a private network is refused, unless the adapter is of one itself", async () => {
    const far = {
      type: "http",
      url: "https://adapter.example/deliver",
      secret: `whsec_${Buffer.alloc(24, 7).toString("base64")}`,
    };
    const scene = await startScene(engine, { channels: { far } });
    takeAll(scene);
    const body = {
      integration,
      messageId: "1",
      from,
      attachments: [{ ...photo, url: "http://169.254.169.254/latest/meta-data/" }],
    };
    const signed = scene.adapter.sign(body);
    const answer = await scene.call("POST", "/channels/far/messages", signed.headers, signed.text);
    expect([answer.status, JSON.parse(answer.text).error.field]).toEqual([400, "attachments.0.url"]);
    expect((await scene.tell("messages", body)).status).toBe(202);
  });

  test("10,000 characters, and characters of every kind, go in whole", async () => {
    const scene = await startScene(engine);
    takeAll(scene);
    const long = `${"Grüße 👩‍👩‍👧 \u0000 ".repeat(800)}end`;
    expect(long.length).toBeGreaterThan(10_000);
    const id = await write(scene, long, { from: { id: "with\u0000nul", idType: "Opaque" } });
    await untilFate(scene, id, "accepted");
    expect(asked(scene, "message")[0]?.body).toMatchObject({ text: long, channel: { from: { id: "with\u0000nul" } } });
  });
});
