/** `POST /conversations/messages/{integrationId}/inbound/open/{message|event|structured/response}`: what customers send. */
import { badRequest, notFound, parseBody } from "./api-error";
import { type Conversations, customerOf } from "./conversations";
import type { Events } from "./events";
import type { Faults } from "./faults";
import { newMessageId } from "./ids";
import {
  type InboundMessage,
  inboundEvent,
  inboundMessage,
  inboundStructuredResponse,
  type MessageChannel,
} from "./inbound-schemas";
import type { Integrations } from "./integrations";
import { allowsMedia } from "./media-types";
import { customerLeg, type Outbound, toBytes } from "./outbound";
import { buildInboundReceipt } from "./outbound-message";
import type { Call, Route } from "./route";
import type { Conversation, Customer, Integration, State, StoredMessage } from "./state";

export interface InboundDeps {
  state: State;
  conversations: Conversations;
  integrations: Integrations;
  outbound: Pick<Outbound, "transmit">;
  faults: Faults;
  emit: Events["emit"];
  now: () => number;
  contactFor(integration: Integration, customer: Customer): string | undefined;
  /** Whether the webhook is told that a message was published. */
  publishReceipts: boolean;
}

type Reasons = readonly { code?: string; message: string }[];
const needs = { all: ["conversation:message:receive"] };
const base = "/api/v2/conversations/messages/{integrationId}/inbound/open";

export function createInboundRoutes(deps: InboundDeps): Route[] {
  const { state, conversations, integrations } = deps;

  function takeMessage(call: Call) {
    const integration = integrations.get(call.param("integrationId"));
    const body = parseBody(inboundMessage, call.body);
    const { content, refused } = filterContent(integration, body);
    const id = newMessageId();
    const conversation = openConversation(integration, body.channel.from);
    const normalized = {
      id,
      channel: echoChannel(integration, id, body.channel),
      type: "Text",
      ...(body.text ? { text: body.text } : {}),
      ...(content.length > 0 ? { content } : {}),
      ...(body.metadata ? { metadata: body.metadata } : {}),
    };
    setAttributes(conversation, body.channel);
    storeInbound(conversation, integration, normalized, body.channel);
    reportLater(integration, normalized, refused);
    const answer =
      call.query.get("prefetchConversationId") === "true"
        ? { ...normalized, conversationId: conversation.id }
        : normalized;
    return { status: 200, body: answer };
  }

  function takeEvent(call: Call) {
    const integration = integrations.get(call.param("integrationId"));
    const body = parseBody(inboundEvent, call.body);
    if (!integration.typing.inbound) throw badRequest("Inbound typing events are not enabled for this integration.");
    const id = newMessageId();
    const events = body.events.map(({ eventType }) => ({ eventType, typing: { type: "On", duration: 5000 } }));
    return { status: 200, body: { id, channel: echoChannel(integration, id, body.channel), type: "Event", events } };
  }

  function takeStructuredResponse(call: Call) {
    const integration = integrations.get(call.param("integrationId"));
    const body = parseBody(inboundStructuredResponse, call.body);
    const conversation = conversations.findConnected(integration.id, body.channel.from.id);
    const original = state.messages.get(body.originatingMessageId);
    if (!conversation || original?.conversationId !== conversation.id || original.direction !== "outbound") {
      throw notFound("The structured message this responds to belongs to no connected conversation of the sender.");
    }
    const id = newMessageId();
    const normalized = {
      id,
      channel: echoChannel(integration, id, body.channel),
      type: "Structured",
      direction: "Inbound",
      content: [{ contentType: "ButtonResponse", buttonResponse: body.buttonResponse }],
    };
    storeInbound(conversation, integration, normalized, body.channel);
    reportLater(integration, normalized);
    return { status: 200, body: normalized };
  }

  /** The customer's running conversation, or a new one. What they say of themselves last is what answers carry. */
  function openConversation(integration: Integration, from: Customer) {
    const running = conversations.findConnected(integration.id, from.id);
    if (running) {
      running.customer = from;
      return running;
    }
    return conversations.start(
      { address: integration.id, messengerType: "open", direction: "inbound", customer: from },
      deps.contactFor(integration, from),
    );
  }

  function storeInbound(
    conversation: Conversation,
    integration: Integration,
    normalized: StoredMessage["normalized"] & { id: string },
    channel: MessageChannel,
  ) {
    const message: StoredMessage = {
      id: normalized.id,
      conversationId: conversation.id,
      direction: "inbound",
      messengerType: conversation.messengerType,
      status: "received",
      timestamp: new Date(deps.now()).toISOString(),
      fromAddress: channel.from.id,
      toAddress: integration.id,
      normalized,
      receipts: [],
    };
    conversations.addMessage(customerLeg(conversation), message);
    deps.emit("inbound", message);
  }

  /** Attachments of a type the profile does not carry are dropped; a message left with nothing fails. */
  function filterContent(integration: Integration, { content, text }: InboundMessage) {
    const attachments = (content ?? []).flatMap(({ attachment }) => (attachment ? [attachment] : []));
    const [kept, dropped] = [true, false].map((carried) =>
      attachments.filter(({ mime }) => allowsMedia(state, integration, "inbound", mime) === carried),
    );
    const reasons = (dropped ?? []).map(({ mime }) => ({
      code: "MediaTypeNotAllowed",
      message: `${mime} is not in the supported content profile.`,
    }));
    return {
      content: (kept ?? []).map((attachment) => ({ contentType: "Attachment", attachment })),
      refused: reasons.length > 0 && (kept ?? []).length === 0 && !text ? reasons : undefined,
    };
  }

  /** Tells the connector, after the answer, what became of its message. */
  function reportLater(
    integration: Integration,
    normalized: { id: string; channel: EchoedChannel },
    refused?: Reasons,
  ) {
    const reasons: Reasons | undefined = refused ?? deps.faults.takeInboundFault(integration.id)?.reasons;
    if (!deps.publishReceipts && !reasons) return;
    const receipt = buildInboundReceipt({
      id: normalized.id,
      integrationId: integration.id,
      messageId: normalized.channel.messageId,
      from: normalized.channel.from,
      time: new Date(deps.now()).toISOString(),
      customAttributes: normalized.channel.metadata?.customAttributes,
      reasons,
    });
    setImmediate(() => void deps.outbound.transmit(integration, toBytes(receipt), normalized.id));
  }

  return [
    { method: "POST", path: `${base}/message`, needs, handle: takeMessage },
    { method: "POST", path: `${base}/event`, needs, handle: takeEvent },
    { method: "POST", path: `${base}/structured/response`, needs, handle: takeStructuredResponse },
  ];
}

type EchoedChannel = ReturnType<typeof echoChannel>;

/** The channel as the answer shows it: completed with the integration and an id. */
function echoChannel(
  integration: Integration,
  id: string,
  channel: Pick<MessageChannel, "from" | "time"> & Partial<MessageChannel>,
) {
  return {
    id: integration.id,
    platform: "Open",
    type: "Private",
    messageId: channel.messageId ?? id,
    to: { id: integration.id },
    from: channel.from,
    time: channel.time,
    ...(channel.metadata ? { metadata: channel.metadata } : {}),
  };
}

/** `customAttributes` are participant data of the customer. */
function setAttributes(conversation: Conversation, { metadata }: MessageChannel) {
  const attributes = Object.entries(metadata?.customAttributes ?? {}).map(([name, value]) => [name, String(value)]);
  Object.assign(customerOf(conversation).attributes, Object.fromEntries(attributes));
}
