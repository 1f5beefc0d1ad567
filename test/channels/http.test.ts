import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { Outcome } from "../../src/channels/channel";
import { createHttpChannel, type HttpChannelSettings } from "../../src/channels/http";
import { reasonCodes } from "../../src/message/message";
import { verifyStandardWebhook } from "../../src/standard-webhooks";
import { deliveryOf, messageFields, retry, textMessage } from "./deliveries";
import { answerWith, findDeadUrl, startLocalServer, type Answer, type LocalServer } from "./local-server";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const now = new Date("2026-11-20T10:00:00.000Z");
const closing: (() => Promise<void> | undefined)[] = [];
let adapter: LocalServer;

beforeEach(async () => {
  adapter = await startLocalServer();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await adapter.stop();
});

function createChannel(overrides: Partial<HttpChannelSettings> = {}) {
  const channel = createHttpChannel(
    {
      name: "chat",
      url: `${adapter.url}/deliver?tenant=7`,
      secret,
      confirms: "delivered",
      timeoutMs: 5_000,
      retry,
      ...overrides,
    },
    { now: () => now },
  );
  closing.push(async () => channel.close?.());
  return channel;
}

async function sendAnswered(answer: Answer): Promise<Outcome> {
  adapter.answer(answer);
  return createChannel().send(deliveryOf());
}

const triedAgain = (code: string, answer: unknown, retryAfterMs?: number) => ({
  status: "failed",
  retryable: true,
  reason: { code, message: expect.any(String) },
  answer,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});

describe("the request", () => {
  test("is a signed POST of the delivery", async () => {
    const delivery = deliveryOf(textMessage(), { attempt: 3 });
    await createChannel().send(delivery);

    expect(adapter.received).toHaveLength(1);
    const [request] = adapter.received;
    expect(request).toMatchObject({ method: "POST", path: "/deliver?tenant=7" });
    expect(request?.headers).toMatchObject({ "content-type": "application/json", "webhook-id": delivery.deliveryId });
    expect(JSON.parse(String(request?.body))).toEqual({
      type: "message.outbound",
      deliveryId: delivery.deliveryId,
      attempt: 3,
      message: delivery.message,
    });
    const check = { secret, headers: request?.headers ?? {}, body: request?.body ?? "", now };
    expect(verifyStandardWebhook(check)).toEqual({ ok: true, id: delivery.deliveryId, signedAt: now });
  });

  test("carries the webhook's own text as raw, however deep it is nested", async () => {
    const depth = 50_000;
    const body = Buffer.from(`\ufeff {"type":"Text","n":1.0,"deep":${"[".repeat(depth)}${"]".repeat(depth)}}\n`);
    const delivery = deliveryOf(textMessage({ raw: JSON.parse(String(body).trim()) }), {
      original: { body, headers: {} },
    });
    expect(await createChannel().send(delivery)).toMatchObject({ status: "accepted" });

    const text = String(adapter.received[0]?.body);
    expect(text).toContain('"raw":{"type":"Text","n":1.0,"deep":[[[');
    expect(JSON.parse(text)).toMatchObject({ message: { id: delivery.message.id, raw: { type: "Text", n: 1 } } });
  });

  test("leaves out what is nested too deeply to be written, and goes out", async () => {
    let deep: unknown = [];
    for (let level = 0; level < 50_000; level += 1) deep = [deep];
    const elements = [{ contentType: "Form", form: deep }];
    await createChannel().send(deliveryOf({ kind: "structured", ...messageFields(), elements }));
    const { message } = JSON.parse(String(adapter.received[0]?.body));
    expect(message).toMatchObject({ kind: "structured", elements: [{ contentType: "Form" }] });
  });

  test("writes null for a body that is not kept any more", async () => {
    await createChannel().send(deliveryOf(textMessage({ raw: undefined })));
    expect(JSON.parse(String(adapter.received[0]?.body)).message.raw).toBeNull();
  });

  test("names a notice as one, with what to write and to whom", async () => {
    const notice = { to: "+436601234567", subject: "2 messages missed", text: "Marta wrote to you." };
    await createChannel().send(deliveryOf(textMessage(), { notice }));
    expect(JSON.parse(String(adapter.received[0]?.body))).toMatchObject({ type: "notice.outbound", notice });
  });

  test("keeps its connections for the next ones", async () => {
    adapter.answer(answerWith(200, { status: "accepted" }));
    const channel = createChannel();
    for (let attempt = 1; attempt <= 6; attempt += 1) await channel.send(deliveryOf(textMessage(), { attempt }));
    // undici rests a connection for one turn of the event loop, so a second one may fill in.
    expect(adapter.connections()).toBeLessThanOrEqual(2);
  });
});

describe("an acceptance", () => {
  test.each([
    ["an empty body", answerWith(204), { status: "accepted", answer: "HTTP 204" }],
    ["white space", answerWith(200, " \r\n"), { status: "accepted", answer: "HTTP 200" }],
    ["accepted", answerWith(202, { status: "accepted" }), { status: "accepted", answer: "HTTP 202" }],
    [
      "delivered, with an id",
      answerWith(200, { status: "delivered", providerMessageId: "wa-17" }),
      { status: "delivered", providerMessageId: "wa-17", answer: "HTTP 200" },
    ],
    [
      "an id that is a number",
      answerWith(200, { status: "accepted", providerMessageId: 4711 }),
      { status: "accepted", providerMessageId: "4711", answer: "HTTP 200" },
    ],
    [
      "no id",
      answerWith(200, { status: "accepted", providerMessageId: null }),
      { status: "accepted", answer: "HTTP 200" },
    ],
    [
      "an id no database keeps",
      answerWith(200, { status: "accepted", providerMessageId: "a\u0000b" }),
      { status: "accepted", answer: "HTTP 200" },
    ],
    [
      "an endless id",
      answerWith(200, { status: "accepted", providerMessageId: "x".repeat(513) }),
      { status: "accepted", answer: "HTTP 200" },
    ],
  ])("is read from %s", async (_, answer, expected) => {
    expect(await sendAnswered(answer)).toEqual(expected);
  });
});

describe("a refusal", () => {
  test.each(reasonCodes)("with %s ends the delivery", async (code) => {
    expect(await sendAnswered(answerWith(422, { code, message: "No such crew member.", details: {} }))).toEqual({
      status: "failed",
      retryable: false,
      reason: { code, message: "No such crew member." },
      answer: `HTTP 422 ${code}`,
    });
  });

  test("gives its reason without control characters, halves of characters and endless length", async () => {
    const message = `a\u0000b\n\ud800${"x".repeat(600)}`;
    const outcome = await sendAnswered(answerWith(404, { code: "InvalidDestination", message }));
    expect(outcome).toMatchObject({ reason: { message: `a b  ${"x".repeat(495)}` } });
  });

  test.each([
    ["a code of its own", answerWith(400, { code: "invalid_json", message: "no" }), "HTTP 400"],
    ["a code alone", answerWith(400, { code: "InvalidDestination" }), "HTTP 400"],
    ["another shape", answerWith(404, { error: { code: "InvalidDestination", message: "no" } }), "HTTP 404"],
    ["a page", answerWith(404, "<html>not found</html>"), "HTTP 404"],
    ["a wrong signature", answerWith(401, ""), "HTTP 401"],
    ["a fault of the server", answerWith(500, { code: "InvalidDestination", message: "no" }), "HTTP 500"],
    ["408", answerWith(408, { code: "InvalidDestination", message: "no" }), "HTTP 408"],
    ["425", answerWith(425, { code: "InvalidDestination", message: "no" }), "HTTP 425"],
    ["503", answerWith(503, ""), "HTTP 503"],
    ["a redirect", answerWith(307, "", { location: "http://127.0.0.1:1/" }), "HTTP 307"],
  ])("with %s is tried again", async (_, answer, said) => {
    expect(await sendAnswered(answer)).toEqual(triedAgain("ServerError", said));
  });

  test("with 429 is tried again as RateLimited, even with a reason", async () => {
    const answer = answerWith(429, { code: "RecipientOptedOut", message: "no" });
    expect(await sendAnswered(answer)).toEqual(triedAgain("RateLimited", "HTTP 429"));
  });
});

describe("nonsense", () => {
  test.each([
    ["text", "OK"],
    ["half an object", '{"status":"acc'],
    ["an array", "[]"],
    ["an empty object", "{}"],
    ["an error", '{"code":"InvalidDestination","message":"no"}'],
    ["an unknown status", '{"status":"queued"}'],
    ["null", "null"],
    ["a page", "<html></html>"],
  ])("in a 200 (%s) is tried again", async (_, body) => {
    expect(await sendAnswered(answerWith(200, body))).toEqual(triedAgain("ServerError", "HTTP 200, not understood"));
  });

  test("longer than 64 KB is tried again", async () => {
    const body = JSON.stringify({ status: "accepted", more: "x".repeat(70_000) });
    const outcome = await sendAnswered(answerWith(200, body));
    expect(outcome).toEqual(triedAgain("ServerError", "HTTP 200 cut short (UND_ERR_RES_EXCEEDED_MAX_SIZE)"));
  });

  test("of half a response is tried again", async () => {
    const outcome = await sendAnswered((response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write('{"status":"accepted"}', () => response.destroy());
    });
    expect(outcome).toEqual(triedAgain("ServerError", expect.stringMatching(/^HTTP 200 cut short \(UND_ERR_/)));
  });

  test("instead of HTTP is tried again", async () => {
    const server = createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")).listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(async () => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await createChannel({ url }).send(deliveryOf())).toMatchObject({ status: "failed", retryable: true });
  });
});

describe("no answer", () => {
  test("from a port where nothing listens is tried again, and no address is told", async () => {
    const outcome = await createChannel({ url: await findDeadUrl() }).send(deliveryOf());
    expect(outcome).toEqual(triedAgain("ServerError", "ECONNREFUSED"));
    expect(JSON.stringify(outcome)).not.toContain("127.0.0.1");
  });

  test("from a name that does not exist is tried again", async () => {
    const outcome = await createChannel({ url: "http://adapter.invalid/" }).send(deliveryOf());
    expect(outcome).toMatchObject({ status: "failed", retryable: true, reason: { code: "ServerError" } });
  });

  test("because the connection is dropped is tried again", async () => {
    const outcome = await sendAnswered((response) => response.destroy());
    expect(outcome).toEqual(triedAgain("ServerError", "UND_ERR_SOCKET"));
  });

  test("within the time limit is tried again", async () => {
    adapter.answer(() => {});
    const started = performance.now();
    const outcome = await createChannel({ timeoutMs: 200 }).send(deliveryOf());
    expect(outcome).toEqual(triedAgain("ServerError", "no answer in time"));
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  test("in whole within the time limit is tried again, though the head came and bytes keep dripping", async () => {
    let dripping: NodeJS.Timeout | undefined;
    adapter.answer((response) => {
      response.writeHead(200);
      dripping = setInterval(() => response.write(" "), 20);
    });
    const outcome = await createChannel({ timeoutMs: 200 }).send(deliveryOf());
    clearInterval(dripping);
    expect(outcome).toEqual(triedAgain("ServerError", "HTTP 200 cut short (no answer in time)"));
  });

  test("while connecting is tried again within the time limit", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    expect(await createChannel({ url, timeoutMs: 200 }).send(deliveryOf())).toEqual(
      triedAgain("ServerError", "no answer in time"),
    );
  });
});

describe("Retry-After", () => {
  test.each([
    ["seconds on a 429", 429, "RateLimited", { "retry-after": "7" }, 7_000],
    ["seconds on a 503", 503, "ServerError", { "retry-after": "120" }, 120_000],
    ["seconds on a 404", 404, "ServerError", { "retry-after": "3" }, 3_000],
    ["a date", 503, "ServerError", { "retry-after": "Fri, 20 Nov 2026 10:00:30 GMT" }, 30_000],
    ["the longest of several", 429, "RateLimited", { "retry-after": ["1", "9"] }, 9_000],
  ])("is obeyed: %s", async (_, status, code, headers, retryAfterMs) => {
    const outcome = await sendAnswered(answerWith(status, "", headers));
    expect(outcome).toEqual(triedAgain(code, `HTTP ${status}`, retryAfterMs));
  });

  test("that says nothing is left out", async () => {
    const outcome = await sendAnswered(answerWith(503, "", { "retry-after": "soon" }));
    expect(outcome).not.toHaveProperty("retryAfterMs");
  });
});

describe("typing", () => {
  const typing = () => deliveryOf({ kind: "typing", ...messageFields(), typing: { type: "On", durationMs: 5_000 } });

  test("is posted once under its own type", async () => {
    adapter.answer(answerWith(503));
    await createChannel().sendTyping?.(typing());
    expect(adapter.received.map(({ body }) => JSON.parse(String(body)).type)).toEqual(["typing"]);
  });

  test("that nobody hears is no fault", async () => {
    const channel = createChannel({ url: await findDeadUrl() });
    await expect(channel.sendTyping?.(typing())).resolves.toBeUndefined();
  });
});

describe("what it declares", () => {
  test("is everything, unless the settings narrow it", () => {
    expect(createChannel().accepts).toEqual({ kinds: ["text", "media", "template", "structured"], typing: true });
    const accepts = { kinds: ["text"] as const, textLength: 1_000, typing: false };
    const narrowed = createChannel({ accepts });
    expect(narrowed).toMatchObject({ accepts, confirms: "delivered", repeatable: true, timeoutMs: 5_000 });
    expect(narrowed).not.toHaveProperty("sendTyping");
  });

  test("refuses a secret that is none before anything is sent", () => {
    expect(() => createChannel({ secret: "plain" })).toThrow(expect.objectContaining({ code: "invalid_field" }));
  });
});

describe("news of a customer's message that failed", () => {
  const failure = {
    type: "message.failed" as const,
    id: "0198f6a2-7000-7000-8000-000000000009",
    messageId: "hl-9",
    integration: "harborline-chat",
    integrationId: "2655b4c8-6386-5a64-8346-d47fed659046",
    from: { id: "mira", idType: "Opaque" },
    reason: { code: "ServerError" as const, message: "no" },
    at: "2026-09-14T08:21:07.113Z",
  };

  test.each([
    [204, { status: "accepted" }],
    [200, { status: "accepted" }],
    [404, { status: "failed", retryable: false }],
    [408, { status: "failed", retryable: true }],
    [429, { status: "failed", retryable: true }],
    [302, { status: "failed", retryable: true }],
    [500, { status: "failed", retryable: true }],
  ])("a %i means %j", async (status, outcome) => {
    adapter.answer(answerWith(status, "whatever"));
    expect(await createChannel().tellFailure?.(failure)).toMatchObject(outcome);
    const [request] = adapter.received;
    expect(JSON.parse(String(request?.body))).toEqual(failure);
    expect(request?.headers["webhook-id"]).toBe(failure.id);
  });
});
