/** What the four open-inbound calls accept: strict on required fields and enums, tolerant of unknown fields. */
import { z } from "zod";
import { reasonCode } from "../message/message";

/** Documentation prints `email`, the model `Email`; the API takes both. */
const idType = z.preprocess(
  (value) =>
    typeof value === "string" ? (idTypes.find((name) => name.toLowerCase() === value.toLowerCase()) ?? value) : value,
  z.enum(["Email", "Phone", "Opaque"]),
);
const idTypes = ["Email", "Phone", "Opaque"];

const time = z.iso.datetime({ offset: true });
const optionalText = z.string().nullish();

const person = {
  nickname: optionalText,
  id: z.string().min(1),
  firstName: optionalText,
  lastName: optionalText,
  image: optionalText,
  email: optionalText,
};
const fromRecipient = z.looseObject({ ...person, idType });
const toRecipient = z.looseObject({ ...person, idType: idType.optional() });

/** `customAttributes` become participant data; they are not in the SDK model but documented by example. */
const channelMetadata = z.looseObject({
  customAttributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

const messageChannel = z.looseObject({
  from: fromRecipient,
  time,
  messageId: z.string().min(1).nullish(),
  metadata: channelMetadata.nullish(),
});
export type MessageChannel = z.infer<typeof messageChannel>;

const attachment = z.looseObject({
  id: optionalText,
  mediaType: z.enum(["Image", "Video", "Audio", "File", "Link"]),
  url: z.string().min(1),
  mime: z.string().min(1),
  text: optionalText,
  sha256: optionalText,
  filename: optionalText,
});

/** SDK `OpenInboundNormalizedMessage`. A message with neither text nor content says nothing and is refused. */
export const inboundMessage = z
  .looseObject({
    channel: messageChannel,
    text: optionalText,
    content: z.array(z.looseObject({ attachment: attachment.optional() })).nullish(),
    metadata: z.record(z.string(), z.string()).nullish(),
  })
  .refine(({ text, content }) => (text ?? "") !== "" || (content ?? []).length > 0, { path: ["text"] });
export type InboundMessage = z.infer<typeof inboundMessage>;

/** SDK `OpenInboundNormalizedEvent`: only typing. */
export const inboundEvent = z.looseObject({
  channel: z.looseObject({ from: fromRecipient, time }),
  events: z.array(z.looseObject({ eventType: z.enum(["Typing"]) })).min(1),
});

/** SDK `OpenInboundNormalizedReceipt`. `Read` is not among the statuses. */
export const inboundReceipt = z.looseObject({
  id: z.string().min(1),
  channel: z.looseObject({ to: toRecipient, time }),
  status: z.enum(["Sent", "Delivered", "Failed", "Published", "Removed"]),
  reasons: z.array(z.looseObject({ code: reasonCode.optional(), message: z.string() })).optional(),
  isFinalReceipt: z.boolean().optional(),
});

/** SDK `OpenInboundStructuredResponseMessage`: a customer's tap. */
export const inboundStructuredResponse = z.looseObject({
  channel: messageChannel,
  buttonResponse: z.looseObject({
    id: optionalText,
    type: z.enum(["Button", "QuickReply", "DatePicker"]),
    text: z.string(),
    payload: z.string(),
  }),
  originatingMessageId: z.string().min(1),
});
