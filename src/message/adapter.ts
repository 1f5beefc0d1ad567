/** What adapters tell the bridge (DESIGN section 7, "back to us"): the bodies of `/channels/{channel}/…`. */
import { z } from "zod";
import { reason } from "./message";

const id = z.string().min(1).max(1000);
const at = z.iso.datetime({ offset: true }).optional();

/** What became of a delivery, by our id or the adapter's own. */
export const adapterReceipt = z
  .object({
    deliveryId: id.optional(),
    providerMessageId: id.optional(),
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
          url: z.httpUrl().or(z.url({ protocol: /^https?$/ })),
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
  .refine((body) => body.text !== undefined || (body.attachments?.length ?? 0) > 0, {
    path: ["text"],
    error: "text or attachments is required",
  });

/** A customer's tap on a button, quick reply or date. */
export const adapterResponse = z.object({
  integration: id,
  messageId: id,
  from,
  originatingMessageId: id,
  response: z.object({ type: z.enum(["Button", "QuickReply", "DatePicker"]), text: z.string(), payload: z.string() }),
  at,
});

export const adapterEvent = z.object({
  integration: id,
  from,
  type: z.enum(["typing", "online", "offline"]),
  at,
});

/** The body of each route. */
export const adapterBodies = {
  receipts: adapterReceipt,
  messages: adapterMessage,
  responses: adapterResponse,
  events: adapterEvent,
} as const;
export type AdapterBodyKind = keyof typeof adapterBodies;
