/** Conversations and messages as the API shows them (SDK models `Conversation`, `MessageConversation`, `MessageData`). */
import type { Conversation, Leg, Participant, StoredMessage } from "./state";

type FindMessage = (id: string) => StoredMessage | undefined;
const provider = "PureCloud Messaging";

/** GET /conversations/{id}: messages sit one level deeper, under each communication. */
export function showConversation(conversation: Conversation, findMessage: FindMessage) {
  return {
    id: conversation.id,
    startTime: conversation.startTime,
    endTime: conversation.endTime,
    address: conversation.address,
    participants: conversation.participants.map((participant) => ({
      ...showParticipant(participant),
      externalContactId: participant.externalContactId,
      participantType: isCustomer(participant) ? "External" : undefined,
      userId: participant.userId,
      messages: participant.legs.map((leg) => ({
        state: leg.state,
        initialState: "connected",
        id: leg.id,
        held: false,
        direction: conversation.direction,
        disconnectType: leg.disconnectType,
        connectedTime: leg.connectedTime,
        disconnectedTime: leg.disconnectedTime,
        provider,
        type: conversation.messengerType,
        ...addresses(conversation, participant),
        messages: showDetails(conversation, leg, findMessage),
      })),
    })),
    selfUri: `/api/v2/conversations/${conversation.id}`,
  };
}

/** GET /conversations/messages/{id}: messages sit directly on the participant. */
export function showMessageConversation(conversation: Conversation, findMessage: FindMessage) {
  return {
    id: conversation.id,
    participants: conversation.participants.map((participant) => ({
      ...showParticipant(participant),
      state: participant.legs.some((leg) => leg.state === "connected") ? "connected" : "disconnected",
      direction: conversation.direction,
      disconnectType: participant.legs.at(-1)?.disconnectType,
      externalContact: participant.externalContactId === undefined ? undefined : { id: participant.externalContactId },
      user:
        participant.userId === undefined
          ? undefined
          : { id: participant.userId, selfUri: `/api/v2/users/${participant.userId}` },
      ...addresses(conversation, participant),
      messages: participant.legs.flatMap((leg) => showDetails(conversation, leg, findMessage)),
      type: conversation.messengerType,
      provider,
    })),
    otherMediaUris: [],
    selfUri: `/api/v2/conversations/messages/${conversation.id}`,
  };
}

/** One message with its receipts (SDK model `MessageData`). */
export function showMessage(message: StoredMessage) {
  return {
    id: message.id,
    providerMessageId: message.id,
    timestamp: message.timestamp,
    fromAddress: message.fromAddress,
    toAddress: message.toAddress,
    direction: message.direction,
    messengerType: message.messengerType,
    status: message.status,
    normalizedMessage: message.normalized,
    normalizedReceipts: message.receipts.length > 0 ? message.receipts.map(({ normalized }) => normalized) : undefined,
    conversationId: message.conversationId,
    selfUri: messageUri(message.conversationId, message.id),
  };
}

/** Where a message is read. */
export function messageUri(conversationId: string, messageId: string) {
  return `/api/v2/conversations/messages/${conversationId}/messages/${messageId}`;
}

function showParticipant(participant: Participant) {
  const { id, name, startTime, endTime, purpose, attributes } = participant;
  return { id, name, startTime, connectedTime: startTime, endTime, purpose, attributes };
}

/** From and to, as each side sees it: a customer writes to us, everybody else to the customer. */
function addresses(conversation: Conversation, participant: Participant) {
  const ours = { addressNormalized: conversation.address };
  const theirs = { addressNormalized: conversation.customer.id, addressRaw: conversation.customer.id };
  return isCustomer(participant) && conversation.direction === "inbound"
    ? { toAddress: ours, fromAddress: theirs }
    : { toAddress: theirs, fromAddress: ours };
}

function isCustomer({ purpose }: Participant) {
  return purpose === "customer" || purpose === "external";
}

function showDetails(conversation: Conversation, leg: Leg, findMessage: FindMessage) {
  return leg.messageIds.flatMap((id) => {
    const message = findMessage(id);
    if (!message) return [];
    return {
      messageId: id,
      messageURI: messageUri(conversation.id, id),
      messageStatus: message.status,
      messageSegmentCount: 1,
      messageTime: message.timestamp,
      messageMetadata: { type: message.normalized.type, events: [], content: [] },
      errorInfo: message.errorInfo,
    };
  });
}
