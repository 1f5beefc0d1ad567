/**
 * What a webhook body means, in our words.
 *
 * Glossary (DESIGN: Words and states)
 * - Capture: one verified webhook request: raw bytes, headers, time.
 * - Message: a capture understood; this file.
 * - Delivery: a message on its way through one channel.
 * - Attempt: one try of a delivery. Outcome: what that try returned.
 * - Reason: why something failed, in Genesys Cloud's own codes.
 * - Receipt: what Genesys Cloud tells us of a message we sent in, or what we tell it of one we delivered.
 * - Notice: one e-mail or SMS telling a customer of missed messages.
 * - inbound / outbound: always as Genesys Cloud sees it; what the webhook brings is outbound.
 */
import { z } from "zod";

/** The reason codes Genesys Cloud accepts in a receipt (SDK `ConversationReason.code`). */
export const reasonCodes = [
  "MessageExpired",
  "RateLimited",
  "MessageNotAllowed",
  "GeneralError",
  "UnsupportedMessage",
  "UnknownMessage",
  "InvalidMessageStructure",
  "InvalidDestination",
  "ServerError",
  "MediaTypeNotAllowed",
  "InvalidMediaContentLength",
  "RecipientOptedOut",
  "DataFiltered",
] as const;
export const reasonCode = z.enum(reasonCodes);
export type ReasonCode = z.infer<typeof reasonCode>;

export const reason = z.strictObject({ code: reasonCode, message: z.string() });
export type Reason = z.infer<typeof reason>;

/** The kinds that are delivered through a channel; the others are only noted. */
export const deliverableKinds = ["text", "media", "template", "structured"] as const;

const shared = {
  /** Our id of the message, unique over all bridges. */
  id: z.string(),
  /** `id` of the webhook body; null when it carried none. */
  genesysMessageId: z.string().nullable(),
  /** Name of the integration in our settings. */
  integration: z.string(),
  /** Genesys Cloud's id of the integration. */
  integrationId: z.string(),
  conversationId: z.string().optional(),
  /** The customer. `id` is exactly what the body said; empty when it named nobody. */
  recipient: z.strictObject({ id: z.string(), idType: z.string(), nickname: z.string().optional() }),
  sender: z.strictObject({ origin: z.enum(["human", "bot", "unknown"]), nickname: z.string().optional() }),
  /** `channel.time` as ISO 8601 UTC with milliseconds; null when absent or no time. */
  sentAt: z.string().nullable(),
  /** `metadata`, `channel.metadata` (custom attributes among it) and what else the body says about itself. */
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** The body as parsed. */
  raw: z.unknown().optional(),
};

/** A file or link (SDK `ConversationContentAttachment`). `mediaType` is Image, Video, Audio, File, Link or a newer one. */
export const attachment = z
  .strictObject({
    id: z.string().optional(),
    mediaType: z.string(),
    url: z.string().optional(),
    mime: z.string().optional(),
    filename: z.string().optional(),
    text: z.string().optional(),
    sha256: z.string().optional(),
    contentSizeBytes: z.number().optional(),
  })
  .meta({ id: "Attachment" });
export type Attachment = z.infer<typeof attachment>;

/** One of Genesys Cloud's content elements, field names and values unchanged. */
export const element = z.looseObject({ contentType: z.string() }).meta({ id: "Element" });
export type Element = z.infer<typeof element>;

const parameters = z.array(z.looseObject({ name: z.string().optional(), text: z.string().optional() })).optional();
const templateText = { text: z.string().optional(), parameters };
/** A notification template; the flat shape (`text` and `parameters` of its own) is read into `body`. */
export const template = z
  .strictObject({
    id: z.string().optional(),
    language: z.string().optional(),
    header: z.strictObject({ type: z.string().optional(), ...templateText, media: attachment.optional() }).optional(),
    body: z.strictObject(templateText).optional(),
    footer: z.strictObject({ text: z.string().optional() }).optional(),
    buttons: z.array(z.looseObject({})).optional(),
  })
  .meta({ id: "Template" });
export type Template = z.infer<typeof template>;

const content = {
  /** What the body's `text` said; never cut, never trimmed. */
  text: z.string().optional(),
  /** The attachments among the elements, in their order. */
  attachments: z.array(attachment).optional(),
  /** All content elements, those we do not know among them. */
  elements: z.array(element).optional(),
};

export const message = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("text"), ...shared, ...content, text: z.string() }),
  z.strictObject({ kind: z.literal("media"), ...shared, ...content, attachments: z.array(attachment) }),
  z.strictObject({ kind: z.literal("template"), ...shared, ...content, template }),
  z.strictObject({ kind: z.literal("structured"), ...shared, ...content }),
  z.strictObject({
    kind: z.literal("typing"),
    ...shared,
    ...content,
    /** `durationMs` is how long the sign may be shown. */
    typing: z.strictObject({ type: z.string(), durationMs: z.number() }),
  }),
  z.strictObject({
    kind: z.literal("receipt"),
    ...shared,
    ...content,
    /** What became of a message that we sent in; `messageId` is the id we gave it. */
    receipt: z.strictObject({
      status: z.string(),
      messageId: z.string().nullable(),
      isFinalReceipt: z.boolean().optional(),
      reasons: z.array(z.strictObject({ code: z.string().optional(), message: z.string().optional() })).optional(),
    }),
  }),
  z.strictObject({
    kind: z.literal("event"),
    ...shared,
    ...content,
    event: z.looseObject({ eventType: z.string() }),
  }),
  /** Nothing in it can be shown. */
  z.strictObject({ kind: z.literal("unsupported"), ...shared, ...content }),
]);
export type Message = z.infer<typeof message>;
export type MessageKind = Message["kind"];
