/** A message of every kind, as the bridge makes them of webhook bodies. */
import { randomUUID } from "node:crypto";
import type { OutboundDelivery } from "../channels/channel";
import { degrade, writePart } from "../message/degrade";
import type { Message } from "../message/message";
import { normalize } from "../message/normalize";

const integrationId = "2655b4c8-6386-5a64-8346-d47fed659046";

export interface Samples {
  text(text: string, changes?: Record<string, unknown>): Message;
  /** Of every kind that is delivered, and the elements customers meet most. */
  kinds(): { name: string; message: Message }[];
  typing(): Message;
  /** A text too long for one message, as the parts in which a channel with a limit gets it. */
  parts(): { message: Message; part: NonNullable<OutboundDelivery["part"]> }[];
}

/** Each message is new: nobody may know its id. */
export function createSamples(recipient: { id: string; idType: string }, now: () => Date): Samples {
  function make(content: Record<string, unknown>): Message {
    const id = randomUUID().replaceAll("-", "");
    const body = {
      id,
      channel: {
        id: integrationId,
        platform: "Open",
        type: "Private",
        messageId: id,
        to: recipient,
        from: { nickname: "Adapter test", id: integrationId, idType: "Opaque" },
        time: now().toISOString(),
      },
      originatingEntity: "Human",
      direction: "Outbound",
      conversationId: randomUUID(),
      ...content,
    };
    return normalize(body, { id: randomUUID(), integration: "adapter-test", integrationId });
  }
  const structured = (text: string | undefined, ...content: object[]) =>
    make({ type: "Structured", ...(text === undefined ? {} : { text }), content });
  const text = (words: string, changes: Record<string, unknown> = {}) =>
    make({ type: "Text", text: words, ...changes });

  return {
    text,
    kinds: () => [
      { name: "text", message: text("Adapter test: a text. Σας ευχαριστώ, 謝謝 🙏🏽") },
      { name: "media", message: make({ type: "Text", text: "Adapter test: a picture.", content: [picture] }) },
      { name: "media without words", message: make({ type: "Text", content: [picture] }) },
      { name: "template", message: structured(undefined, { contentType: "Notification", template }) },
      { name: "quick replies", message: structured("Adapter test: tea or coffee?", ...replies) },
      { name: "card", message: structured(undefined, { contentType: "Card", card }) },
      {
        name: "an element nobody knows",
        message: structured("Adapter test: a text beside it.", { contentType: "Hologram", hologram: { depth: 3 } }),
      },
    ],
    typing: () => make({ type: "Event", events: [{ eventType: "Typing", typing: { type: "On", duration: 5000 } }] }),
    parts() {
      const whole = text(Array.from({ length: 90 }, (_, line) => `Adapter test: line ${line + 1} of many.`).join("\n"));
      const parts = degrade(whole, { kinds: ["text"], textLength: 1000 });
      return parts.map((part, index) => ({
        message: writePart(whole, part),
        part: { number: index + 1, count: parts.length },
      }));
    },
  };
}

const picture = {
  contentType: "Attachment",
  attachment: {
    id: "c1d2e3f4-0000-4000-8000-000000000001",
    mediaType: "Image",
    url: "https://media.example/adapter-test/harbour.png",
    mime: "image/png",
    filename: "harbour.png",
  },
};

const template = {
  id: "adapter_test",
  language: "en_US",
  header: { type: "Text", text: "Adapter test" },
  body: { text: "Your ferry leaves at {{1}}.", parameters: [{ name: "1", text: "18:05" }] },
  footer: { text: "Reply STOP to hear no more." },
};

const replies = ["Tea", "Coffee"].map((choice) => ({
  contentType: "QuickReply",
  quickReply: { text: choice, payload: choice.toLowerCase(), action: "Message" },
}));

const card = {
  title: "Adapter test: a card",
  description: "Cabin with a view",
  image: "https://media.example/adapter-test/cabin.png",
  actions: [
    { type: "Postback", text: "Book", payload: "book" },
    { type: "Link", text: "Look", url: "https://harborline.example/cabins" },
  ],
};
