/** The channel to a middleware that already exists: it gets the webhook as Genesys Cloud would have sent it (DESIGN: Adapters). */
import { createHmac } from "node:crypto";
import { message as messageSchema } from "../message/message";
import type { Accepts, Channel, OutboundDelivery, Outcome, RetryRule } from "./channel";
import { createHttpExchange, type HttpAnswer } from "../outgoing/exchange";
import { judgeFailure } from "./http-outcome";

export interface ForwardChannelSettings {
  name: string;
  url: string;
  /** The `outboundNotificationWebhookSignatureSecretToken` that the middleware checks with; used as UTF-8 text. */
  secret: string;
  timeoutMs: number;
  retry: RetryRule;
  /** Narrows what the middleware is given; by default everything. */
  accepts?: Partial<Accepts> | undefined;
}

/** What a request says of its own journey and of its own body; it holds for no other request. */
const headersOfTheJourney =
  /^(host|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|via|forwarded|x-forwarded-.*|x-real-ip|proxy-.*|content-length|accept-encoding|x-hub-signature-256)$/i;

/**
 * Makes the channel. It takes every kind, also those other channels cannot show: the middleware knows what to do with a webhook.
 *
 * It may be repeated after a crash, as Genesys Cloud itself repeats a webhook that was not answered in time: whoever lives behind one
 * recognises a message by its `id`.
 */
export function createForwardChannel(settings: ForwardChannelSettings, deps: { now: () => Date }): Channel {
  const url = new URL(settings.url);
  const exchange = createHttpExchange({ origin: url.origin, timeoutMs: settings.timeoutMs });
  const path = url.pathname + url.search;
  const kinds = messageSchema.options.map((option) => option.shape.kind.value);
  const accepts: Accepts = { kinds, typing: true, ...settings.accepts };

  function post(original: NonNullable<OutboundDelivery["original"]>): Promise<HttpAnswer> {
    const signature = createHmac("sha256", settings.secret).update(original.body).digest("base64");
    const headers = {
      "content-type": "application/json",
      ...passOn(original.headers),
      "x-hub-signature-256": `sha256=${signature}`,
    };
    return exchange.send({ path, headers, body: original.body });
  }

  async function sendTyping({ original }: OutboundDelivery): Promise<void> {
    if (original) await post(original);
  }

  return {
    name: settings.name,
    type: "forward",
    accepts,
    handsOnOriginal: true,
    confirms: "accepted",
    repeatable: true,
    timeoutMs: settings.timeoutMs,
    retry: settings.retry,

    async send({ original, notice }) {
      if (!original || notice) return refuseOwnWords();
      return judgeForwarded(await post(original), deps.now());
    },

    ...(accepts.typing && { sendTyping }),
    close: exchange.close,
  };
}

function passOn(headers: Record<string, string>): Record<string, string> {
  const passed = Object.entries(headers).filter(([name]) => !headersOfTheJourney.test(name));
  return Object.fromEntries(passed.map(([name, value]) => [name.toLowerCase(), value]));
}

/** A middleware knows no outcomes, only Genesys Cloud's rule: 2xx, or once more. */
function judgeForwarded(answer: HttpAnswer, now: Date): Outcome {
  const isTaken = answer.kind === "answered" && answer.status >= 200 && answer.status < 300;
  return isTaken ? { status: "accepted", answer: `HTTP ${answer.status}` } : judgeFailure(answer, now);
}

function refuseOwnWords(): Outcome {
  const message = "Only a webhook as it came can be handed to a middleware.";
  return { status: "failed", retryable: false, reason: { code: "UnsupportedMessage", message }, answer: "not sent" };
}
