/** What Genesys Cloud knows of a conversation: its messages and what became of them, and who the customer is. */
import { z } from "zod";
import { type Reason, reasonCode } from "../message/message";
import type { GenesysAnswer } from "./answer";
import type { GenesysClient } from "./client";

/** Message statuses of Genesys Cloud (SDK `MessageDetails.messageStatus`); read loosely, as enums grow. */
export const messageStatuses = [
  "queued",
  "sent",
  "failed",
  "received",
  "delivery-success",
  "delivery-failed",
  "read",
  "removed",
  "published",
] as const;

/** One message of a conversation, wherever in it the message was found. */
export interface MessageState {
  messageId: string;
  /** One of `messageStatuses`, or a newer one. */
  status: string;
  at?: string | undefined;
  /** Who sent it; unknown when the message was asked for by its id. */
  participant?: { id: string; purpose: string };
  /** The leg that it was sent on; only GET /conversations/{id} tells. */
  communicationId?: string | undefined;
  /** Why it did not arrive. */
  failure?: Reason;
  /** The message itself, as a webhook has it; only reading single messages tells. */
  normalized?: Record<string, unknown>;
}

export interface Customer {
  participantId: string;
  /** The address the customer is reached at: what we gave as `channel.from.id`. */
  address?: string | undefined;
  externalContactId?: string | undefined;
  /** The customer's latest leg, which a contact is attached to; only GET /conversations/{id} tells. */
  communicationId?: string | undefined;
  attributes: Record<string, string>;
}

export interface ConversationState {
  id: string;
  /** Our side: the id of an open-messaging integration, where it is one. */
  address?: string | undefined;
  /** `open`, `webmessaging`, `sms`, …: how the customer is connected. */
  messengerType?: string | undefined;
  /** Messages of all participants and legs, each once. */
  messages: MessageState[];
  customer?: Customer | undefined;
  endedAt?: string | undefined;
}

/** Whether the message did not reach the customer. */
export function isUndelivered({ status }: MessageState): boolean {
  return status === "delivery-failed" || status === "failed";
}

/** Most ids that one bulk request takes. */
const bulkSize = 1_000;

/**
 * Reads conversations and writes participant attributes; each call is one request, of the priority of look-ups.
 * A conversation that does not exist is `refused` with code `not.found`.
 * @see https://developer.genesys.cloud/devapps/api-explorer (Conversations)
 */
export function createConversations({ ask }: Pick<GenesysClient, "ask">) {
  /** With all legs; needs `conversation:communication:view`. */
  function readConversation(conversationId: string): Promise<GenesysAnswer<ConversationState>> {
    return ask({
      operation: "conversations.read",
      priority: "lookup",
      send: ({ conversations }) => conversations.getConversation(conversationId),
      answer: conversation.transform(readState),
    });
  }

  /** The same from the messaging view of the conversation, which needs no permission but tells no legs. */
  function readMessageConversation(conversationId: string): Promise<GenesysAnswer<ConversationState>> {
    return ask({
      operation: "conversations.readMessaging",
      priority: "lookup",
      send: ({ conversations }) => conversations.getConversationsMessage(conversationId),
      answer: conversation.transform(readState),
    });
  }

  /** A message by its id alone, and the conversation it belongs to. */
  function readMessage(
    messageId: string,
  ): Promise<GenesysAnswer<MessageState & { conversationId?: string | undefined }>> {
    return ask({
      operation: "conversations.readMessage",
      priority: "lookup",
      send: ({ conversations }) => conversations.getConversationsMessageDetails(messageId),
      answer: messageData.transform((data) => ({ ...readMessageData(data), conversationId: data.conversationId })),
    });
  }

  /** Messages of one conversation by id, one request per 1,000; ids that Genesys Cloud does not know are left out. */
  async function readMessages(
    conversationId: string,
    messageIds: readonly string[],
  ): Promise<GenesysAnswer<MessageState[]>> {
    const found: MessageState[] = [];
    let answer = "nothing to ask";
    for (let from = 0; from < messageIds.length; from += bulkSize) {
      const body = messageIds.slice(from, from + bulkSize);
      const part = await ask({
        operation: "conversations.readMessages",
        priority: "lookup",
        send: ({ conversations }) => conversations.postConversationsMessageMessagesBulk(conversationId, { body }),
        answer: z.looseObject({ entities: z.array(messageData).default([]) }),
      });
      if (part.status !== "done") return part;
      answer = part.answer;
      found.push(...part.value.entities.map(readMessageData));
    }
    return { status: "done", answer, value: found };
  }

  /** Adds to a participant's attributes, or replaces those of the same names; also after the conversation has ended. */
  function writeAttributes(
    conversationId: string,
    participantId: string,
    attributes: Record<string, string>,
  ): Promise<GenesysAnswer> {
    return ask({
      operation: "conversations.writeAttributes",
      priority: "lookup",
      send: ({ conversations }) =>
        conversations.patchConversationParticipantAttributes(conversationId, participantId, { attributes }),
      answer: z.unknown(),
    });
  }

  return { readConversation, readMessageConversation, readMessage, readMessages, writeAttributes };
}
export type Conversations = ReturnType<typeof createConversations>;

/**
 * The reason in `errorInfo` of a message that did not arrive: its `errorPayload` is `Code - text`, of which the code may
 * be missing or new (then `GeneralError`, with all of the text).
 */
export function parseErrorInfo(info: z.infer<typeof errorInfo>): Reason {
  const payload = info.messageParams?.errorPayload ?? /\[(.*)\]\s*$/s.exec(info.message ?? "")?.[1];
  if (payload === undefined) return { code: "GeneralError", message: info.message ?? info.code ?? "" };
  const [, code, message] = /^(\w+) - (.*)$/s.exec(payload) ?? [];
  const known = reasonCode.safeParse(code);
  return known.success ? { code: known.data, message: message ?? "" } : { code: "GeneralError", message: payload };
}

const errorInfo = z.looseObject({
  code: z.string().optional(),
  message: z.string().optional(),
  messageParams: z.record(z.string(), z.string()).optional(),
});

const messageDetails = z.looseObject({
  messageId: z.string(),
  messageStatus: z.string().default("sent"),
  messageTime: z.string().optional(),
  errorInfo: errorInfo.optional(),
});

/** A leg on GET /conversations/{id}: the same list holds messages themselves on GET /conversations/messages/{id}. */
const communication = z.looseObject({
  id: z.string().optional(),
  type: z.string().optional(),
  connectedTime: z.string().optional(),
  toAddress: z.looseObject({ addressNormalized: z.string().optional() }).optional(),
  fromAddress: z.looseObject({ addressNormalized: z.string().optional() }).optional(),
  messages: z.array(messageDetails).default([]),
});
type Communication = z.infer<typeof communication>;

const participant = z.looseObject({
  id: z.string().default(""),
  purpose: z.string().default(""),
  type: z.string().optional(),
  attributes: z.record(z.string(), z.string()).default({}),
  externalContactId: z.string().optional(),
  externalContact: z.looseObject({ id: z.string().optional() }).optional(),
  toAddress: communication.shape.toAddress,
  fromAddress: communication.shape.fromAddress,
  messages: z.array(z.union([messageDetails, communication])).default([]),
});
type Participant = z.infer<typeof participant>;

const conversation = z.looseObject({
  id: z.string(),
  address: z.string().optional(),
  endTime: z.string().optional(),
  participants: z.array(participant).default([]),
});

const messageData = z.looseObject({
  id: z.string(),
  status: z.string().default("sent"),
  timestamp: z.string().optional(),
  conversationId: z.string().optional(),
  normalizedMessage: z.record(z.string(), z.unknown()).optional(),
  normalizedReceipts: z
    .array(
      z.looseObject({
        status: z.string().optional(),
        reasons: z.array(z.looseObject({ code: z.string().optional(), message: z.string().default("") })).default([]),
      }),
    )
    .default([]),
});

/** Both views of a conversation, in one shape. */
function readState({ id, address, endTime, participants }: z.infer<typeof conversation>): ConversationState {
  // A message that shows up on two legs is one message: the later leg knows more.
  const messages = new Map(participants.flatMap(readMessagesOf).map((message) => [message.messageId, message]));
  const found = findCustomerParticipant(participants);
  return {
    id,
    address: address ?? (found && addressesOf(found).ours),
    messengerType: found && (latestLegOf(found)?.type ?? found.type),
    endedAt: endTime,
    messages: [...messages.values()],
    customer: found && readCustomer(found),
  };
}

function readMessagesOf({ id, purpose, messages }: Participant): MessageState[] {
  const sender = { id, purpose };
  return messages.flatMap((entry) =>
    isLeg(entry)
      ? entry.messages.map((details) => readDetails(details, sender, entry.id))
      : [readDetails(entry, sender, undefined)],
  );
}

function readDetails(
  { messageId, messageStatus, messageTime, errorInfo: info }: z.infer<typeof messageDetails>,
  sender: MessageState["participant"] & object,
  communicationId: string | undefined,
): MessageState {
  const state = { messageId, status: messageStatus, at: messageTime, participant: sender, communicationId };
  return info ? { ...state, failure: parseErrorInfo(info) } : state;
}

function readMessageData({
  id,
  status,
  timestamp,
  normalizedMessage,
  normalizedReceipts,
}: z.infer<typeof messageData>): MessageState {
  const body = normalizedMessage === undefined ? {} : { normalized: normalizedMessage };
  const state = { messageId: id, status, at: timestamp, ...body };
  const reason = normalizedReceipts.findLast((receipt) => receipt.status === "Failed")?.reasons[0];
  if (!reason || !isUndelivered(state)) return state;
  return { ...state, failure: { code: reasonCode.catch("GeneralError").parse(reason.code), message: reason.message } };
}

/** `customer` when the customer began, `external` when we did; of several, one whose contact is known. */
function findCustomerParticipant(participants: readonly Participant[]): Participant | undefined {
  const candidates = ["customer", "external"].flatMap((purpose) =>
    participants.filter((candidate) => candidate.purpose === purpose),
  );
  return candidates.find((candidate) => contactOf(candidate) !== undefined) ?? candidates[0];
}

function readCustomer(found: Participant): Customer {
  return {
    participantId: found.id,
    address: addressesOf(found).theirs,
    externalContactId: contactOf(found),
    communicationId: latestLegOf(found)?.id,
    attributes: found.attributes,
  };
}

/** The customer is where an inbound leg comes from and where an outbound one goes to. */
function addressesOf(found: Participant) {
  const { fromAddress, toAddress } = latestLegOf(found) ?? found;
  const [theirs, ours] =
    found.purpose === "customer" ? [fromAddress, toAddress] : [toAddress ?? fromAddress, fromAddress];
  return { theirs: theirs?.addressNormalized, ours: ours?.addressNormalized };
}

function latestLegOf({ messages }: Participant): Communication | undefined {
  return messages.filter(isLeg).at(-1);
}

function contactOf({ externalContactId, externalContact }: Participant): string | undefined {
  return externalContactId ?? externalContact?.id;
}

function isLeg(entry: Participant["messages"][number]): entry is Communication {
  return !("messageId" in entry && typeof entry.messageId === "string");
}
