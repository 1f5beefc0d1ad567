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

export const reason = z.object({ code: reasonCode, message: z.string() });
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
  recipient: z.object({ id: z.string(), idType: z.string(), nickname: z.string().optional() }),
  sender: z.object({ origin: z.enum(["human", "bot", "unknown"]), nickname: z.string().optional() }),
  /** `channel.time` as ISO 8601 UTC with milliseconds; null when absent or no time. */
  sentAt: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** The body as parsed. */
  raw: z.unknown(),
};

export const attachment = z.object({
  id: z.string().optional(),
  mediaType: z.string(),
  url: z.string().optional(),
  mime: z.string().optional(),
  filename: z.string().optional(),
  text: z.string().optional(),
  sha256: z.string().optional(),
  contentSizeBytes: z.number().optional(),
});
export type Attachment = z.infer<typeof attachment>;

/** Genesys Cloud's content elements, field names and values unchanged. */
const elements = z.array(z.looseObject({ contentType: z.string() }));

const templateText = z.object({ text: z.string().optional(), parameters: z.array(z.looseObject({})).optional() });
export const template = z.object({
  id: z.string().optional(),
  language: z.string().optional(),
  header: templateText.extend({ type: z.string().optional(), media: attachment.optional() }).optional(),
  body: templateText.optional(),
  footer: z.object({ text: z.string().optional() }).optional(),
  buttons: z.array(z.looseObject({})).optional(),
});

const content = {
  text: z.string().optional(),
  attachments: z.array(attachment).optional(),
  elements: elements.optional(),
};

export const message = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("text"), ...shared, ...content, text: z.string() }),
  z.object({ kind: z.literal("media"), ...shared, ...content, attachments: z.array(attachment) }),
  z.object({ kind: z.literal("template"), ...shared, ...content, template }),
  z.object({ kind: z.literal("structured"), ...shared, ...content }),
  z.object({
    kind: z.literal("typing"),
    ...shared,
    /** `durationMs` is how long the sign may be shown. */
    typing: z.object({ type: z.string(), durationMs: z.number() }),
  }),
  z.object({
    kind: z.literal("receipt"),
    ...shared,
    /** What became of a message that we sent in; `messageId` is the id we gave it. */
    receipt: z.object({
      status: z.string(),
      messageId: z.string().nullable(),
      isFinalReceipt: z.boolean().optional(),
      reasons: z.array(z.object({ code: z.string().optional(), message: z.string().optional() })).optional(),
    }),
  }),
  z.object({ kind: z.literal("event"), ...shared, event: z.looseObject({ eventType: z.string() }) }),
  z.object({ kind: z.literal("unsupported"), ...shared, ...content }),
]);
export type Message = z.infer<typeof message>;
export type MessageKind = Message["kind"];
