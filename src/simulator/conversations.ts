/** Conversations of the simulated organisation: who takes part, which messages were exchanged, and what became of them. */
import { notFound } from "./api-error";
import type { Events } from "./events";
import { newEntityId } from "./ids";
import type {
  Conversation,
  Customer,
  Leg,
  MessageStatus,
  Participant,
  State,
  StoredMessage,
  StoredReceipt,
} from "./state";

export interface ConversationsDeps {
  state: State;
  now: () => number;
  emit: Events["emit"];
}

/** Who speaks on our side. A name of its own makes a participant of its own, `newLeg` another communication. */
export interface Speaker {
  purpose: "agent" | "bot" | "workflow" | "api";
  name?: string;
  newLeg?: boolean;
}

export function createConversations({ state, now, emit }: ConversationsDeps) {
  /** Conversations still connected, by our address and the customer's. */
  const connected = new Map<string, string>();

  function timestamp() {
    return new Date(now()).toISOString();
  }

  /** The conversation, or the 404 of the API. */
  function get(conversationId: string): Conversation {
    const found = state.conversations.get(conversationId);
    if (!found) throw notFound();
    return found;
  }

  function findConnected(address: string, customerId: string) {
    const id = connected.get(pairKey(address, customerId));
    return id === undefined ? undefined : state.conversations.get(id);
  }

  /** Starts a conversation with its customer connected: `customer` when they wrote first, else `external`. */
  function start(
    about: Pick<Conversation, "address" | "messengerType" | "direction" | "customer"> & { id?: string },
    contactId?: string,
  ) {
    const at = timestamp();
    const conversation: Conversation = { ...about, id: about.id ?? newEntityId(), startTime: at, participants: [] };
    conversation.participants.push({
      id: newEntityId(),
      purpose: about.direction === "inbound" ? "customer" : "external",
      name: customerName(about.customer),
      startTime: at,
      externalContactId: contactId,
      attributes: {},
      legs: [newLeg(at)],
    });
    state.conversations.set(conversation.id, conversation);
    connected.set(pairKey(about.address, about.customer.id), conversation.id);
    return conversation;
  }

  /** The connected leg of a speaker, made when there is none. */
  function joinSpeaker(conversation: Conversation, { purpose, name, newLeg: another = false }: Speaker): Leg {
    const at = timestamp();
    let participant = conversation.participants.find(
      (candidate) => candidate.purpose === purpose && (name === undefined || candidate.name === name),
    );
    if (!participant) {
      participant = { id: newEntityId(), purpose, name, startTime: at, attributes: {}, legs: [] };
      if (purpose === "agent") participant.userId = newEntityId();
      conversation.participants.push(participant);
    }
    const current = participant.legs.findLast((leg) => leg.state === "connected");
    if (current && !another) return current;
    if (current) endLeg(current, "transfer", at);
    const leg = newLeg(at);
    participant.legs.push(leg);
    return leg;
  }

  /** Puts a message where it belongs; `leg` is the communication it was exchanged on. */
  function addMessage(leg: Leg, message: StoredMessage) {
    leg.messageIds.push(message.id);
    state.messages.set(message.id, message);
  }

  function getMessage(messageId: string): StoredMessage {
    const found = state.messages.get(messageId);
    if (!found) throw notFound();
    return found;
  }

  function setStatus(message: StoredMessage, status: MessageStatus, error?: StoredMessage["errorInfo"]) {
    message.status = status;
    message.errorInfo = error;
    emit("status", message);
  }

  /** A message that went out: only news for one that nobody has spoken of yet. */
  function markSent(message: StoredMessage) {
    if (message.status === "queued") setStatus(message, "sent");
  }

  /** The failure Genesys Cloud makes by itself when the webhook does not take a message. */
  function failUndelivered(message: StoredMessage, text: string) {
    if (message.receipts.length === 0) setStatus(message, "delivery-failed", deliveryError([{ message: text }]));
  }

  /**
   * Records a receipt and moves the message. After a final receipt the status stays as it is: what Genesys Cloud does
   * with later ones is not documented, and this way a connector that contradicts itself is noticed.
   */
  function applyReceipt(message: StoredMessage, receipt: StoredReceipt) {
    const isClosed = message.receipts.some((earlier) => earlier.isFinalReceipt === true);
    message.receipts.push(receipt);
    if (!isClosed) {
      const status = statusOfReceipt[receipt.status];
      if (status)
        setStatus(message, status, status === "delivery-failed" ? deliveryError(receipt.reasons ?? []) : undefined);
    }
    emit("receipt", receipt);
  }

  /** Ends every leg and the conversation; false when it had ended before. */
  function disconnect(conversation: Conversation, disconnectType: string) {
    if (conversation.endTime !== undefined) return false;
    const at = timestamp();
    for (const participant of conversation.participants) disconnectParticipant(participant, disconnectType, at);
    conversation.endTime = at;
    connected.delete(pairKey(conversation.address, conversation.customer.id));
    return true;
  }

  function disconnectParticipant(participant: Participant, disconnectType: string, at = timestamp()) {
    for (const leg of participant.legs) if (leg.state === "connected") endLeg(leg, disconnectType, at);
    participant.endTime ??= at;
  }

  /** Finds the connected conversations again after the state was replaced. */
  function reindex() {
    connected.clear();
    for (const { id, address, customer, endTime } of state.conversations.values()) {
      if (endTime === undefined) connected.set(pairKey(address, customer.id), id);
    }
  }

  return {
    get,
    findConnected,
    start,
    joinSpeaker,
    addMessage,
    getMessage,
    setStatus,
    markSent,
    failUndelivered,
    applyReceipt,
    disconnect,
    disconnectParticipant,
    reindex,
  };
}
export type Conversations = ReturnType<typeof createConversations>;

/** The participant who is the customer, whoever wrote first. */
export function customerOf(conversation: Conversation): Participant {
  const found = conversation.participants.find(({ purpose }) => purpose === "customer" || purpose === "external");
  if (!found) throw new TypeError(`conversation ${conversation.id} has no customer`);
  return found;
}

/** The customer's current communication. */
export function legOf(participant: Participant): Leg {
  const leg = participant.legs.at(-1);
  if (!leg) throw new TypeError(`participant ${participant.id} has no communication`);
  return leg;
}

/** `errorInfo` as captured: code `DELIVERY_FAILED`, `errorPayload` = reason code, " - ", reason message. */
export function deliveryError(reasons: readonly { code?: string; message: string }[]) {
  const errorPayload = reasons.map(({ code = "GeneralError", message }) => `${code} - ${message}`).join(", ");
  const lead = "Message delivery failed with the following payload: ";
  return {
    message: `${lead}[${errorPayload}]`,
    code: "DELIVERY_FAILED",
    messageWithParams: `${lead}[{errorPayload}]`,
    messageParams: { errorPayload },
    details: [],
    errors: [],
  };
}

const statusOfReceipt: Record<string, MessageStatus> = {
  Sent: "sent",
  Delivered: "delivery-success",
  Failed: "delivery-failed",
  Published: "published",
  Removed: "removed",
};

function newLeg(at: string): Leg {
  return { id: newEntityId(), state: "connected", connectedTime: at, messageIds: [] };
}

function endLeg(leg: Leg, disconnectType: string, at: string) {
  Object.assign(leg, { state: "disconnected", disconnectType, disconnectedTime: at });
}

function customerName(customer: Customer) {
  const { firstName, lastName, nickname } = customer;
  const names = [firstName, lastName].filter((name) => typeof name === "string" && name !== "");
  if (names.length > 0) return names.join(" ");
  return typeof nickname === "string" ? nickname : undefined;
}

function pairKey(address: string, customerId: string) {
  return `${address}\n${customerId}`;
}
