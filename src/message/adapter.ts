/** What adapters tell the bridge (DESIGN section 7, "back to us"): the bodies of `/channels/{channel}/…`. */
import { z } from "zod";
import { reason } from "./message";

const id = z.string().min(1).max(1000);
const at = z.iso.datetime({ offset: true }).optional();

/** What became of a delivery, by our id or the adapter's own. */
export const adapterReceipt = z
  .object({
    deliveryId: id.optional(),
    // As in the answer that gave it.
    providerMessageId: z.union([id, z.int().transform(String)]).optional(),
    status: z.enum(["delivered", "read", "failed"]),
    reason: reason.optional(),
    at,
  })
  .refine((body) => body.deliveryId !== undefined || body.providerMessageId !== undefined, {
    path: ["deliveryId"],
    error: "deliveryId or providerMessageId is required",
  });
export type AdapterReceipt = z.infer<typeof adapterReceipt>;

const from = z.object({
  id,
  idType: z.enum(["Email", "Phone", "Opaque"]),
  nickname: z.string().optional(),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  email: z.string().optional(),
  phone: z.string().optional(),
  timeZone: z.string().optional(),
  language: z.string().optional(),
});

/** A customer's message. `integration` is name or id. */
export const adapterMessage = z
  .object({
    integration: id,
    messageId: id,
    from,
    text: z.string().optional(),
    attachments: z
      .array(
        z.object({
          mediaType: z.enum(["Image", "Video", "Audio", "File", "Link"]),
          url: z.url({ protocol: /^https?$/, error: "an absolute http:// or https:// URL is expected" }),
          mime: z.string().optional(),
          filename: z.string().optional(),
          text: z.string().optional(),
          sha256: z.string().optional(),
          id: z.string().optional(),
        }),
      )
      .optional(),
    customAttributes: z.record(z.string(), z.string()).optional(),
    at,
  })
  .refine((body) => (body.text ?? "") !== "" || (body.attachments?.length ?? 0) > 0, {
    path: ["text"],
    error: "text or attachments is required",
  });
export type AdapterMessage = z.infer<typeof adapterMessage>;

/** A customer's tap on a button, quick reply or date. */
export const adapterResponse = z.object({
  integration: id,
  messageId: id,
  from,
  originatingMessageId: id,
  response: z.object({
    type: z.enum(["Button", "QuickReply", "DatePicker"]),
    text: z.string().min(1),
    payload: z.string().min(1),
  }),
  at,
});
export type AdapterResponse = z.infer<typeof adapterResponse>;

export const adapterEvent = z.object({
  integration: id,
  from,
  type: z.enum(["typing", "online", "offline"]),
  at,
});
export type AdapterEvent = z.infer<typeof adapterEvent>;

/** The body of each route. */
export const adapterBodies = {
  receipts: adapterReceipt,
  messages: adapterMessage,
  responses: adapterResponse,
  events: adapterEvent,
} as const;
export type AdapterBodyKind = keyof typeof adapterBodies;

/**
 * What an adapter is told of a customer's message that did not get into Genesys Cloud: the body of a POST to its URL, signed
 * as deliveries are, `webhook-id` being `id`. Any 2xx takes it; a 4xx ends it (but for 408, 425 and 429), all else is tried
 * again for a day.
 */
export const adapterFailure = z.strictObject({
  type: z.literal("message.failed"),
  /** Our id of the message, as the answer to the adapter's request named it. */
  id: z.string(),
  /** The adapter's own id; null when it is not kept any more. */
  messageId: z.string().nullable(),
  /** Name of the integration. */
  integration: z.string(),
  integrationId: z.string(),
  /** The customer who wrote. */
  from: z.strictObject({ id: z.string(), idType: z.string() }),
  reason,
  /** When it was given up, ISO 8601 in UTC. */
  at: z.string(),
});
export type AdapterFailure = z.infer<typeof adapterFailure>;
