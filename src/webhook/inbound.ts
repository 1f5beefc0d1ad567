/** What a request of an adapter leads to: the rows to keep and what is due. Pure. */
import { adapterDedupKey } from "../message/identity";
import { type AdapterCall, readCall } from "../message/inbound";
import type { Message } from "../message/message";
import { summarize } from "../message/summary";
import type { CustomerFacts } from "../store/customers";
import type { Arrival } from "../store/ingest";
import { inboundLaneOf } from "../store/keys";
import { contactTask } from "../store/contact-tasks";
import { failureQueue, failureTaskKey, inboundChannelName, typingQueue } from "../store/queues";

/** What the settings say of an integration, as far as customers' messages need it. */
export interface InboundIntegration {
  name: string;
  id: string;
  /** The organisation whose Genesys Cloud they go to; undefined: there is none to tell. */
  organisation?: string | undefined;
  contacts?: { automatic: boolean } | undefined;
}

/** A verified and valid request. */
export interface InboundRequest {
  /** The channel whose adapter sent it. */
  channel: string;
  /** The request's `webhook-id`: all that tells one event from its repeat. */
  webhookId: string;
  call: AdapterCall;
  /** The body as parsed, with what the schema does not know. */
  parsed: unknown;
  body: Buffer;
  headers: Record<string, string>;
  receivedAt: number;
}

export function planInbound(request: InboundRequest, integration: InboundIntegration, newId: () => string): Arrival {
  const { channel, call, receivedAt } = request;
  const { name, organisation } = integration;
  const id = newId();
  const message = readCall(call, { id, integration: name, integrationId: integration.id }, request.parsed);
  const arrival: Arrival = {
    id,
    dedupKey: adapterDedupKey({
      channel,
      integration: name,
      route: call.route,
      id: call.route === "events" ? request.webhookId : call.body.messageId,
    }),
    integration: name,
    integrationId: integration.id,
    genesysMessageId: null,
    direction: "inbound",
    kind: message.kind,
    conversationId: null,
    recipientId: message.recipient.id,
    recipientIdType: message.recipient.idType,
    receivedAt,
    sentAt: message.sentAt === null ? null : Date.parse(message.sentAt),
    summary: summarize(message),
    fate: "noted",
    reason: null,
    headers: request.headers,
    body: request.body,
    source: channel,
    ledger: [{ at: receivedAt, event: "message.stored" }],
    ...(isPresent(call) ? { showsPresence: true } : {}),
    customer: readFacts(call),
  };
  if (message.kind === "typing") {
    return organisation === undefined
      ? arrival
      : { ...arrival, tasks: [passOnTyping(message, organisation, receivedAt)] };
  }
  if (call.route === "events") return arrival;
  if (organisation === undefined) return failUnattached(arrival, channel);
  return {
    ...arrival,
    fate: "open",
    delivery: {
      id: newId(),
      channel: inboundChannelName(organisation),
      lane: inboundLaneOf(name, message.recipient.id),
    },
    ...(integration.contacts?.automatic
      ? { tasks: [contactTask({ integration: name, recipientId: message.recipient.id, dueAt: receivedAt })] }
      : {}),
  };
}

function readFacts({ body: { from } }: AdapterCall): CustomerFacts {
  const { email, phone, timeZone, language } = from;
  return { email, phone, timeZone, language };
}

/** Whether the customer is there to read what was missed. */
function isPresent(call: AdapterCall): boolean {
  return call.route !== "events" || call.body.type === "online";
}

function passOnTyping(message: Extract<Message, { kind: "typing" }>, organisation: string, receivedAt: number) {
  return {
    key: `typing:${message.id}`,
    queue: typingQueue(inboundChannelName(organisation)),
    dueAt: receivedAt,
    detail: { staleAt: receivedAt + message.typing.durationMs },
  };
}

/** There is no Genesys Cloud to take it: it is kept, and its adapter hears so. */
function failUnattached(arrival: Arrival, channel: string): Arrival {
  const { id, receivedAt: at } = arrival;
  const code = "GeneralError";
  return {
    ...arrival,
    fate: "failed",
    reason: { code, message: "the integration belongs to no organisation, so there is no Genesys Cloud to take it" },
    ledger: [...arrival.ledger, { at, event: "delivery.failed", detail: { code } }],
    tasks: [{ key: failureTaskKey(id), queue: failureQueue(channel), dueAt: at, detail: { messageId: id, at } }],
  };
}
