/** What goes out to the connector: people and flows speaking, and webhooks made by hand. */
import { z } from "zod";
import { badRequest } from "./api-error";
import { type Conversations, customerOf, deliveryError, legOf, type Speaker } from "./conversations";
import type { Events } from "./events";
import { type Integrations, targetOf } from "./integrations";
import { allowsMedia } from "./media-types";
import { buildOutbound, type OutboundBody, type Utterance, utterance } from "./outbound-message";
import type { Conversation, Customer, Integration, State, StoredMessage } from "./state";
import type { WebhookRecord, WebhookSender } from "./webhook-sender";

/** Longest text of a message outside SMS, in characters. */
export const longestText = 2000;

/** To whom: a running conversation, or a customer of an integration (the only one when none is named). */
export interface Addressee {
  conversationId?: string;
  integrationId?: string;
  /** The customer's id, exactly as the connector knows it. */
  recipient?: string | Customer;
}

export interface Said {
  messageId: string;
  conversationId: string;
  body: OutboundBody;
  /** Resolves when the webhook was accepted, refused or given up; never rejects. */
  sent: Promise<WebhookRecord>;
}

export interface OutboundDeps {
  state: State;
  conversations: Conversations;
  integrations: Integrations;
  sender: Pick<WebhookSender, "send">;
  emit: Events["emit"];
  now: () => number;
  /** The external contact a new conversation's customer belongs to. */
  contactFor(integration: Integration, customer: Customer): string | undefined;
}

export function createOutbound(deps: OutboundDeps) {
  const { state, conversations, integrations, emit } = deps;

  /** An agent by default, or a bot or flow, says something to a customer. */
  function say(to: Addressee, what: Utterance | string, speaker: Speaker = { purpose: "agent" }): Said {
    const spoken = utterance.parse(typeof what === "string" ? { kind: "text", text: what } : what);
    const { integration, conversation } = openConversation(to);
    if ("text" in spoken && (spoken.text ?? "").length > longestText) {
      throw badRequest(`The text is longer than ${longestText} characters.`);
    }
    if (spoken.kind === "typing" && !integration.typing.outbound) {
      throw badRequest("Outbound typing events are not enabled for this integration.");
    }
    const body = buildOutbound(spoken, {
      integration,
      customer: conversation.customer,
      conversationId: conversation.id,
      time: new Date(deps.now()).toISOString(),
      originatingEntity: entityOf(speaker),
    });
    const leg = conversations.joinSpeaker(conversation, speaker);
    const said = { messageId: body.id, conversationId: conversation.id, body };
    if (spoken.kind === "typing") return { ...said, sent: transmit(integration, toBytes(body), body.id) };

    const message = toStoredMessage(body, conversation);
    conversations.addMessage(leg, message);
    const mime = spoken.kind === "media" ? spoken.attachment.mime : undefined;
    if (mime !== undefined && !allowsMedia(state, integration, "outbound", mime)) {
      return { ...said, sent: Promise.resolve(withhold(integration, message, mime)) };
    }
    return { ...said, sent: deliver(integration, message, toBytes(body)) };
  }

  /**
   * Signs and sends a body as it is, bytes unchanged when a Buffer or a string is given. A text or structured message
   * with an id becomes known, so that its receipts are taken.
   */
  async function sendOutbound(integrationId: string, body: object | string | Buffer): Promise<WebhookRecord> {
    const integration = integrations.get(integrationId);
    const raw = toBytes(body);
    const parsed = readableMessage.safeParse(parseJson(raw));
    if (!parsed.success) return transmit(integration, raw);
    const { id, type } = parsed.data;
    if (type !== "Text" && type !== "Structured") return transmit(integration, raw, id);
    return deliver(integration, state.messages.get(id) ?? register(integration, parsed.data), raw);
  }

  /** Sends a webhook that is no message of a conversation: a receipt, a typing event. */
  async function transmit(integration: Integration, raw: Buffer, messageId?: string): Promise<WebhookRecord> {
    const record = await deps.sender.send(targetOf(integration), raw, messageId);
    emit("webhook", record);
    return record;
  }

  /** Sends a message and lets what became of the webhook decide its status. */
  async function deliver(integration: Integration, message: StoredMessage, raw: Buffer): Promise<WebhookRecord> {
    const record = await deps.sender.send(targetOf(integration), raw, message.id);
    if (record.ended === "accepted") conversations.markSent(message);
    else if (record.ended !== "stopped") conversations.failUndelivered(message, record.error ?? "no answer");
    emit("webhook", record);
    return record;
  }

  function withhold(integration: Integration, message: StoredMessage, mime: string): WebhookRecord {
    const reason = { code: "MediaTypeNotAllowed", message: `${mime} is not in the supported content profile.` };
    conversations.setStatus(message, "delivery-failed", deliveryError([reason]));
    return {
      integrationId: integration.id,
      messageId: message.id,
      attempts: [],
      ended: "refused",
      error: reason.message,
    };
  }

  function openConversation({ conversationId, integrationId, recipient }: Addressee) {
    if (conversationId !== undefined) {
      const conversation = conversations.get(conversationId);
      return { conversation, integration: integrations.get(conversation.address) };
    }
    if (recipient === undefined) throw badRequest("Name a conversation or a recipient.");
    const integration = integrations.getOrOnly(integrationId);
    const customer = typeof recipient === "string" ? { id: recipient } : recipient;
    const conversation =
      conversations.findConnected(integration.id, customer.id) ?? startOutbound(integration, customer);
    return { conversation, integration };
  }

  function startOutbound(integration: Integration, customer: Customer, id?: string) {
    return conversations.start(
      { id, address: integration.id, messengerType: "open", direction: "outbound", customer },
      deps.contactFor(integration, customer),
    );
  }

  /** Makes a hand-made message known under its own id and, when it names one, its own conversation. */
  function register(integration: Integration, body: ReadableMessage) {
    const customer = body.channel?.to ?? { id: "" };
    const conversation =
      state.conversations.get(body.conversationId ?? "") ??
      (body.conversationId === undefined ? conversations.findConnected(integration.id, customer.id) : undefined) ??
      startOutbound(integration, customer, body.conversationId);
    const message = toStoredMessage(body, conversation);
    const purpose = body.originatingEntity === "Bot" ? "bot" : "agent";
    conversations.addMessage(conversations.joinSpeaker(conversation, { purpose }), message);
    return message;
  }

  /** The stored form of a message that is about to go out. */
  function toStoredMessage(body: { id: string; type: string }, conversation: Conversation): StoredMessage {
    return {
      id: body.id,
      conversationId: conversation.id,
      direction: "outbound",
      messengerType: conversation.messengerType,
      status: "queued",
      timestamp: new Date(deps.now()).toISOString(),
      fromAddress: conversation.address,
      toAddress: conversation.customer.id,
      normalized: { ...body },
      receipts: [],
    };
  }

  return { say, sendOutbound, transmit, deliver };
}
export type Outbound = ReturnType<typeof createOutbound>;

/** The customer's communication of a conversation, where their own messages go. */
export function customerLeg(conversation: Conversation) {
  return legOf(customerOf(conversation));
}

/** Compact JSON, UTF-8 not escaped: what `JSON.stringify` writes. */
export function toBytes(body: object | string | Buffer): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

const readableMessage = z.looseObject({
  id: z.string().min(1),
  type: z.string(),
  conversationId: z.string().optional(),
  originatingEntity: z.string().optional(),
  channel: z.looseObject({ to: z.looseObject({ id: z.string() }).optional() }).optional(),
});
type ReadableMessage = z.infer<typeof readableMessage>;

function parseJson(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString("utf8"));
  } catch {
    return undefined;
  }
}

function entityOf({ purpose }: Speaker) {
  if (purpose === "api") return undefined;
  return purpose === "agent" ? "Human" : "Bot";
}
