/** The channel to an adapter in any language: one signed POST for each delivery (DESIGN: Adapters). */
import { deliverableKinds, type Message } from "../message/message";
import { writeJson } from "../message/write-json";
import { decodeStandardWebhooksSecret, signStandardWebhook } from "../standard-webhooks";
import type { Accepts, Channel, OutboundDelivery, RetryRule } from "./channel";
import { createHttpExchange, type HttpAnswer } from "../outgoing/exchange";
import { judgeAnswer, judgeHeard } from "./http-outcome";

export interface HttpChannelSettings {
  name: string;
  url: string;
  /** Standard Webhooks secret, `whsec_` + base64; the adapter signs its calls to us with the same. */
  secret: string;
  confirms: Channel["confirms"];
  /** Over connecting, sending and reading the answer. */
  timeoutMs: number;
  retry: RetryRule;
  /** Narrows what the adapter is given; by default everything that is delivered, and typing. */
  accepts?: Partial<Accepts> | undefined;
}

/**
 * Makes the channel. `webhook-id` is the delivery's id over all tries, so an adapter can tell a repeat and the bridge may repeat.
 *
 * @throws BridgeError `invalid_field` for a secret that is none
 */
export function createHttpChannel(settings: HttpChannelSettings, deps: { now: () => Date }): Channel {
  const url = new URL(settings.url);
  const key = decodeStandardWebhooksSecret(settings.secret);
  const exchange = createHttpExchange({ origin: url.origin, timeoutMs: settings.timeoutMs });
  const path = url.pathname + url.search;
  const accepts: Accepts = { kinds: deliverableKinds, typing: true, ...settings.accepts };

  function post(id: string, body: string): Promise<HttpAnswer> {
    const signed = signStandardWebhook({ key, id, at: deps.now(), body });
    const headers = { "content-type": "application/json", "user-agent": "open-messaging-bridge", ...signed };
    return exchange.send({ path, headers, body });
  }

  async function sendTyping(delivery: OutboundDelivery): Promise<void> {
    await post(delivery.deliveryId, writeBody("typing", delivery));
  }

  return {
    name: settings.name,
    type: "http",
    accepts,
    confirms: settings.confirms,
    repeatable: true,
    timeoutMs: settings.timeoutMs,
    retry: settings.retry,

    async send(delivery) {
      // A notice is another type, so that an adapter made for messages alone does not pass the missed message on in its place.
      const type = delivery.notice ? "notice.outbound" : "message.outbound";
      return judgeAnswer(await post(webhookId(delivery), writeBody(type, delivery)), deps.now());
    },

    async tellFailure(failure) {
      return judgeHeard(await post(failure.id, JSON.stringify(failure)), deps.now());
    },

    ...(accepts.typing && { sendTyping }),
    close: exchange.close,
  };
}

/**
 * The body of the POST. The webhook's own text stands in for `message.raw` where it is at hand: writing it out again would cost as much as
 * everything else, and overflows the stack for bodies nested tens of thousands of levels deep.
 */
export function writeBody(type: string, delivery: OutboundDelivery): string {
  const { deliveryId, attempt, notice, part, original } = delivery;
  const { raw, ...message } = delivery.message;
  const envelope = writeJson({
    type,
    deliveryId,
    attempt,
    ...(part && { part }),
    ...(notice && { notice }),
    message,
  });
  return `${envelope.slice(0, -2)},"raw":${writeRaw(raw, original?.body)}}}`;
}

/** The delivery's id; later parts of a message have their own, so that an idempotent adapter takes each of them. */
export function webhookId({ deliveryId, part }: OutboundDelivery): string {
  return part === undefined || part.number === 1 ? deliveryId : `${deliveryId}-${part.number}`;
}

function writeRaw(raw: Message["raw"], original: Buffer | undefined): string {
  const text = original?.toString().trim();
  if (text?.startsWith("{") && text.endsWith("}")) return text;
  return raw === undefined ? "null" : writeJson(raw as object);
}
