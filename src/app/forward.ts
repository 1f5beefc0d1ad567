/** Hands captures of a running bridge on to something under development. */
import { createHttpChannel } from "../channels/http";
import type { Config } from "../config";
import { deliverableKinds } from "../message/message";
import { createPoster, signatureHeader } from "../replay/post";
import { understand } from "./understand";
import { createSigner } from "./replay";

/** A capture as the stream brings it. */
export interface StreamedCapture {
  id: string;
  integration: string;
  receivedAt: string;
  kind: string;
  headers: Record<string, string>;
  bodyBase64: string;
}

export interface Forwarder {
  /** Says what was answered, for people; undefined: it is not passed on. Never throws. */
  forward(capture: StreamedCapture): Promise<{ ok: boolean; answer: string } | undefined>;
  close(): Promise<void>;
}

/** The webhook byte for byte, signed with the integration's current secret, or as it was signed when that is not known. */
export function createWebhookForwarder(config: Config, url: string): Forwarder {
  const sign = createSigner(config);
  const poster = createPoster();
  return {
    async forward({ id, integration, headers, bodyBase64 }) {
      const body = Buffer.from(bodyBase64, "base64");
      const signature = sign(integration, body) ?? headers[signatureHeader];
      const passed: Record<string, string> = {
        "content-type": headers["content-type"] ?? "application/json",
        "x-omb-message": id,
      };
      if (signature !== undefined) passed[signatureHeader] = signature;
      return poster.post({ url, body, headers: passed });
    },
    close: poster.close,
  };
}

/** As the bridge itself delivers to an adapter; kinds that are only noted are left out. */
export function createAdapterForwarder(config: Config, url: string, secret: string): Forwarder {
  const retry = { maxAgeSeconds: 0, firstDelayMs: 1, maxDelayMs: 1 };
  const settings = { name: "listen", url, secret, confirms: "accepted" as const, timeoutMs: 10_000, retry };
  const channel = createHttpChannel(settings, { now: () => new Date() });
  const deliverable = new Set<string>(deliverableKinds);
  const ids = new Map(config.integrations.map(({ name, id }) => [name, id]));
  return {
    async forward({ id, integration, kind, headers, bodyBase64 }) {
      if (!deliverable.has(kind)) return undefined;
      const body = Buffer.from(bodyBase64, "base64");
      const message = understand({
        body,
        id,
        integration,
        integrationId: ids.get(integration) ?? "",
        kind,
        source: null,
      });
      const outcome = await channel.send({ deliveryId: id, attempt: 1, message, original: { body, headers } });
      return { ok: outcome.status !== "failed", answer: `${outcome.status}, ${outcome.answer}` };
    },
    close: async () => channel.close?.(),
  };
}
