import type { Channel, OutboundDelivery, Outcome } from "../../src/channels/channel";
import { createTelegramChannel, findTappedButton, readCallbackData } from "../../src/channels/telegram";
import { degrade, writePart } from "../../src/message/degrade";
import type { Message } from "../../src/message/message";
import { normalize } from "../../src/message/normalize";
import { type BotApiServer, botToken, refuse, startBotApiServer } from "./bot-api-server";
import { deliveryOf, messageFields, retry, textMessage } from "./deliveries";
import { findDeadUrl } from "./local-server";

const closing: (() => Promise<void> | undefined)[] = [];
let api: BotApiServer;
beforeEach(async () => {
  api = await startBotApiServer();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await api.stop();
});

function createChannel(overrides: { url?: string; token?: string; timeoutMs?: number } = {}) {
  const settings = { name: "telegram", token: botToken, url: api.url, timeoutMs: 5_000, retry, ...overrides };
  const channel = createTelegramChannel(settings);
  closing.push(async () => channel.close?.());
  return channel;
}

const open = { id: "1001", idType: "Opaque" };
function textTo(id: string, text = "Good morning, this is Marta."): OutboundDelivery {
  return deliveryOf(textMessage({ text, recipient: { id, idType: "Opaque" } }));
}

/** A delivery of what Genesys Cloud sends for these content elements. */
function contentDelivery(content: object[], text?: string): OutboundDelivery {
  const { id, integration, integrationId } = messageFields();
  const body = { id: "m1", type: "Structured", direction: "Outbound", channel: { to: open }, content, text };
  return deliveryOf(normalize(body, { id, integration, integrationId }));
}

const image = { mediaType: "Image", url: "https://files.example/pier.jpg", mime: "image/jpeg" };
function mediaDelivery(
  attachments: Extract<Message, { kind: "media" }>["attachments"],
  text?: string,
): OutboundDelivery {
  return deliveryOf({
    kind: "media",
    ...messageFields(),
    recipient: open,
    attachments,
    ...(text !== undefined && { text }),
  });
}

/** As the bridge does it: degraded to what the channel accepts, one part after the other. */
async function sendInParts(channel: Channel, delivery: OutboundDelivery): Promise<Outcome[]> {
  const parts = degrade(delivery.message, channel.accepts);
  const outcomes: Outcome[] = [];
  for (const [index, shown] of parts.entries()) {
    const part = parts.length > 1 ? { part: { number: index + 1, count: parts.length } } : {};
    outcomes.push(await channel.send({ ...delivery, message: writePart(delivery.message, shown), ...part }));
  }
  return outcomes;
}

describe("what a customer sees", () => {
  test("is the text, and its place in the chat is remembered", async () => {
    expect(await createChannel().send(textTo("1001", "Fähre um 18:05 🙏 <b>&amp;"))).toEqual({
      status: "accepted",
      providerMessageId: "1001:1",
      answer: "HTTP 200",
    });
    expect(api.shown).toEqual([{ method: "sendMessage", chat_id: "1001", text: "Fähre um 18:05 🙏 <b>&amp;" }]);
  });

  test("is a long text in numbered pieces", async () => {
    const words = Array.from({ length: 1_500 }, (_, word) => `word${word}`).join(" ");
    await sendInParts(createChannel(), textTo("1001", words));
    expect(api.shown.length).toBeGreaterThan(1);
    expect(api.shown[0]?.text).toMatch(/^\(1\/\d\) word0 /);
    const all = api.shown.map(({ text }) => String(text).replace(/^\(\d+\/\d+\) /, "")).join(" ");
    expect(all).toBe(words);
  });

  test.each([
    ["Image", "image/jpeg", "sendPhoto", "photo"],
    ["Image", "image/gif", "sendAnimation", "animation"],
    ["Video", "video/mp4", "sendVideo", "video"],
    ["Audio", "audio/mpeg", "sendAudio", "audio"],
    ["File", "application/pdf", "sendDocument", "document"],
  ])("is %s of type %s as %s with its caption", async (mediaType, mime, method, field) => {
    const url = "https://files.example/one";
    await sendInParts(createChannel(), mediaDelivery([{ mediaType, mime, url }], "Have a look"));
    expect(api.shown).toEqual([{ method, chat_id: "1001", [field]: url, caption: "Have a look" }]);
  });

  test("is each of several attachments", async () => {
    const second = { ...image, url: "https://files.example/pier-4.jpg" };
    await sendInParts(createChannel(), mediaDelivery([image, second], "Two views"));
    expect(api.shown.filter(({ method }) => method === "sendPhoto").map(({ photo }) => photo)).toEqual([
      image.url,
      second.url,
    ]);
    expect(JSON.stringify(api.shown)).toContain("Two views");
  });

  test("is a link to what Telegram cannot fetch", async () => {
    api.unreachable.add(image.url);
    expect(await sendInParts(createChannel(), mediaDelivery([image], "The pier"))).toMatchObject([
      { status: "accepted" },
    ]);
    expect(api.shown).toEqual([{ method: "sendMessage", chat_id: "1001", text: `The pier\n${image.url}` }]);
  });

  test("is a keyboard for quick replies and cards", async () => {
    const card = {
      title: "Cabin upgrade",
      description: "A two-berth cabin is free.",
      actions: [
        { type: "Postback", text: "Take it", payload: "upgrade.yes" },
        { type: "Link", text: "See photos", url: "https://www.harborline.example/cabins" },
      ],
    };
    const delivery = contentDelivery([{ contentType: "Card", card }]);
    await sendInParts(createChannel(), delivery);
    expect(api.shown).toEqual([
      {
        method: "sendMessage",
        chat_id: "1001",
        text: expect.stringContaining("A two-berth cabin is free."),
        reply_markup: {
          inline_keyboard: [
            [{ text: "Take it", callback_data: `${delivery.deliveryId}:1.1` }],
            [{ text: "See photos", url: "https://www.harborline.example/cabins" }],
          ],
        },
      },
    ]);
  });

  test("is text where Telegram does not like a button's link", async () => {
    const actions = [{ type: "Link", text: "Local page", url: "http://localhost/page" }];
    await sendInParts(createChannel(), contentDelivery([{ contentType: "Card", card: { title: "Test", actions } }]));
    expect(api.shown).toEqual([
      {
        method: "sendMessage",
        chat_id: "1001",
        text: expect.stringMatching(/Test[^]*Local page: http:\/\/localhost\/page/),
      },
    ]);
  });

  test("is a notice in words", async () => {
    const notice = { to: "1001", subject: "1 message missed", text: "Marta wrote to you." };
    await createChannel().send(deliveryOf(textMessage(), { notice }));
    expect(api.shown).toEqual([{ method: "sendMessage", chat_id: "1001", text: "Marta wrote to you." }]);
  });

  test("is that somebody types", async () => {
    const typing = {
      kind: "typing" as const,
      ...messageFields(),
      recipient: open,
      typing: { type: "On", durationMs: 5_000 },
    };
    await createChannel().sendTyping?.(deliveryOf(typing));
    expect(api.shown).toEqual([{ method: "sendChatAction", chat_id: "1001", action: "typing" }]);
  });
});

describe("a tapped button", () => {
  const payload = "p".repeat(500);
  const replies = [
    { contentType: "QuickReply", quickReply: { text: "Seat", payload } },
    { contentType: "QuickReply", quickReply: { text: "Two-berth", payload: "cabin.two" } },
  ];

  async function listTappable(delivery: OutboundDelivery): Promise<string[]> {
    await sendInParts(createChannel(), delivery);
    const markups = api.shown.map((shown) => shown.reply_markup as { inline_keyboard: { callback_data?: string }[][] });
    return markups.flatMap((markup) => markup.inline_keyboard.flat().flatMap((button) => button.callback_data ?? []));
  }

  test("is found again by what Telegram gives back, however long its payload", async () => {
    const delivery = contentDelivery(replies, "Which cabin?");
    const [seat = "", berth = ""] = await listTappable(delivery);
    expect(readCallbackData(seat)).toEqual({ deliveryId: delivery.deliveryId, part: 1, button: 1 });
    expect(findTappedButton(delivery.message, seat)).toMatchObject({
      text: "Seat",
      payload,
      responseType: "QuickReply",
    });
    expect(findTappedButton(delivery.message, berth)).toMatchObject({ payload: "cabin.two" });
  });

  test("is found on each card of a carousel", async () => {
    const cards = ["Inside", "Outside"].map((title) => ({
      title,
      actions: [
        { type: "Link", text: "Photos", url: "https://www.harborline.example/cabins" },
        { type: "Postback", text: "Take it", payload: `take.${title}` },
      ],
    }));
    const delivery = contentDelivery([{ contentType: "Carousel", carousel: { cards } }]);
    const tappable = await listTappable(delivery);
    expect(tappable.map((data) => findTappedButton(delivery.message, data))).toMatchObject([
      { payload: "take.Inside", responseType: "Button" },
      { payload: "take.Outside", responseType: "Button" },
    ]);
  });

  test.each(["", "nonsense", ":0", "x:1", "x:1.0", "x:0.1", "x:1.3", "x:2.1", "x:99999.1", "x:-1.1"])(
    "is not found by %p",
    (data) => {
      expect(findTappedButton(contentDelivery(replies).message, data)).toBeUndefined();
    },
  );
});

describe("a refusal", () => {
  test.each([
    ["1002", "RecipientOptedOut", "HTTP 403"],
    ["1003", "InvalidDestination", "HTTP 403"],
    ["1999", "InvalidDestination", "HTTP 400"],
    ["@harborline", "InvalidDestination", "not sent"],
    ["ines@example.org", "InvalidDestination", "not sent"],
    ["", "InvalidDestination", "not sent"],
  ])("for chat %p is final: %s", async (chat, code, answer) => {
    expect(await createChannel().send(textTo(chat))).toEqual({
      status: "failed",
      retryable: false,
      reason: { code, message: expect.any(String) },
      answer,
    });
    expect(api.shown).toEqual([]);
  });

  test("because of too many messages is tried again after the wait Telegram asks for", async () => {
    api.meet(() => refuse(429, "Too Many Requests: retry after 3", { retry_after: 3 }));
    expect(await createChannel().send(textTo("1001"))).toMatchObject({
      retryable: true,
      retryAfterMs: 3_000,
      reason: { code: "RateLimited" },
    });
  });

  test.each([
    ["of the token", 401],
    ["of a trouble of Telegram's", 500],
    ["of a gateway", 502],
  ])("because %s is tried again", async (_, status) => {
    api.meet(() => refuse(status, "Trouble"));
    expect(await createChannel().send(textTo("1001"))).toMatchObject({
      retryable: true,
      reason: { code: "ServerError" },
    });
  });

  test("never tells the token", async () => {
    const token = "999:wrong-token";
    const outcomes = [
      await createChannel({ token }).send(textTo("1001")),
      await createChannel({ token, url: await findDeadUrl() }).send(textTo("1001")),
    ];
    expect(outcomes).toMatchObject([{ retryable: true }, { retryable: true }]);
    expect(JSON.stringify(outcomes)).not.toContain("wrong-token");
  });
});

test("a plain text instead of a picture shares one time limit with it", async () => {
  api.unreachable.add(image.url);
  api.meet((call) => (call === 2 ? "silence" : undefined));
  const started = performance.now();
  const [outcome] = await sendInParts(createChannel({ timeoutMs: 300 }), mediaDelivery([image]));
  expect(outcome).toMatchObject({ status: "failed", uncertain: true });
  expect(performance.now() - started).toBeLessThan(1_000);
});

test("a message that was not degraded first is refused and not garbled", async () => {
  const delivery = contentDelivery([{ contentType: "Card", card: { title: "Test", actions: [] } }]);
  expect(await createChannel().send(delivery)).toMatchObject({
    retryable: false,
    reason: { code: "UnsupportedMessage" },
  });
  expect(api.shown).toEqual([]);
});

describe("silence", () => {
  test("after the request is uncertain: Telegram would show a repeat", async () => {
    api.meet(() => "silence");
    const outcome = await createChannel({ timeoutMs: 200 }).send(textTo("1001"));
    expect(outcome).toMatchObject({ status: "failed", retryable: false, uncertain: true });
  });

  test("of a 200 that says nothing is uncertain", async () => {
    api.meet(() => ({ status: 200, body: "<html>" }));
    expect(await createChannel().send(textTo("1001"))).toMatchObject({ retryable: false, uncertain: true });
  });

  test("before the request is tried again", async () => {
    const outcome = await createChannel({ url: await findDeadUrl() }).send(textTo("1001"));
    expect(outcome).toMatchObject({ status: "failed", retryable: true });
    expect(outcome).not.toHaveProperty("uncertain");
  });
});

test("what it declares", () => {
  expect(createChannel()).toMatchObject({
    type: "telegram",
    confirms: "accepted",
    repeatable: false,
    accepts: { kinds: ["text", "media"], textLength: 4096, captionLength: 1024, oneByOne: true, typing: true },
  });
});
