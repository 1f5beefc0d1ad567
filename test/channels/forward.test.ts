import { createHmac } from "node:crypto";
import { createForwardChannel } from "../../src/channels/forward";
import { deliveryOf, messageFields, retry, textMessage } from "./deliveries";
import { startExpressConnector } from "./express-connector";
import { answerWith, findDeadUrl, startLocalServer } from "./local-server";

const secret = "clé-secrète-très-longue-0002";
const now = new Date("2026-11-20T10:00:00.000Z");
const closing: (() => Promise<void> | undefined)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function createChannel(url: string, timeoutMs = 5_000) {
  const channel = createForwardChannel({ name: "legacy", url, secret, timeoutMs, retry }, { now: () => now });
  closing.push(async () => channel.close?.());
  return channel;
}

async function startMiddleware() {
  const middleware = await startLocalServer();
  closing.push(middleware.stop);
  return middleware;
}

function deliveryOfBody(body: Buffer, headers: Record<string, string> = {}) {
  return deliveryOf(textMessage(), { original: { body, headers } });
}

const webhook = {
  id: "90519fdfcda199f52d6757d95d97d47f",
  channel: { id: "2655b4c8", to: { id: "crew-7781" }, from: { id: "2655b4c8" }, time: "2026-09-14T08:21:07.113Z" },
  type: "Text",
  text: 'Σας ευχαριστώ 🙏 — fähre um 18:05\n"Pier 4"',
  direction: "Outbound",
};

test("a connector that checks the body written out again takes what the bridge hands on", async () => {
  const connector = await startExpressConnector(secret);
  closing.push(connector.stop);
  const body = Buffer.from(JSON.stringify(webhook));
  const headers = { "Content-Type": "application/json; charset=utf-8", "X-Tenant": "harborline" };

  expect(await createChannel(connector.url).send(deliveryOfBody(body, headers))).toEqual({
    status: "accepted",
    answer: "HTTP 200",
  });
  expect(connector.delivered).toEqual([
    { id: webhook.id, to: "crew-7781", type: "Text", text: webhook.text, tenant: "harborline" },
  ]);
});

test("a connector with another secret refuses, and the delivery is tried again", async () => {
  const connector = await startExpressConnector("another-secret-token");
  closing.push(connector.stop);
  const outcome = await createChannel(connector.url).send(deliveryOfBody(Buffer.from(JSON.stringify(webhook))));
  expect(outcome).toMatchObject({ status: "failed", retryable: true, answer: "HTTP 401" });
});

test("the bytes are the original ones, with a signature over them and without the headers of their first journey", async () => {
  const middleware = await startMiddleware();
  const body = Buffer.concat([Buffer.from('{ "n": 1.0,\r\n "text": "'), Buffer.from([0xff, 0xfe]), Buffer.from('" }')]);
  await createChannel(`${middleware.url}/in?a=1`).send(
    deliveryOfBody(body, {
      Host: "bridge.example",
      Connection: "close",
      "Content-Length": "1",
      "X-Forwarded-For": "203.0.113.9",
      "X-Hub-Signature-256": "sha256=old",
      "x-tenant": "harborline",
    }),
  );

  const [request] = middleware.received;
  expect(request?.path).toBe("/in?a=1");
  expect(request?.body.equals(body)).toBe(true);
  expect(request?.headers).toMatchObject({
    host: new URL(middleware.url).host,
    "content-length": String(body.length),
    "content-type": "application/json",
    "x-tenant": "harborline",
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("base64")}`,
  });
  expect(request?.headers).not.toHaveProperty("x-forwarded-for");
  expect(request?.headers.connection).toBe("keep-alive");
});

test.each([
  [answerWith(200, "anything at all"), { status: "accepted" }],
  [answerWith(204), { status: "accepted" }],
  [answerWith(302, "", { location: "/" }), { retryable: true, reason: { code: "ServerError" } }],
  [
    answerWith(404, { code: "InvalidDestination", message: "no" }),
    { retryable: true, reason: { code: "ServerError" } },
  ],
  [
    answerWith(429, "", { "retry-after": "4" }),
    { retryable: true, reason: { code: "RateLimited" }, retryAfterMs: 4_000 },
  ],
  [
    answerWith(503, "", { "retry-after": "9" }),
    { retryable: true, reason: { code: "ServerError" }, retryAfterMs: 9_000 },
  ],
])("an answer means accepted, or once more (%#)", async (answer, expected) => {
  const middleware = await startMiddleware();
  middleware.answer(answer);
  expect(await createChannel(middleware.url).send(deliveryOfBody(Buffer.from("{}")))).toMatchObject(expected);
});

test("no answer is tried again", async () => {
  const middleware = await startMiddleware();
  middleware.answer(() => {});
  const delivery = deliveryOfBody(Buffer.from("{}"));
  expect(await createChannel(middleware.url, 150).send(delivery)).toMatchObject({
    retryable: true,
    answer: "no answer in time",
  });
  expect(await createChannel(await findDeadUrl()).send(delivery)).toMatchObject({
    retryable: true,
    answer: "ECONNREFUSED",
  });
});

test("words of the bridge's own are not passed off as a webhook", async () => {
  const middleware = await startMiddleware();
  const channel = createChannel(middleware.url);
  const notice = { to: "ines@example.org", subject: "s", text: "t" };
  const refused = { status: "failed", retryable: false, reason: { code: "UnsupportedMessage" } };
  expect(await channel.send(deliveryOf())).toMatchObject(refused);
  expect(await channel.send({ ...deliveryOfBody(Buffer.from("{}")), notice })).toMatchObject(refused);
  expect(middleware.received).toHaveLength(0);
});

test("typing goes out once, as it came, and its fate is nobody's concern", async () => {
  const middleware = await startMiddleware();
  middleware.answer(answerWith(500));
  const body = Buffer.from('{"type":"Event"}');
  const typing = { kind: "typing" as const, ...messageFields(), typing: { type: "On", durationMs: 5_000 } };
  await createChannel(middleware.url).sendTyping?.(deliveryOf(typing, { original: { body, headers: {} } }));
  expect(middleware.received.map((request) => String(request.body))).toEqual(['{"type":"Event"}']);
});

test("every kind is taken, also what only a middleware can make sense of", () => {
  expect(createChannel("http://127.0.0.1:9/").accepts.kinds).toEqual(
    expect.arrayContaining(["text", "media", "template", "structured", "typing", "receipt", "event", "unsupported"]),
  );
});
