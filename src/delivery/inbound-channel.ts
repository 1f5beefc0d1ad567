/** The road into Genesys Cloud, in the shape of a channel: what customers send travels like everything else. */
import type { Channel, OutboundDelivery, Outcome } from "../channels/channel";
import type { AdapterMessage, AdapterResponse } from "../message/adapter";
import { type AdapterCall, parseCall } from "../message/inbound";
import { guessMime } from "../message/mime";
import type { ReasonCode } from "../message/message";
import { inboundChannelName } from "../store/queues";
import type { QueueWork } from "./worker";

/** The customer, in the fields that Genesys Cloud knows. */
export interface InboundSender {
  id: string;
  idType: "Email" | "Phone" | "Opaque";
  nickname?: string;
  firstName?: string;
  lastName?: string;
  email?: string;
}

interface Envelope {
  from: InboundSender;
  /** ISO 8601 in UTC. */
  time: string;
  /** Our id of the message: the same over all tries, and what receipts for it name. */
  messageId: string;
  customAttributes?: Record<string, string>;
}

type InboundAttachment = NonNullable<AdapterMessage["attachments"]>[number] & { mime: string };

/** What Genesys Cloud answered to one try. */
export type InboundAnswer =
  | { status: "done"; answer: string; value: { id?: string | undefined; conversationId?: string | undefined } }
  | { status: "refused"; answer: string; error: { status: number | undefined; code: string } }
  | {
      status: "later";
      answer: string;
      error: { status: number | undefined; code: string };
      retryAfterMs?: number;
    };

/** The calls of Genesys Cloud that take what customers do. None throws for what Genesys Cloud does. */
export interface GenesysInbound {
  sendMessage(
    integrationId: string,
    message: Envelope & { text?: string; attachments?: InboundAttachment[] },
  ): Promise<InboundAnswer>;
  sendResponse(
    integrationId: string,
    response: Envelope & { response: AdapterResponse["response"]; originatingMessageId: string },
  ): Promise<InboundAnswer>;
  sendTyping(integrationId: string, typing: { from: InboundSender; time: string }): Promise<unknown>;
}

export interface InboundChannelDeps {
  organisation: string;
  inbound: GenesysInbound;
  /** Genesys Cloud's ids of a message that has this id of ours; undefined when none has. */
  findGenesysIds(
    messageId: string,
  ): Promise<{ genesysMessageId: string | null; conversationId: string | null } | undefined>;
  now: () => number;
}

export interface InboundChannel extends Channel {
  /** Until when Genesys Cloud, or the budget of its rate limit, asks to be left alone. */
  pausedUntil(): number;
}

/** Longest a try can take: a slot of the budget, a token, the request, and both again after a 401. */
const timeoutMs = 75_000;

/** Tries of one organisation at once: more would only wait for the rate limit of Genesys Cloud, inside their lease. */
const lanesAtOnce = 20;

/**
 * Makes the channel of one organisation. Text goes in as it is however long: Genesys Cloud's limit is not documented, and
 * a message in parts would no longer be one with one receipt; what it refuses fails, and the adapter hears why.
 *
 * A try whose answer was lost is repeated under the same `channel.messageId`.
 */
export function createInboundChannel(deps: InboundChannelDeps): InboundChannel {
  const { inbound, now } = deps;
  let pausedUntil = 0;

  async function send({ message, receivedAt }: OutboundDelivery): Promise<Outcome> {
    const call = parseCall(message.kind, message.raw);
    if (call === undefined || call.route === "events")
      return refuse("InvalidMessageStructure", "it cannot be understood");
    const envelope = writeEnvelope(call, message.id, receivedAt ?? now());
    if (call.route === "messages") {
      return judge(await inbound.sendMessage(message.integrationId, { ...envelope, ...writeContent(call.body) }));
    }
    const { response, originatingMessageId } = call.body;
    const known = await deps.findGenesysIds(originatingMessageId);
    if (known?.genesysMessageId === null) {
      return refuse("UnknownMessage", "the message it responds to has no id in Genesys Cloud");
    }
    const answer = await inbound.sendResponse(message.integrationId, {
      ...envelope,
      response,
      originatingMessageId: known?.genesysMessageId ?? originatingMessageId,
    });
    const outcome = judge(answer, "UnknownMessage");
    const conversationId = known?.conversationId;
    return outcome.status === "failed" || !conversationId ? outcome : { conversationId, ...outcome };
  }

  function judge(answer: InboundAnswer, notFound?: ReasonCode): Outcome {
    if (answer.status === "later" && answer.retryAfterMs !== undefined) {
      pausedUntil = Math.max(pausedUntil, now() + answer.retryAfterMs);
    }
    return judgeAnswer(answer, notFound);
  }

  return {
    name: inboundChannelName(deps.organisation),
    type: "genesys",
    accepts: { kinds: ["text", "media", "structured", "typing"] },
    // What the adapter sent is read again here, so that nothing of it is left out.
    handsOnOriginal: true,
    concurrency: lanesAtOnce,
    confirms: "accepted",
    repeatable: true,
    timeoutMs,
    retry: { maxAgeSeconds: 86_400, firstDelayMs: 1000, maxDelayMs: 60_000 },
    send,
    async sendTyping({ message, receivedAt }) {
      const call = parseCall(message.kind, message.raw);
      if (call === undefined) return;
      const { from, time } = writeEnvelope(call, message.id, receivedAt ?? now());
      await inbound.sendTyping(message.integrationId, { from, time });
    },
    pausedUntil: () => pausedUntil,
  };
}

/** What an answer of Genesys Cloud means for the message. `notFound` is the code that a 404 stands for. */
export function judgeAnswer(answer: InboundAnswer, notFound: ReasonCode = "InvalidDestination"): Outcome {
  const said = answer.answer;
  if (answer.status === "done") {
    const { id, conversationId } = answer.value;
    return {
      status: "accepted",
      ...(id === undefined ? {} : { providerMessageId: id }),
      ...(conversationId === undefined ? {} : { conversationId }),
      answer: said,
    };
  }
  const { error } = answer;
  if (answer.status === "refused") {
    const code = error.status === 404 ? notFound : codeOfRefusal(error);
    return {
      status: "failed",
      retryable: false,
      reason: { code, message: `Genesys Cloud refused it: ${said}` },
      answer: said,
    };
  }
  const { retryAfterMs } = answer;
  // A spent budget and a 429 say that Genesys Cloud is well and busy; anything else that it may not be well.
  const code = error.status === 429 || error.code === "budget.spent" ? "RateLimited" : "ServerError";
  return {
    status: "failed",
    retryable: true,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    reason: { code, message: `Genesys Cloud did not take it yet: ${said}` },
    answer: said,
  };
}

function codeOfRefusal({ status, code }: { status: number | undefined; code: string }): ReasonCode {
  if (status === 400 || status === 413 || status === 422 || code.startsWith("invalid."))
    return "InvalidMessageStructure";
  if (status === 403) return "MessageNotAllowed";
  return status === 415 ? "MediaTypeNotAllowed" : "GeneralError";
}

/** `time` is when the customer did it, as far as the adapter says; else when it reached the bridge. */
function writeEnvelope({ route, body }: AdapterCall, messageId: string, receivedAt: number): Envelope {
  const { id, idType, nickname, firstName, lastName, email } = body.from;
  const known = Object.entries({ nickname, firstName, lastName, email }).filter(([, value]) => value);
  const time = body.at === undefined ? new Date(receivedAt) : new Date(body.at);
  const attributes = route === "messages" ? body.customAttributes : undefined;
  return {
    from: { id, idType, ...Object.fromEntries(known) },
    time: time.toISOString(),
    messageId,
    ...(attributes === undefined ? {} : { customAttributes: attributes }),
  };
}

/** Genesys Cloud wants a MIME type with every attachment, and no empty fields. */
function writeContent({ text, attachments = [] }: AdapterMessage) {
  return {
    ...(text ? { text } : {}),
    ...(attachments.length === 0 ? {} : { attachments: attachments.map(writeAttachment) }),
  };
}

function writeAttachment(attachment: NonNullable<AdapterMessage["attachments"]>[number]): InboundAttachment {
  const given = Object.fromEntries(Object.entries(attachment).filter(([, value]) => value)) as typeof attachment;
  return { ...given, mime: given.mime ?? guessMime(given) };
}

function refuse(code: ReasonCode, message: string): Outcome {
  return { status: "failed", retryable: false, reason: { code, message }, answer: "not sent" };
}

/** The work of an inbound channel's queue: `delivery` made for it, held back while Genesys Cloud asks to be left alone. */
export function paceInbound<Work extends QueueWork>(
  delivery: Work,
  channel: Pick<InboundChannel, "pausedUntil">,
): Work {
  return {
    ...delivery,
    permits(now) {
      const until = channel.pausedUntil();
      return now < until
        ? { count: 0, askAgainAt: until }
        : (delivery.permits?.(now) ?? { count: Number.POSITIVE_INFINITY });
    },
  };
}
