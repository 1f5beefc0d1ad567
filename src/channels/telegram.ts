/** The channel to customers on Telegram, through a bot (https://core.telegram.org/bots/api). */
import type { Accepts } from "../message/accepts";
import { writeButtons } from "../message/buttons";
import { degrade } from "../message/degrade";
import { type Button, showElement } from "../message/elements";
import { writeLink } from "../message/media";
import type { Attachment, Element, Message } from "../message/message";
import type { Channel, OutboundDelivery, Outcome, RetryRule } from "./channel";
import { createHttpExchange, type HttpAnswer } from "../outgoing/exchange";
import { narrowAccepts } from "./narrow-accepts";
import { judgeTelegramAnswer } from "./telegram-outcome";

export interface TelegramChannelSettings {
  name: string;
  /** As @BotFather gave it. */
  token: string;
  /** The Bot API server. @default https://api.telegram.org */
  url?: string;
  timeoutMs: number;
  retry: RetryRule;
  /** Narrows what customers are shown. */
  accepts?: Partial<Accepts> | undefined;
}

/** What a chat with a bot can show: methods `sendMessage`, `sendPhoto` and the like; 20 MB is what Telegram fetches from a URL. */
export const telegramShows: Accepts = {
  kinds: ["text", "media"],
  textLength: 4096,
  captionLength: 1024,
  mediaBytes: 20_000_000,
  oneByOne: true,
  buttons: 100,
  buttonTextLength: 64,
  linkButtons: true,
  typing: true,
};

/** One message in a chat. */
interface Post {
  text: string;
  media?: Attachment;
  buttons: Button[];
  keyboard: object[][];
}

/**
 * Makes the channel. `recipient.id` is the chat's number. What Telegram does not take as it is (a picture it cannot fetch, a link it does
 * not like) goes out as text.
 *
 * Not repeatable: the Bot API takes the same message twice, and tells nobody's reading.
 */
export function createTelegramChannel(settings: TelegramChannelSettings): Channel {
  const url = new URL(settings.url ?? "https://api.telegram.org");
  const exchange = createHttpExchange({ origin: url.origin, timeoutMs: settings.timeoutMs });
  const base = `${url.pathname.replace(/\/$/, "")}/bot${settings.token}`;
  const accepts = narrowAccepts(telegramShows, settings.accepts);

  function call(method: string, parameters: object, timeoutMs?: number): Promise<HttpAnswer> {
    const headers = { "content-type": "application/json" };
    return exchange.send({ path: `${base}/${method}`, headers, body: JSON.stringify(parameters), timeoutMs });
  }

  async function sendPost(chat: string, post: Post): Promise<Outcome> {
    const endsAt = performance.now() + settings.timeoutMs;
    const outcome = judgeTelegramAnswer(await call(...callFor(chat, post)));
    const isPlain = post.media === undefined && post.buttons.length === 0;
    const leftMs = Math.ceil(endsAt - performance.now());
    if (!isOfTheForm(outcome) || isPlain || leftMs <= 0) return outcome;
    return judgeTelegramAnswer(await call("sendMessage", { chat_id: chat, text: writePlainly(post) }, leftMs));
  }

  async function sendTyping({ message }: OutboundDelivery): Promise<void> {
    const chat = message.recipient.id;
    if (isChat(chat)) await call("sendChatAction", { chat_id: chat, action: "typing" });
  }

  return {
    name: settings.name,
    type: "telegram",
    accepts,
    confirms: "accepted",
    repeatable: false,
    timeoutMs: settings.timeoutMs,
    retry: settings.retry,

    async send(delivery) {
      const chat = delivery.notice?.to ?? delivery.message.recipient.id;
      if (!isChat(chat)) return refuse("InvalidDestination", "The recipient is no chat of Telegram.");
      const post = writePost(delivery);
      if (!post) return refuse("UnsupportedMessage", "Telegram can show nothing of this message.");
      return sendPost(chat, post);
    },

    /** A bot hears nothing of what became of a customer's message, and the customer is not written to unasked. */
    tellFailure: async () => ({ status: "accepted", answer: "nobody to tell" }),

    ...(accepts.typing && { sendTyping }),
    close: exchange.close,
  };
}

/**
 * Which button a customer tapped, by the `callback_data` Telegram gives back: the delivery's id, the part of the message, and the button's
 * number, because a payload of Genesys Cloud may be longer than the 64 bytes that fit. The caller checks that the delivery is the
 * customer's own.
 *
 * @param accepts of the channel that sent the message
 * @returns undefined when the message has no such button
 */
export function findTappedButton(message: Message, callbackData: string, accepts = telegramShows): Button | undefined {
  const tapped = readCallbackData(callbackData);
  const part = tapped && degrade(message, accepts)[tapped.part - 1];
  if (!part || (part.kind !== "text" && part.kind !== "media")) return undefined;
  return (part.buttons ?? listButtons(part.elements)).filter(isReply)[tapped.button - 1];
}

/** What {@link createTelegramChannel} wrote into a button, numbers counted from 1; undefined for any other text. */
export function readCallbackData(text: string): { deliveryId: string; part: number; button: number } | undefined {
  const [, deliveryId, part, button] = /^(.+):(\d{1,4})\.(\d{1,4})$/.exec(text) ?? [];
  return deliveryId === undefined ? undefined : { deliveryId, part: Number(part), button: Number(button) };
}

/** What the bridge hands over is degraded already: a text, or one picture or file, with buttons as elements. */
function writePost({ deliveryId, message, notice, part }: OutboundDelivery): Post | undefined {
  if (notice) return { text: notice.text, buttons: [], keyboard: [] };
  if (message.kind !== "text" && message.kind !== "media") return undefined;
  const [media, ...others] = message.attachments ?? [];
  const buttons = listButtons(message.elements);
  const replies = buttons.filter(isReply);
  const keyboard = buttons.map((button) => [
    isReply(button)
      ? { text: button.text, callback_data: `${deliveryId}:${part?.number ?? 1}.${replies.indexOf(button) + 1}` }
      : { text: button.text, url: button.url },
  ]);
  const text = [message.text, ...others.map(writeLink)].filter(Boolean).join("\n");
  return { text, ...(media?.url !== undefined && { media }), buttons, keyboard };
}

function listButtons(elements: readonly Element[] = []): Button[] {
  const buttons = elements.flatMap(showElement).flatMap((block) => block.buttons ?? []);
  return buttons.filter((button) => isReply(button) || button.type === "link");
}

function isReply({ type }: Button): boolean {
  return type === "reply";
}

/** Method and parameters for a post as it is. */
function callFor(chat: string, { media, text, keyboard }: Post): [method: string, parameters: object] {
  const markup = keyboard.length > 0 ? { reply_markup: { inline_keyboard: keyboard } } : {};
  if (!media) return ["sendMessage", { chat_id: chat, text, ...markup }];
  const caption = text === "" ? {} : { caption: text };
  const [method, field] = chooseMethod(media);
  return [method, { chat_id: chat, [field]: media.url, ...caption, ...markup }];
}

function chooseMethod({ mediaType, mime }: Attachment): [method: string, field: string] {
  if (mime?.toLowerCase().startsWith("image/gif")) return ["sendAnimation", "animation"];
  switch (mediaType.toLowerCase()) {
    case "image":
      return ["sendPhoto", "photo"];
    case "video":
      return ["sendVideo", "video"];
    case "audio":
      return ["sendAudio", "audio"];
    default:
      return ["sendDocument", "document"];
  }
}

/** A refusal of the picture, the link or the keyboard, and not of the chat. */
function isOfTheForm(outcome: Outcome): boolean {
  return outcome.status === "failed" && outcome.reason.code === "InvalidMessageStructure";
}

function writePlainly({ text, media, buttons }: Post): string {
  return [text, media && writeLink(media), ...writeButtons(buttons)].filter(Boolean).join("\n");
}

/** A number only: `@name` would be a public channel, and recipients' ids come from strangers. */
function isChat(id: string): boolean {
  return /^-?\d{1,19}$/.test(id);
}

function refuse(code: "InvalidDestination" | "UnsupportedMessage", message: string): Outcome {
  return { status: "failed", retryable: false, reason: { code, message }, answer: "not sent" };
}
