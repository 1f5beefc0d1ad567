/** The webhook's edge for programs that keep messages themselves. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { StoreUnavailable } from "../errors";
import type { Message } from "../message/message";
import { normalize } from "../message/normalize";
import type { Arrival } from "../store/ingest";
import { createOutboundListener } from "./outbound";

export interface ListenedIntegration {
  /** Stands in the URL: `/genesys/{name}/outbound`. */
  name: string;
  /** Genesys Cloud's id of the integration; works in the URL too. */
  id: string;
  /** Each is valid: rotation without a gap. */
  signatureSecrets: readonly string[];
}

/** A verified webhook, understood. */
export interface ReceivedWebhook {
  message: Message;
  /** Genesys Cloud repeats what it believes unanswered: bodies with the same key are the same message. At most 300 characters of ASCII. */
  dedupKey: string;
  /** The raw bytes. */
  body: Buffer;
  /** Names in lower case, without credentials. */
  headers: Record<string, string>;
  receivedAt: Date;
}

export interface WebhookListenerOptions {
  integrations: readonly ListenedIntegration[];
  /**
   * Keeps the message. Genesys Cloud is answered 200 once this resolves, so resolve when it is safe; `{ duplicate: true }` for one that
   * was known. When it rejects the answer is 503, and Genesys Cloud sends the webhook again: up to five times, 5 s apart.
   */
  save(received: ReceivedWebhook): Promise<{ duplicate: boolean } | void>;
  /** Larger bodies are answered 413. @default 1048576 */
  maxBodyBytes?: number;
  /** Told of every refusal, without contents: `unauthorized`, `too_large`, `invalid_json`. */
  onRefused?(facts: { integration: string; httpStatus: number; code: string }): void;
  /** Told of what `save` threw. */
  onError?(error: unknown): void;
  now?: () => Date;
  /** Makes `message.id`. @default a random UUID */
  newId?: () => string;
}

/**
 * A plain `(req, res)` listener for Genesys Cloud's webhook, with the bridge's own answers: 404 unknown integration, 413, 401 bad
 * signature, 400 not a JSON object, 200 kept, 503 cannot keep. Returns false, and leaves the request alone, when it is not
 * `POST /genesys/{integration}/outbound`. In an Express app it belongs ahead of every body parser: the signature is over the raw bytes.
 */
export function createWebhookListener(
  options: WebhookListenerOptions,
): (req: IncomingMessage, res: ServerResponse) => boolean {
  const { integrations, save, maxBodyBytes = 1_048_576, onRefused, onError } = options;
  const { now = () => new Date(), newId = () => crypto.randomUUID() } = options;
  const nothing = () => undefined;
  return createOutboundListener({
    integrations: integrations.map((one) => ({ ...one, channel: "" })),
    maxBodyBytes,
    now: () => now().getTime(),
    newId,
    quarantine: async () => undefined,
    async save(arrival) {
      try {
        return (await save(understand(arrival))) ?? { duplicate: false };
      } catch (error) {
        onError?.(error);
        throw new StoreUnavailable("the message cannot be kept now", { cause: error });
      }
    },
    log: {
      webhookStored: nothing,
      webhookRepeated: nothing,
      webhookRefused: ({ integration, httpStatus, code }) => onRefused?.({ integration, httpStatus, code }),
      requestFailed: nothing,
    },
  });
}

function understand({ id, integration, integrationId, body, headers, dedupKey, receivedAt }: Arrival): ReceivedWebhook {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const parsed = JSON.parse(bytes.toString("utf8")) as Record<string, unknown>;
  const message = normalize(parsed, { id, integration, integrationId });
  return { message, dedupKey, body: bytes, headers, receivedAt: new Date(receivedAt) };
}
