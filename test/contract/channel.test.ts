/** What holds for every channel, whatever it speaks: each driver below passes all of it. */
import type { Channel, OutboundDelivery } from "../../src/channels/channel";
import { createChannel } from "../../src/channels/index";
import { reasonCodes, type Message } from "../../src/message/message";
import { deliveryOf, messageFields, textMessage } from "../channels/deliveries";
import { agentlessEmailDriver, agentlessSmsDriver } from "./agentless-driver";
import type { ChannelDriver, Expectations, OtherSide } from "./driver";
import { emailDriver } from "./email-driver";
import { forwardDriver, httpDriver } from "./http-driver";
import { smsDriver } from "./sms-driver";
import { telegramDriver } from "./telegram-driver";

const words = "The ferry leaves at 18:05 from pier 4.";

const drivers = [
  httpDriver,
  forwardDriver,
  emailDriver,
  agentlessEmailDriver,
  smsDriver,
  agentlessSmsDriver,
  telegramDriver,
].map((driver) => ({ title: driver.type, ...driver }));

describe.each<ChannelDriver & Expectations>(drivers)("the $title channel", (driver) => {
  let other: OtherSide;
  const channels: Channel[] = [];

  beforeEach(async () => {
    other = await driver.start();
  });
  afterEach(async () => {
    await Promise.all(channels.splice(0).map((channel) => channel.close?.()));
    await other.stop();
  });

  function createOne(timeoutMs = 5_000, url = other.url): Channel {
    const channel = createChannel(driver.settings(url, timeoutMs), { now: () => new Date(), ...driver.deps?.(url) });
    channels.push(channel);
    return channel;
  }

  function delivery(message: Message = textMessage({ text: words, recipient: driver.recipient })): OutboundDelivery {
    return deliveryOf(message, {
      original: { body: Buffer.from(JSON.stringify({ type: "Text", text: words })), headers: {} },
    });
  }

  test("declares what it takes, what it can confirm, and whether it may be repeated", () => {
    const channel = createOne(1_234);
    expect(channel).toMatchObject({ type: driver.type, timeoutMs: 1_234, repeatable: driver.repeatable });
    expect(channel.confirms).toBe(driver.confirms);
    expect(channel.accepts.kinds).toContain("text");
    expect(channel.retry.maxAgeSeconds).toBeGreaterThan(0);
  });

  test("sends a message once and says that it was accepted", async () => {
    const outcome = await createOne().send(delivery());
    expect(outcome).toMatchObject({ status: "accepted", answer: expect.any(String) });
    expect(other.taken()).toBe(1);
  });

  test("sends many at the same time, and each gets its own answer", async () => {
    const channel = createOne();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, one) => channel.send({ ...delivery(), deliveryId: `delivery-${one}` })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(Array(20).fill("accepted"));
    expect(other.taken()).toBe(20);
  });

  test("tells a refusal for good from one that may pass", async () => {
    other.behave("refuses");
    const outcome = await createOne().send(delivery());
    expect(outcome).toMatchObject(
      driver.refusal === undefined
        ? { status: "failed", retryable: true }
        : { status: "failed", retryable: false, reason: { code: driver.refusal } },
    );
    expect(other.taken()).toBe(0);
  });

  test("comes back to one that is busy, and knows that it is busy", async () => {
    other.behave("is busy");
    expect(await createOne().send(delivery())).toMatchObject({
      status: "failed",
      retryable: true,
      reason: { code: "RateLimited" },
    });
  });

  test("comes back to one that is broken, and works once it is mended", async () => {
    other.behave("is broken");
    const channel = createOne();
    expect(await channel.send(delivery())).toMatchObject({ retryable: true, reason: { code: "ServerError" } });
    other.behave("accepts");
    expect(await channel.send({ ...delivery(), attempt: 2 })).toMatchObject({ status: "accepted" });
  });

  test("gives up on one that is silent when its time is over, and can be used again", async () => {
    other.behave("is silent");
    const channel = createOne(300);
    const started = performance.now();
    const outcome = await channel.send(delivery());
    // One that cannot tell a repeat is not sent to twice.
    expect(outcome).toMatchObject(
      driver.isAskedTwice ? { status: "failed", retryable: true } : { retryable: false, uncertain: true },
    );
    expect(performance.now() - started).toBeGreaterThan(250);
    expect(performance.now() - started).toBeLessThan(2_000);
    other.behave("accepts");
    expect(await channel.send({ ...delivery(), attempt: 2 })).toMatchObject({ status: "accepted" });
  });

  test("returns a failure when nobody listens", async () => {
    const gone = await driver.start();
    await gone.stop();
    expect(await createOne(1_000, gone.url).send(delivery())).toMatchObject({
      status: "failed",
      retryable: true,
      reason: { code: "ServerError" },
    });
  });

  test("speaks of failures in Genesys Cloud's codes, without words, recipients and addresses", async () => {
    const channel = createOne(300);
    for (const manner of ["refuses", "is busy", "is broken", "is silent"] as const) {
      other.behave(manner);
      const outcome = await channel.send(delivery());
      expect(outcome).toMatchObject({ status: "failed", reason: { message: expect.stringMatching(/\S/) } });
      expect(reasonCodes).toContain(outcome.status === "failed" ? outcome.reason.code : undefined);
      const told = JSON.stringify(outcome);
      for (const secret of [words, driver.recipient.id, new URL(other.url).host]) expect(told).not.toContain(secret);
    }
  });

  test.each(["text", "media", "template", "structured", "typing", "receipt", "event", "unsupported"] as const)(
    "answers for a message of kind %s, whatever it makes of it",
    async (kind) => {
      const outcome = await createOne().send(delivery(messageOf(kind, driver.recipient)));
      expect(["accepted", "delivered", "failed"]).toContain(outcome.status);
    },
  );

  test("answers for a message to nobody", async () => {
    const outcome = await createOne().send(delivery(textMessage({ recipient: { id: "", idType: "" } })));
    expect(["accepted", "failed"]).toContain(outcome.status);
  });

  test("stops without leaving a send unanswered", async () => {
    const channel = createOne();
    await channel.send(delivery());
    await channel.close?.();
    expect(await channel.send(delivery())).toMatchObject({ status: "failed", retryable: true });
    expect(other.taken()).toBe(1);
  });

  test("finishes what it holds before it stops", async () => {
    const channel = createOne();
    const sent = channel.send(delivery());
    await channel.close?.();
    expect(["accepted", "failed"]).toContain((await sent).status);
  });
});

function messageOf(kind: Message["kind"], recipient: { id: string; idType: string }): Message {
  const fields = { ...messageFields(), recipient };
  const attachments = [{ mediaType: "Image", url: "https://files.example/pass.png", filename: "pass.png" }];
  switch (kind) {
    case "text":
      return { kind, ...fields, text: words };
    case "media":
      return { kind, ...fields, attachments };
    case "template":
      return {
        kind,
        ...fields,
        template: { id: "ns@pass", body: { text: "Hello {{1}}", parameters: [{ text: "Ines" }] } },
      };
    case "structured":
      return {
        kind,
        ...fields,
        elements: [{ contentType: "QuickReply", quickReply: { text: "Yes", payload: "yes" } }],
      };
    case "typing":
      return { kind, ...fields, typing: { type: "On", durationMs: 5_000 } };
    case "receipt":
      return { kind, ...fields, receipt: { status: "Published", messageId: "m-1" } };
    case "event":
      return { kind, ...fields, event: { eventType: "Presence" } };
    case "unsupported":
      return { kind, ...fields };
    default:
      return kind satisfies never;
  }
}
