/** What customers send, carried into Genesys Cloud: the current open-messaging calls. */
import { z } from "zod";
import { codeOfIssue, type GenesysAnswer, refuse } from "./answer";
import type { GenesysClient } from "./client";

const text = z.string().min(1);

/** `OpenMessagingFromRecipient`. */
const from = z.strictObject({
  id: text,
  idType: z.enum(["Email", "Phone", "Opaque"]),
  nickname: text.optional(),
  firstName: text.optional(),
  lastName: text.optional(),
  image: z.url().optional(),
  email: text.optional(),
});

const at = z.iso.datetime();

/** `OpenContentAttachment`: Genesys Cloud fetches `url` itself, so it has to be reachable from outside. */
const attachment = z.strictObject({
  id: text.optional(),
  mediaType: z.enum(["Image", "Video", "Audio", "File", "Link"]),
  url: z.url({ protocol: /^https?$/ }),
  mime: text,
  filename: text.optional(),
  text: z.string().optional(),
  sha256: text.optional(),
});

const channel = {
  from,
  /** When the customer sent it, ISO 8601 in UTC. */
  time: at,
  /** Our id of the message, which receipts for it name. */
  messageId: text,
  /** Becomes participant data, which Architect flows read. */
  customAttributes: z.record(z.string(), z.string()).optional(),
};

/** A customer's message: text, attachments, or both. */
export const inboundMessage = z
  .strictObject({
    ...channel,
    text: text.optional(),
    attachments: z.array(attachment).min(1).optional(),
    /** Comes back on receipts; flat, as Genesys Cloud refuses nested values. */
    metadata: z.record(z.string(), z.string()).optional(),
  })
  .refine((message) => message.text !== undefined || message.attachments !== undefined, { path: ["text"] });
export type InboundMessage = z.input<typeof inboundMessage>;

/** The customer is typing. */
export const inboundTyping = z.strictObject({ from, time: at });
export type InboundTyping = z.input<typeof inboundTyping>;

/** The customer's choice in a structured message that belongs to an existing conversation. */
export const inboundResponse = z.strictObject({
  ...channel,
  response: z.strictObject({ type: z.enum(["Button", "QuickReply", "DatePicker"]), text, payload: text }),
  /** Genesys Cloud's id of the structured message. */
  originatingMessageId: text,
});
export type InboundResponse = z.input<typeof inboundResponse>;

/** What Genesys Cloud made of it. */
export interface Received {
  /** Its id of the message, which its receipts name. */
  id?: string | undefined;
  conversationId?: string | undefined;
}

const received = z
  .looseObject({ id: z.string().optional().catch(undefined), conversationId: z.string().optional().catch(undefined) })
  .nullish()
  .transform((body): Received => ({ id: body?.id, conversationId: body?.conversationId }));

/**
 * Sends what customers wrote. What Genesys Cloud would not take is `refused` before it is sent, with the field in the
 * code: `invalid.from.idType`. All but typing goes out first of all.
 * @see https://developer.genesys.cloud/commdigital/digital/openmessaging/
 */
export function createInbound({ ask }: Pick<GenesysClient, "ask">) {
  /** Starts or continues a conversation, whose id is in the answer. */
  async function sendMessage(integrationId: string, input: InboundMessage): Promise<GenesysAnswer<Received>> {
    const operation = "inbound.message";
    const message = inboundMessage.safeParse(input);
    if (!message.success) return refuse(operation, codeOfIssue(message.error));
    const { text: words, attachments, metadata } = message.data;
    const body = {
      channel: writeChannel(message.data),
      text: words,
      content: attachments?.map((one) => ({ attachment: one })),
      metadata,
    };
    return ask({
      operation,
      priority: "inbound",
      send: ({ conversations }) =>
        conversations.postConversationsMessageInboundOpenMessage(integrationId, body, { prefetchConversationId: true }),
      answer: received,
    });
  }

  /** Shows the agent that the customer is typing; the integration's setting has to allow it. */
  async function sendTyping(integrationId: string, input: InboundTyping): Promise<GenesysAnswer<Received>> {
    const operation = "inbound.typing";
    const typing = inboundTyping.safeParse(input);
    if (!typing.success) return refuse(operation, codeOfIssue(typing.error));
    const body = { channel: typing.data, events: [{ eventType: "Typing" }] };
    return ask({
      operation,
      priority: "typing",
      send: ({ conversations }) => conversations.postConversationsMessageInboundOpenEvent(integrationId, body),
      answer: received,
    });
  }

  /** Answers a structured message; the conversation it belongs to must exist. */
  async function sendResponse(integrationId: string, input: InboundResponse): Promise<GenesysAnswer<Received>> {
    const operation = "inbound.response";
    const parsed = inboundResponse.safeParse(input);
    if (!parsed.success) return refuse(operation, codeOfIssue(parsed.error));
    const { response: buttonResponse, originatingMessageId } = parsed.data;
    const body = { channel: writeChannel(parsed.data), buttonResponse, originatingMessageId };
    return ask({
      operation,
      priority: "inbound",
      send: ({ conversations }) =>
        conversations.postConversationsMessageInboundOpenStructuredResponse(integrationId, body),
      answer: received,
    });
  }

  return { sendMessage, sendTyping, sendResponse };
}
export type Inbound = ReturnType<typeof createInbound>;

/** `customAttributes` is in no model of the SDK, but in Genesys' examples and in use. */
type ChannelMetadata = { subType?: string; customAttributes: Record<string, string> };

function writeChannel({ from: sender, time, messageId, customAttributes }: z.infer<z.ZodObject<typeof channel>>) {
  const metadata: ChannelMetadata | undefined = customAttributes && { customAttributes };
  return { from: sender, time, messageId, metadata };
}
