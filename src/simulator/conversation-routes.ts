/** Reading conversations and message statuses, participant attributes, ending conversations. */
import { z } from "zod";
import { badRequest, notFound, parseBody } from "./api-error";
import type { ConversationEnd } from "./conversation-end";
import { showConversation, showMessage, showMessageConversation } from "./conversation-views";
import type { Conversations } from "./conversations";
import type { Call, Route } from "./route";
import type { Conversation, State } from "./state";

/** Ids one bulk read may name. */
const mostBulkIds = 1000;

const viewMessages = { any: ["conversation:message:view", "conversation:webmessaging:view"] };
const disconnect = { any: ["conversation:communication:disconnect"] };
const ended = z.looseObject({ state: z.enum(["disconnected"]) });
const attributesBody = z.looseObject({ attributes: z.record(z.string(), z.string()) });

export function createConversationRoutes(deps: {
  state: State;
  conversations: Conversations;
  conversationEnd: ConversationEnd;
}): Route[] {
  const { state, conversations, conversationEnd } = deps;
  const findMessage = (id: string) => state.messages.get(id);

  function readConversation(call: Call) {
    return { status: 200, body: showConversation(conversations.get(call.param("conversationId")), findMessage) };
  }

  function readMessageConversation(call: Call) {
    const conversation = conversations.get(call.param("conversationId"));
    if (conversation.messengerType === "email") throw notFound();
    return { status: 200, body: showMessageConversation(conversation, findMessage) };
  }

  function readMessage(call: Call) {
    const message = conversations.getMessage(call.param("messageId"));
    if (message.conversationId !== conversations.get(call.param("conversationId")).id) throw notFound();
    return { status: 200, body: showMessage(message) };
  }

  function readMessageDetails(call: Call) {
    return { status: 200, body: showMessage(conversations.getMessage(call.param("messageId"))) };
  }

  /** Ids that are no message of this conversation are left out of the answer. */
  function readBulk(call: Call) {
    const { id } = conversations.get(call.param("conversationId"));
    const ids = parseBody(z.array(z.string()), call.body);
    if (ids.length > mostBulkIds) throw badRequest(`At most ${mostBulkIds} messages can be requested at once.`);
    const found = ids.flatMap((messageId) => findMessage(messageId) ?? []);
    return {
      status: 200,
      body: { entities: found.filter((message) => message.conversationId === id).map(showMessage) },
    };
  }

  /** Works on conversations that have ended, too. */
  function patchAttributes(call: Call) {
    const participant = findParticipant(conversations.get(call.param("conversationId")), call.param("participantId"));
    Object.assign(participant.attributes, parseBody(attributesBody, call.body).attributes);
    return { status: 204 };
  }

  function disconnectConversation(call: Call) {
    conversationEnd.end(conversations.get(call.param("conversationId")), "system");
    return { status: 202, body: "" };
  }

  function patchConversation(call: Call) {
    const conversation = conversations.get(call.param("conversationId"));
    parseBody(ended, call.body);
    conversationEnd.end(conversation, "system");
    return { status: 200, body: showConversation(conversation, findMessage) };
  }

  function patchParticipant(call: Call) {
    const conversation = conversations.get(call.param("conversationId"));
    const participant = findParticipant(conversation, call.param("participantId"));
    parseBody(ended, call.body);
    conversationEnd.endParticipant(conversation, participant);
    return { status: 204 };
  }

  const messages = "/api/v2/conversations/messages/{conversationId}";
  return [
    {
      method: "GET",
      path: "/api/v2/conversations/{conversationId}",
      needs: { any: ["conversation:communication:view"] },
      handle: readConversation,
    },
    { method: "GET", path: messages, handle: readMessageConversation },
    { method: "GET", path: `${messages}/messages/{messageId}`, needs: viewMessages, handle: readMessage },
    {
      method: "GET",
      path: "/api/v2/conversations/messages/{messageId}/details",
      needs: viewMessages,
      handle: readMessageDetails,
    },
    { method: "POST", path: `${messages}/messages/bulk`, needs: viewMessages, handle: readBulk },
    {
      method: "PATCH",
      path: "/api/v2/conversations/{conversationId}/participants/{participantId}/attributes",
      handle: patchAttributes,
    },
    {
      method: "POST",
      path: "/api/v2/conversations/{conversationId}/disconnect",
      needs: disconnect,
      handle: disconnectConversation,
    },
    {
      method: "PATCH",
      path: messages,
      needs: { any: ["conversation:communication:disconnect", "conversation:message:park"] },
      handle: patchConversation,
    },
    {
      method: "PATCH",
      path: `${messages}/participants/{participantId}`,
      needs: {
        any: ["conversation:participant:wrapup", "conversation:call:record", "conversation:communication:disconnect"],
      },
      handle: patchParticipant,
    },
  ];
}

function findParticipant(conversation: Conversation, participantId: string) {
  const found = conversation.participants.find(({ id }) => id === participantId);
  if (!found) throw notFound();
  return found;
}
