/** How conversations end, and the detail events that triggers hear of it. */
import { type Conversations, customerOf } from "./conversations";
import type { Conversation, Participant } from "./state";
import { customerEndTopic, userEndTopic } from "./trigger-topics";

/** Who ended it decides what each side's leg shows: the one who left `client`, the other `peer`. */
export type EndedBy = "customer" | "agent" | "system";

export interface ConversationEndDeps {
  conversations: Conversations;
  /** Tells triggers of an event. */
  raise(topic: string, event: Record<string, unknown>): void;
  now: () => number;
}

export function createConversationEnd({ conversations, raise, now }: ConversationEndDeps) {
  /** Ends a conversation for everybody; ending it again changes nothing and raises nothing. */
  function end(conversation: Conversation, by: EndedBy) {
    const agents = conversation.participants.filter(isConnectedAgent);
    const types = by === "system" ? ["system", "system"] : by === "agent" ? ["client", "peer"] : ["peer", "client"];
    const [agentType = "system", customerType = "system"] = types;
    for (const agent of agents) conversations.disconnectParticipant(agent, agentType);
    if (!conversations.disconnect(conversation, customerType)) return;
    for (const agent of agents) raise(userEndTopic, describeEnd(conversation, agent, agentType));
    raise(customerEndTopic, describeEnd(conversation, customerOf(conversation), customerType));
  }

  /** Ends one participant; the last one to leave the customer alone ends the conversation. */
  function endParticipant(conversation: Conversation, participant: Participant) {
    const others = conversation.participants.filter((other) => other !== participant && isConnectedAgent(other));
    if (participant === customerOf(conversation)) return end(conversation, "customer");
    if (others.length === 0) return end(conversation, "agent");
    conversations.disconnectParticipant(participant, "client");
    raise(userEndTopic, describeEnd(conversation, participant, "client"));
  }

  function describeEnd(conversation: Conversation, participant: Participant, disconnectType: string) {
    const isCustomer = participant === customerOf(conversation);
    const [ours, theirs] = [conversation.address, conversation.customer.id];
    const wasWrittenByCustomer = isCustomer && conversation.direction === "inbound";
    const startedAt = Date.parse(participant.startTime);
    return {
      eventTime: now(),
      conversationId: conversation.id,
      participantId: participant.id,
      sessionId: participant.legs.at(-1)?.id,
      disconnectType: disconnectType.toUpperCase(),
      mediaType: "MESSAGE",
      provider: "PureCloud Messaging",
      direction: conversation.direction.toUpperCase(),
      ...(isCustomer ? { ani: theirs, dnis: ours } : { userId: participant.userId }),
      addressTo: wasWrittenByCustomer ? ours : theirs,
      addressFrom: wasWrittenByCustomer ? theirs : ours,
      messageType: conversation.messengerType.toUpperCase(),
      interactingDurationMs: now() - startedAt,
      ...(isCustomer && participant.externalContactId !== undefined
        ? {
            externalContactId: participant.externalContactId,
            conversationExternalContactIds: [participant.externalContactId],
          }
        : {}),
    };
  }

  return { end, endParticipant };
}
export type ConversationEnd = ReturnType<typeof createConversationEnd>;

function isConnectedAgent({ purpose, legs }: Participant) {
  return purpose === "agent" && legs.some(({ state }) => state === "connected");
}
