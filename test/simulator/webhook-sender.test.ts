import CryptoJS from "crypto-js";
import { answerOk, customer, integrationId, secret, startBoth, startReceiver } from "./connector";

const to = { integrationId, recipient: customer };

describe("a webhook", () => {
  it("carries a signature over its exact bytes, JSON, and the headers of the integration", async () => {
    const { simulator, receiver, stop } = await startBoth();
    simulator.addIntegration({
      id: integrationId,
      name: "Harborline Chat",
      webhookUrl: receiver.url,
      secret,
      webhookHeaders: { "X-Bridge-Tenant": "harborline", "X-Hub-Signature-256": "sha256=forged" },
    });
    const raw = Buffer.from('{ "id":"1", "type": "Event",  "text":"fähre 🙏" }');
    const record = await simulator.sendOutbound(integrationId, raw);
    expect(record).toMatchObject({ ended: "accepted", attempts: [{ status: 200, copy: 0 }] });
    const [hook] = receiver.received;
    const words = CryptoJS.lib.WordArray.create(raw as unknown as number[]);
    const expected = CryptoJS.enc.Base64.stringify(CryptoJS.HmacSHA256(words, secret));
    expect(hook?.raw.equals(raw)).toBe(true);
    expect(hook?.headers).toMatchObject({
      "x-hub-signature-256": `sha256=${expected}`,
      "content-type": "application/json",
      "x-bridge-tenant": "harborline",
    });
    await stop();
  });

  it("keeps its connections open for the next", async () => {
    const { simulator, receiver, stop } = await startBoth();
    for (let count = 0; count < 10; count += 1) await simulator.say(to, `message ${count}`).sent;
    expect(new Set(receiver.received.map(({ socket }) => socket)).size).toBeLessThanOrEqual(2);
    await stop();
  });

  it.each([429, 500, 503])("is repeated after %i until it is taken, and the message is sent", async (status) => {
    let left = 2;
    const { simulator, receiver, stop } = await startBoth({}, (_hook, response) => {
      response.writeHead(left > 0 ? status : 202).end();
      left -= 1;
    });
    const said = simulator.say(to, "Good morning");
    const record = await said.sent;
    expect(record.attempts.map((attempt) => attempt.status)).toEqual([status, status, 202]);
    expect(record.ended).toBe("accepted");
    expect(new Set(receiver.received.map(({ raw }) => raw.toString())).size).toBe(1);
    expect(simulator.messageStatus(said.messageId)).toBe("sent");
    await stop();
  });

  it("waits the retry delay between the end of one attempt and the next", async () => {
    let left = 1;
    const { simulator, receiver, stop } = await startBoth(
      { webhooks: { timeoutMs: 150, retryDelayMs: 100 } },
      (_hook, response) => {
        left -= 1;
        if (left < 0) response.writeHead(200).end();
      },
    );
    const record = await simulator.say(to, "Slow").sent;
    const [first, second] = receiver.received;
    expect(record.attempts[0]?.error).toBe("timeout of 150ms exceeded");
    const apart = (second?.at ?? 0) - (first?.at ?? 0);
    expect(apart).toBeGreaterThanOrEqual(240);
    expect(apart).toBeLessThan(1000);
    await stop();
  });

  it("is given up after five retries, and the message has failed", async () => {
    const { simulator, receiver, stop } = await startBoth({}, (_hook, response) => response.writeHead(503).end());
    const said = simulator.say(to, "Nobody there");
    const record = await said.sent;
    expect(record.ended).toBe("gaveUp");
    expect(receiver.received).toHaveLength(6);
    expect(simulator.messageStatus(said.messageId)).toBe("delivery-failed");
    await stop();
  });

  it("is repeated when the connection is refused", async () => {
    const gone = await startReceiver();
    await gone.close();
    const { simulator, stop } = await startBoth({
      integrations: [{ id: integrationId, name: "Gone", webhookUrl: gone.url, secret }],
      webhooks: { timeoutMs: 200, retryDelayMs: 1, maxRetries: 2 },
    });
    const record = await simulator.say(to, "Anybody?").sent;
    expect(record.attempts).toHaveLength(3);
    expect(record.error).toMatch(/ECONNREFUSED/);
    await stop();
  });

  it("fails its message at once on any other 4xx, with the error as Genesys Cloud words it", async () => {
    const { simulator, receiver, stop } = await startBoth({}, (_hook, response) => response.writeHead(404).end());
    const said = simulator.say(to, "Wrong door");
    expect((await said.sent).ended).toBe("refused");
    expect(receiver.received).toHaveLength(1);
    expect(simulator.message(said.messageId)).toMatchObject({
      status: "delivery-failed",
      errorInfo: {
        code: "DELIVERY_FAILED",
        message:
          "Message delivery failed with the following payload: [GeneralError - Request failed with status code 404]",
        messageParams: { errorPayload: "GeneralError - Request failed with status code 404" },
      },
    });
    await stop();
  });

  it("ends as stopped when the simulator stops between two attempts", async () => {
    const { simulator, stop } = await startBoth({ webhooks: { retryDelayMs: 60_000 } }, (_hook, response) =>
      response.writeHead(500).end(),
    );
    const said = simulator.say(to, "Later");
    await new Promise((resolve) => setImmediate(resolve));
    await stop();
    expect((await said.sent).ended).toBe("stopped");
    expect(simulator.messageStatus(said.messageId)).toBe("queued");
  });
});

describe("a fault of the webhooks", () => {
  it("sends copies", async () => {
    const { simulator, receiver, stop } = await startBoth();
    simulator.faults.add({ webhook: integrationId, duplicates: 2, count: 1 });
    await simulator.say(to, "Thrice").sent;
    await simulator.say(to, "Once").sent;
    const texts = receiver.received.map(({ raw }) => (JSON.parse(raw.toString()) as { text: string }).text);
    expect(texts).toEqual(["Thrice", "Thrice", "Thrice", "Once"]);
    await stop();
  });

  it("lets the next webhook go first", async () => {
    const { simulator, receiver, stop } = await startBoth();
    simulator.faults.add({ webhook: "*", reorder: true, count: 1 });
    await Promise.all([simulator.say(to, "first").sent, simulator.say(to, "second").sent]);
    expect(receiver.received.map(({ json }) => json["text"])).toEqual(["second", "first"]);
    await stop();
  });

  it("loses answers, so that the retry brings the same message again", async () => {
    const { simulator, receiver, stop } = await startBoth({}, answerOk);
    simulator.faults.add({ webhook: "*", loseAnswers: 1, count: 1 });
    const record = await simulator.say(to, "Twice").sent;
    expect(record.attempts.map(({ error }) => error)).toEqual(["timeout of 200ms exceeded", undefined]);
    expect(receiver.received.map(({ json }) => json.id)).toEqual([record.messageId, record.messageId]);
    await stop();
  });
});
