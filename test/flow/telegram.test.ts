/** Customers on Telegram, from the Bot API into Genesys Cloud and back. */
import { type BotApiServer, botToken, startBotApiServer } from "../channels/bot-api-server";
import { type Detail, type Scene, type SceneOptions, startScene } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { type Body, newGenesysId } from "../helpers/webhook";

const chat = { id: 1001, type: "private", first_name: "Mira", username: "mira_h" };
const from = {
  id: 1001,
  is_bot: false,
  first_name: "Mira",
  last_name: "Holm",
  username: "mira_h",
  language_code: "de",
};
const sender = { id: "1001", idType: "Opaque", nickname: "mira_h", firstName: "Mira", lastName: "Holm" };
const publicUrl = "https://bridge.example";
const webhookSecret = "only-Telegram_knows";

let messages = 0;
function message(content: object): { message: object } {
  messages += 1;
  return { message: { message_id: messages, date: 1_789_373_945, chat, from, ...content } };
}

interface TelegramScene extends Scene {
  api: BotApiServer;
}

async function start(
  engine: "sqlite" | "postgres",
  channel: Body = {},
  options: SceneOptions = {},
): Promise<TelegramScene> {
  const api = await startBotApiServer();
  atEnd(api.stop);
  const telegram = { type: "telegram", token: botToken, url: api.url, timeoutSeconds: 5, ...channel };
  const scene = await startScene(engine, {
    ...{ publicUrl, integration: { channel: "telegram" }, channels: { telegram } },
    ...options,
  });
  scene.genesys.onRequest = () => ({ status: 200, body: { id: newGenesysId() } });
  return { ...scene, api };
}

/** What Genesys Cloud was sent of one kind, once it is that many. */
async function untilAsked(scene: Scene, kind: "message" | "structured/response", count: number) {
  const asked = () =>
    scene.genesys.requests
      .filter(({ path }) => path.includes(`/inbound/open/${kind}`))
      .map(({ body }) => body as Body & { channel: Body & { messageId: string } });
  return until(asked, (found) => found.length >= count);
}

const inbound = async (scene: Scene) =>
  (await scene.get<{ items: Detail[] }>("/api/v1/messages?direction=inbound")).items;

describe.each(engines)("on %s", (engine) => {
  test("a text goes into Genesys Cloud with what is known of its sender, and Telegram hears that it is safe", async () => {
    const scene = await start(engine);
    scene.api.inbox.happen(message({ text: "Is the ferry late?" }));
    const [asked] = await untilAsked(scene, "message", 1);
    expect(asked).toMatchObject({
      channel: { from: sender, time: "2026-09-14T08:19:05.000Z" },
      text: "Is the ferry late?",
    });
    await until(() => scene.api.inbox.waiting() === 0);
    const [item] = await inbound(scene);
    const { message: kept } = await scene.find(item?.id ?? "");
    expect(kept).toMatchObject({ raw: { telegramUpdate: { message: { text: "Is the ferry late?", chat } } } });
    expect(scene.api.inbox.asked[0]).toMatchObject({
      method: "getUpdates",
      parameters: { allowed_updates: ["message", "edited_message", "callback_query", "my_chat_member"] },
    });
  });

  test("updates that come again, before or after a restart, are known", async () => {
    const scene = await start(engine);
    const first = message({ text: "once" });
    scene.api.inbox.happen(first);
    await untilAsked(scene, "message", 1);
    scene.api.inbox.happen(first, { my_chat_member: { chat, from, date: 1, new_chat_member: { status: "kicked" } } });
    await until(() => scene.api.inbox.waiting() === 0);
    await scene.restart();
    scene.api.inbox.happen(first, message({ text: "last" }));
    expect((await untilAsked(scene, "message", 2)).map(({ text }) => text)).toEqual(["once", "last"]);
    expect((await inbound(scene)).map(({ kind }) => kind).sort()).toEqual(["event", "text", "text"]);
  });

  test("a tapped button becomes the response to the message it stood under", async () => {
    const scene = await start(engine);
    await scene.say("1001", {}, "structured-quick-replies");
    const shown = await until(() => scene.api.shown.find(({ method }) => method === "sendMessage"));
    const markup = shown?.reply_markup as { inline_keyboard: { text: string; callback_data: string }[][] } | undefined;
    const [tapped] = markup?.inline_keyboard[1] ?? [];
    const query = { id: "q1", from, data: tapped?.callback_data, message: { message_id: 1, date: 1, chat } };
    scene.api.inbox.happen({ callback_query: query });
    const [asked] = await untilAsked(scene, "structured/response", 1);
    expect(asked).toMatchObject({
      channel: { from: sender },
      buttonResponse: { type: "QuickReply", text: tapped?.text, payload: expect.any(String) },
      originatingMessageId: expect.any(String),
    });
    await until(() => scene.api.inbox.asked.some(({ method }) => method === "answerCallbackQuery"));

    // The button of a message to somebody else, or of none, is no more than its words.
    const stranger = { ...query, id: "q2", message: { ...query.message, chat: { ...chat, id: 1009 } } };
    const keyboard = { inline_keyboard: [[{ text: "Old offer", callback_data: "gone:1.1" }]] };
    const old = { ...query, id: "q3", data: "gone:1.1", message: { ...query.message, reply_markup: keyboard } };
    scene.api.inbox.happen({ callback_query: stranger }, { callback_query: old });
    expect((await untilAsked(scene, "message", 1)).map(({ text }) => text)).toEqual(["Old offer"]);
    expect(await untilAsked(scene, "structured/response", 1)).toHaveLength(1);
  });
});

test("a file is handed on by a link that opens it for a while, and shows no token", async () => {
  const scene = await start("sqlite");
  const content = Buffer.from("\x89PNG a picture of a ferry");
  const photo = [
    { file_id: "photo-small", file_size: 10 },
    { file_id: "photo-large", file_size: 99 },
  ];
  scene.api.inbox.files.set("photo-large", { path: "photos/file_1.jpg", content });
  scene.api.inbox.happen(message({ photo, caption: "this one" }));
  const [asked] = await untilAsked(scene, "message", 1);
  const { text, content: contents } = asked as unknown as { text: string; content: { attachment: Body }[] };
  const attachment = contents[0]?.attachment;
  expect({ text, attachment }).toMatchObject({
    text: "this one",
    attachment: { mediaType: "Image", mime: "image/jpeg", filename: "photo.jpg" },
  });
  const url = String(attachment?.url);
  expect(url).toMatch(new RegExp(`^${publicUrl}/telegram/telegram/files/`));
  expect(url).not.toContain(botToken);

  const path = url.slice(publicUrl.length);
  const opened = await scene.call("GET", path);
  expect({ status: opened.status, type: opened.headers["content-type"], text: opened.text }).toEqual({
    ...{ status: 200, type: "image/jpeg" },
    text: content.toString("utf8"),
  });
  expect((await scene.call("GET", path.replace("photo-large", "photo-small"))).status).toBe(404);
  expect((await scene.call("GET", path.replace("/telegram/telegram/", "/telegram/chat/"))).status).toBe(404);
  scene.clock.advance(604_800_001);
  expect((await scene.call("GET", path)).status).toBe(404);
});

test("what is neither text nor file is told in words, and files without a way to them by their names", async () => {
  const scene = await start("sqlite", {}, { publicUrl: undefined });
  const location = { latitude: 48.2, longitude: 16.37 };
  scene.api.inbox.happen(
    message({ document: { file_id: "d", file_name: "booking.pdf", mime_type: "application/pdf" } }),
    message({ contact: { phone_number: "+43123456789", first_name: "Ada" } }),
    message({ location, venue: { title: "Pier 4", address: "Quay 1", location } }),
    message({ sticker: { file_id: "s", emoji: "👍" } }),
    message({ new_chat_members: [from] }),
    { edited_message: { ...message({ text: "better" }).message, edit_date: 1_789_373_999 } },
    { message: "not a message" },
  );
  expect((await untilAsked(scene, "message", 5)).map(({ text }) => text)).toEqual([
    "[booking.pdf]",
    "Ada +43123456789",
    "Pier 4, Quay 1\nhttps://www.openstreetmap.org/?mlat=48.2&mlon=16.37",
    "👍",
    "better",
  ]);
  await until(() => scene.api.inbox.waiting() === 0);
  expect(await inbound(scene)).toHaveLength(5);
});

test("a customer who blocks the bot is gone, and back when it is let in again", async () => {
  const scene = await start("sqlite");
  const change = (status: string) => ({ my_chat_member: { chat, from, date: 1, new_chat_member: { status } } });
  scene.api.inbox.happen(change("kicked"), change("member"));
  const items = await until(
    () => inbound(scene),
    (found) => found.length === 2,
  );
  expect(items.map(({ summary, fate }) => [summary, fate])).toEqual([
    ["[event Presence] Online", "noted"],
    ["[event Presence] Offline", "noted"],
  ]);
});

test("a webhook left behind is taken away before polling", async () => {
  const api = await startBotApiServer();
  atEnd(api.stop);
  api.inbox.useWebhook("https://old.example/");
  const telegram = { type: "telegram", token: botToken, url: api.url };
  await startScene("sqlite", { integration: { channel: "telegram" }, channels: { telegram } });
  const methods = () => api.inbox.asked.map(({ method }) => method);
  expect(await until(methods, (asked) => asked.length > 1)).toEqual(["getUpdates", "deleteWebhook"]);
});

test("Telegram's troubles are waited out, told once, and without the token", async () => {
  const scene = await start("sqlite", {}, { logLevel: "info" });
  scene.api.meet((call) => (call % 2 === 0 ? { status: 502, body: "bad gateway" } : undefined));
  scene.api.inbox.happen(message({ text: "through the storm" }), message({ text: "still here" }));
  expect(await untilAsked(scene, "message", 2)).toHaveLength(2);
  expect(scene.logged.join("")).not.toContain(botToken);
  scene.api.meet(() => undefined);
});

describe("by webhook", () => {
  const webhook = { updates: "webhook", webhookSecret };
  const proof = { "x-telegram-bot-api-secret-token": webhookSecret, "content-type": "application/json" };

  test("updates are stored before they are answered, from whoever shows the secret", async () => {
    const scene = await start("sqlite", webhook);
    const registered = await until(() => scene.api.inbox.asked.find(({ method }) => method === "setWebhook"));
    expect(registered?.parameters).toMatchObject({
      url: `${publicUrl}/telegram/telegram`,
      secret_token: webhookSecret,
    });

    const body = JSON.stringify({ update_id: 5, ...message({ text: "by webhook" }) });
    const post = (headers: object, text = body, path = "/telegram/telegram") => scene.call("POST", path, headers, text);
    expect((await post({})).status).toBe(401);
    expect((await post({ ...proof, "x-telegram-bot-api-secret-token": "guessed" })).status).toBe(401);
    expect((await post(proof, body, "/telegram/chat")).status).toBe(404);
    expect((await post(proof, "{}")).status).toBe(400);
    expect((await post(proof, "{")).status).toBe(400);
    expect(await inbound(scene)).toEqual([]);
    expect((await post(proof)).status).toBe(200);
    expect((await inbound(scene)).map(({ summary }) => summary)).toEqual(["by webhook"]);
    expect((await post(proof)).status).toBe(200);
    expect(await untilAsked(scene, "message", 1)).toHaveLength(1);
    expect(scene.api.inbox.asked.map(({ method }) => method)).toEqual(["setWebhook"]);
  });
});
