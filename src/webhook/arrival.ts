/** What a verified webhook body leads to: the rows to keep and what is due. Pure. */
import { dedupKey, direction } from "../message/identity";
import { deliverableKinds, type Message } from "../message/message";
import { normalize } from "../message/normalize";
import { summarize } from "../message/summary";
import { listUnknownElements } from "../message/unknown-fields";
import type { Arrival } from "../store/ingest";
import { laneOf } from "../store/keys";
import { inboundReceiptQueue, typingQueue } from "../store/queues";

/** What the settings say of an integration, as far as a webhook needs it. */
export interface WebhookIntegration {
  name: string;
  id: string;
  signatureSecrets: readonly string[];
  /** The channel its messages go through. */
  channel: string;
  /** The channel hands on what came as it came: also that of which no customer would be shown anything. */
  forwards?: true;
}

export interface Capture {
  body: Buffer;
  headers: Record<string, string>;
  receivedAt: number;
}

const deliverable: ReadonlySet<string> = new Set([...deliverableKinds, "unsupported"]);

export function planArrival(
  parsed: Record<string, unknown>,
  capture: Capture,
  integration: WebhookIntegration,
  newId: () => string,
): Arrival {
  const id = newId();
  const message = normalize(parsed, { id, integration: integration.name, integrationId: integration.id });
  const { receivedAt } = capture;
  const { recipient } = message;
  const arrival: Arrival = {
    id,
    dedupKey: dedupKey(parsed, capture.body, integration.name),
    integration: integration.name,
    integrationId: integration.id,
    genesysMessageId: message.genesysMessageId,
    direction: direction(message),
    kind: message.kind,
    conversationId: message.conversationId ?? null,
    recipientId: recipient.id,
    recipientIdType: recipient.idType,
    receivedAt,
    sentAt: message.sentAt === null ? null : Date.parse(message.sentAt),
    summary: summarize(message),
    fate: "noted",
    reason: null,
    headers: capture.headers,
    body: capture.body,
    message,
    ledger: [{ at: receivedAt, event: "message.stored", ...noteworthy(message, receivedAt) }],
  };
  if (message.kind === "typing") return { ...arrival, tasks: [showTyping(message, integration.channel, receivedAt)] };
  const lane = laneOf(integration.name, recipient.id);
  if (!deliverable.has(message.kind)) {
    // Whoever lived behind the webhook before was told of it, in its place.
    if (integration.forwards) {
      arrival.fate = "open";
      arrival.delivery = { id: newId(), channel: integration.channel, lane };
    }
    if (message.kind !== "receipt") return arrival;
    return { ...arrival, tasks: [{ key: `inbound-receipt:${id}`, queue: inboundReceiptQueue, dueAt: receivedAt }] };
  }
  if (recipient.id === "") {
    return {
      ...arrival,
      fate: "failed",
      reason: { code: "InvalidMessageStructure", message: "channel.to.id is missing: nobody to deliver to" },
      ledger: [
        ...arrival.ledger,
        { at: receivedAt, event: "delivery.failed", detail: { code: "InvalidMessageStructure" } },
      ],
    };
  }
  arrival.fate = "open";
  arrival.delivery = { id: newId(), channel: integration.channel, lane };
  return arrival;
}

const mostNamed = 20;
const longestName = 100;

/**
 * Genesys Cloud repeats what it believes unanswered after 5 s: what comes so late may have been overtaken by later messages. And the
 * content types of which the customer will see nothing.
 */
function noteworthy(message: Message, receivedAt: number): { detail?: Record<string, unknown> } {
  const { sentAt } = message;
  const lateMs = sentAt === null ? 0 : receivedAt - Date.parse(sentAt);
  const unknown = listUnknownElements(message);
  if (lateMs <= 4000 && unknown.length === 0) return {};
  return {
    detail: {
      ...(lateMs > 4000 && { lateMs }),
      ...(unknown.length > 0 && {
        unknownElements: unknown.slice(0, mostNamed).map((name) => name.slice(0, longestName)),
      }),
    },
  };
}

function showTyping(message: Extract<Message, { kind: "typing" }>, channel: string, receivedAt: number) {
  return {
    key: `typing:${message.id}`,
    queue: typingQueue(channel),
    dueAt: receivedAt,
    detail: { staleAt: receivedAt + message.typing.durationMs },
  };
}
