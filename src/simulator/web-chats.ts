/**
 * Web Messaging: chats in a browser, which Genesys Cloud shows by itself without any connector. Once the browser is gone, what is
 * said is not delivered, and `undelivered.messages` tells of it, again for each message.
 */
import { badRequest } from "./api-error";
import type { Contacts } from "./contacts";
import { type Conversations, customerOf, legOf, type Speaker } from "./conversations";
import { newEntityId, newMessageId } from "./ids";
import type { Conversation } from "./state";
import { undeliveredTopic } from "./trigger-topics";

export interface WebChatDeps {
  conversations: Conversations;
  contacts: Contacts;
  raise(topic: string, event: Record<string, unknown>): void;
  now: () => number;
}

export interface WebChatInput {
  /** The contact the visitor belongs to; a new ephemeral one when absent. */
  contactId?: string;
  deploymentId?: string;
}

/** How long a visitor may come back to their session. */
const sessionMs = 72 * 3_600_000;

export function createWebChats({ conversations, contacts, raise, now }: WebChatDeps) {
  /** Chats whose browser is gone, with what was missed since. */
  const gone = new Map<string, { id: string; eventTimeMs: number }[]>();

  /** A visitor writes the first words. */
  function start({ contactId, deploymentId = newEntityId() }: WebChatInput = {}) {
    const visitor = contactId ?? contacts.add({ type: "Ephemeral" }).id;
    const conversation = conversations.start(
      { address: deploymentId, messengerType: "webmessaging", direction: "inbound", customer: { id: newEntityId() } },
      visitor,
    );
    return { conversationId: conversation.id, contactId: visitor, deploymentId };
  }

  /** Somebody on our side says something; it arrives as long as the browser is open. */
  function say(conversationId: string, text: string, speaker: Speaker = { purpose: "agent" }) {
    const conversation = getWebChat(conversationId);
    const missed = gone.get(conversationId);
    const id = newMessageId();
    const time = new Date(now()).toISOString();
    const channel = { id: conversation.address, platform: "Web", type: "Private", messageId: id, time };
    const originatingEntity = speaker.purpose === "agent" ? "Human" : "Bot";
    conversations.addMessage(conversations.joinSpeaker(conversation, speaker), {
      id,
      conversationId,
      direction: "outbound",
      messengerType: "webmessaging",
      status: missed === undefined ? "delivery-success" : "delivery-failed",
      timestamp: time,
      fromAddress: conversation.address,
      toAddress: conversation.customer.id,
      normalized: { id, channel, type: "Text", text, originatingEntity, direction: "Outbound" },
      receipts: [],
    });
    if (missed !== undefined) {
      missed.push({ id, eventTimeMs: now() });
      raiseUndelivered(conversation, missed);
    }
    return { messageId: id, conversationId };
  }

  /** The visitor closes the browser without a word. */
  function leave(conversationId: string) {
    if (!gone.has(getWebChat(conversationId).id)) gone.set(conversationId, []);
  }

  /** The visitor is back: what was missed is shown now. */
  function comeBack(conversationId: string) {
    getWebChat(conversationId);
    for (const { id } of gone.get(conversationId) ?? [])
      conversations.setStatus(conversations.getMessage(id), "delivery-success");
    gone.delete(conversationId);
  }

  function raiseUndelivered(conversation: Conversation, missed: readonly { id: string; eventTimeMs: number }[]) {
    const customer = customerOf(conversation);
    raise(undeliveredTopic, {
      conversationId: conversation.id,
      deploymentId: conversation.address,
      participantId: customer.id,
      externalContactId: customer.externalContactId,
      communicationId: legOf(customer).id,
      sessionExpiry: now() + sessionMs,
      messages: [...missed],
      eventTimeMs: now(),
    });
  }

  function getWebChat(conversationId: string): Conversation {
    const conversation = conversations.get(conversationId);
    if (conversation.messengerType !== "webmessaging") throw badRequest("The conversation is no web chat.");
    return conversation;
  }

  return {
    start,
    say,
    leave,
    comeBack,
    isGone: (conversationId: string) => gone.has(conversationId),
    clear: () => gone.clear(),
  };
}
export type WebChats = ReturnType<typeof createWebChats>;
