/** Bodies of outbound webhooks, field by field and in the order Genesys Cloud was seen to write them. */
import { z } from "zod";
import { newEntityId, newMessageId } from "./ids";
import type { Customer, Integration } from "./state";

const text = z.string().min(1);
const fields = z.looseObject({});

const cardAction = z.looseObject({
  type: z.enum(["Link", "Postback"]),
  text: z.string().optional(),
  payload: z.string().optional(),
  url: z.string().optional(),
});
const card = z.looseObject({ title: text, description: z.string().optional(), actions: z.array(cardAction) });

const attachment = z.looseObject({
  mediaType: z.enum(["Image", "Video", "Audio", "File", "Link"]),
  url: z.string(),
  mime: z.string().optional(),
  filename: z.string().optional(),
  contentSizeBytes: z.number().optional(),
});

/** What an agent, a bot or a flow says. */
export const utterance = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("text"), text }),
  z.strictObject({ kind: z.literal("media"), text: text.optional(), attachment }),
  z.strictObject({
    kind: z.literal("template"),
    /** `namespace@name`; a canned response is `cannedresponse@ID`. */
    id: z.string().optional(),
    text: text.optional(),
    language: z.string().optional(),
    /** Values of the body's placeholders by name. */
    parameters: z.record(z.string(), z.string()).default({}),
    header: fields.optional(),
    buttons: z.array(fields).optional(),
    footer: fields.optional(),
  }),
  z.strictObject({
    kind: z.literal("quickReplies"),
    text,
    replies: z.array(z.looseObject({ text, payload: text, image: z.string().optional() })).min(1),
  }),
  z.strictObject({ kind: z.literal("card"), card }),
  z.strictObject({ kind: z.literal("carousel"), cards: z.array(card).min(1) }),
  z.strictObject({ kind: z.literal("datePicker"), datePicker: fields }),
  z.strictObject({ kind: z.literal("typing"), durationMs: z.int().positive().default(5000) }),
]);
export type Utterance = z.input<typeof utterance>;
type Spoken = z.infer<typeof utterance>;

export interface OutboundContext {
  integration: Integration;
  customer: Customer;
  conversationId: string;
  /** ISO 8601 UTC with milliseconds. */
  time: string;
  /** Absent on agentless sends. */
  originatingEntity?: "Human" | "Bot";
}

/** A webhook body with a fresh id. */
export function buildOutbound(what: Spoken, context: OutboundContext) {
  const id = newMessageId();
  const { integration, customer, conversationId, time } = context;
  return {
    id,
    channel: {
      id: integration.id,
      platform: "Open",
      type: "Private",
      to: { id: customer.id, idType: customer.idType ?? "Opaque" },
      from: { nickname: integration.name, id: integration.id, idType: "Opaque" },
      metadata: { subType: "None" },
      time,
      messageId: id,
    },
    ...buildContent(what),
    ...(what.kind === "typing" || context.originatingEntity === undefined
      ? {}
      : { originatingEntity: context.originatingEntity }),
    direction: "Outbound",
    conversationId,
  };
}
export type OutboundBody = ReturnType<typeof buildOutbound>;

function buildContent(what: Spoken) {
  switch (what.kind) {
    case "text":
      return { type: "Text", text: what.text };
    case "media":
      return {
        type: "Text",
        ...(what.text === undefined ? {} : { text: what.text }),
        content: [{ contentType: "Attachment", attachment: { id: newEntityId(), ...what.attachment } }],
      };
    case "template":
      return {
        type: "Structured",
        ...(what.text === undefined ? {} : { text: what.text }),
        content: [{ contentType: "Notification", template: buildTemplate(what) }],
      };
    case "quickReplies":
      return {
        type: "Structured",
        text: what.text,
        content: what.replies.map((reply) => ({
          contentType: "QuickReply",
          quickReply: { action: "Message", ...reply },
        })),
      };
    case "card":
      return { type: "Structured", content: [{ contentType: "Card", card: what.card }] };
    case "carousel":
      return { type: "Structured", content: [{ contentType: "Carousel", carousel: { cards: what.cards } }] };
    case "datePicker":
      return { type: "Structured", content: [{ contentType: "DatePicker", datePicker: what.datePicker }] };
    case "typing":
      return {
        type: "Event",
        events: [{ eventType: "Typing", typing: { type: "On", duration: what.durationMs } }],
      };
    default:
      return what satisfies never;
  }
}

function buildTemplate({
  id,
  text: bodyText,
  language,
  parameters,
  header,
  buttons,
  footer,
}: Spoken & { kind: "template" }) {
  const body = {
    ...(bodyText === undefined ? {} : { text: bodyText }),
    parameters: Object.entries(parameters).map(([name, value]) => ({ name, text: value })),
  };
  const parts = { id, language, header, body, buttons, footer };
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
}

export interface InboundReceiptFacts {
  /** The id Genesys Cloud gave the customer's message. */
  id: string;
  integrationId: string;
  /** The connector's own id of it. */
  messageId: string;
  from: unknown;
  time: string;
  customAttributes?: unknown;
  reasons?: readonly { code?: string; message: string }[];
}

/** The receipt that tells a connector what became of a message it posted: `Published`, or `Failed` with reasons. */
export function buildInboundReceipt(facts: InboundReceiptFacts) {
  return {
    id: facts.id,
    channel: {
      id: facts.integrationId,
      platform: "Open",
      type: "Private",
      to: { id: facts.integrationId },
      from: facts.from,
      time: facts.time,
      messageId: facts.messageId,
      ...(facts.customAttributes === undefined ? {} : { metadata: { customAttributes: facts.customAttributes } }),
    },
    type: "Receipt",
    status: facts.reasons ? "Failed" : "Published",
    isFinalReceipt: true,
    direction: "Inbound",
    ...(facts.reasons ? { reasons: facts.reasons } : {}),
  };
}
