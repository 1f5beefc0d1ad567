/** Texts that Genesys Cloud sent for us without an agent, found again by whom they went to. */
import { z } from "zod";
import type { GenesysAnswer } from "./answer";
import type { GenesysClient } from "./client";
import { createConversations, isUndelivered } from "./conversations";

/** What was sent, and what is known of it by now. */
export interface SentText {
  id: string;
  text: string;
  status: "sent" | "delivered" | "failed";
}

export interface SentTextQuestion {
  /** E.164, both. */
  from: string;
  to: string;
  /** Sent since, and until now; milliseconds UTC. */
  since: number;
  until: number;
}

/** An address has few conversations of a quarter of an hour. */
const mostConversations = 10;

const delivered = new Set(["delivery-success", "read", "received"]);

const found = z.looseObject({
  conversations: z.array(z.looseObject({ conversationId: z.string() })).default([]),
});
const textBody = z.looseObject({ text: z.string() });

/**
 * Returns `findTexts`: the SMS between two numbers. It takes one request, and two for each conversation found; needs
 * `analytics:conversationDetail:view` and `conversation:message:view`. Genesys Cloud shows conversations there seconds to minutes after they
 * began, so that what is not found may still have been sent.
 */
export function createSentTexts(client: Pick<GenesysClient, "ask">) {
  const { readMessageConversation, readMessages } = createConversations(client);

  async function findTexts({ from, to, since, until }: SentTextQuestion): Promise<GenesysAnswer<SentText[]>> {
    const wanted = { mediaType: "message", messageType: "sms", addressFrom: from, addressTo: to };
    const predicates = Object.entries(wanted).map(([dimension, value]) => ({
      type: "dimension",
      dimension,
      operator: "matches",
      value,
    }));
    const listed = await client.ask({
      operation: "sentTexts.find",
      priority: "lookup",
      send: ({ conversations }) =>
        conversations.postAnalyticsConversationsDetailsQuery({
          interval: [since, until].map((at) => new Date(at).toISOString()).join("/"),
          segmentFilters: [{ type: "and", predicates }],
          order: "desc",
          orderBy: "conversationStart",
          paging: { pageSize: mostConversations, pageNumber: 1 },
        }),
      answer: found,
    });
    if (listed.status !== "done") return listed;
    const texts: SentText[] = [];
    for (const { conversationId } of listed.value.conversations) {
      const read = await readTexts(conversationId, since);
      if (read.status !== "done") return read;
      texts.push(...read.value);
    }
    return { status: "done", answer: listed.answer, value: texts };
  }

  async function readTexts(conversationId: string, since: number): Promise<GenesysAnswer<SentText[]>> {
    const conversation = await readMessageConversation(conversationId);
    if (conversation.status !== "done") return conversation;
    const ids = conversation.value.messages
      .filter(({ participant, at }) => participant?.purpose !== "customer" && !(Date.parse(at ?? "") < since))
      .map(({ messageId }) => messageId);
    const messages = await readMessages(conversationId, ids);
    if (messages.status !== "done") return messages;
    return {
      ...messages,
      value: messages.value.flatMap((message): SentText[] => {
        const body = textBody.safeParse(message.normalized);
        if (!body.success) return [];
        const { messageId: id, status } = message;
        const known = isUndelivered(message) ? "failed" : delivered.has(status) ? "delivered" : "sent";
        return [{ id, text: body.data.text, status: known }];
      }),
    };
  }

  return { findTexts };
}
