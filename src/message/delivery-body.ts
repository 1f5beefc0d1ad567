/** What an adapter gets (DESIGN section 7): the body of the POST to its URL, and the two answers that settle it. */
import { z } from "zod";
import { message, reason } from "./message";

/** Signed as Standard Webhooks say; `webhook-id` is the delivery's id, for later parts that and the part's number. */
export const deliveryBody = z.looseObject({
  type: z.enum(["message.outbound", "notice.outbound", "typing"]),
  /** Stays the same over all tries. */
  deliveryId: z.string(),
  /** Counted from 1. */
  attempt: z.int().min(1),
  /** Present when a message goes out in several parts; `message` is then this part of it. */
  part: z.object({ number: z.int().min(1), count: z.int().min(1) }).optional(),
  /** Present with `notice.outbound`: what to write, and to whom. */
  notice: z
    .looseObject({ to: z.string(), subject: z.string(), text: z.string(), html: z.string().optional() })
    .optional(),
  message,
});

/** A 2xx; an empty body means accepted. */
export const acceptance = z.looseObject({
  status: z.enum(["accepted", "delivered"]),
  providerMessageId: z.union([z.string(), z.int()]).optional(),
});

/** A 4xx with this body ends the delivery. */
export const refusal = reason;
