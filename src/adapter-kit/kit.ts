/** What the checks work with: requests to the adapter, its answers, and the callbacks it makes. */
import { request } from "undici";
import { z } from "zod";
import type { OutboundDelivery, Outcome } from "../channels/channel";
import { webhookId, writeBody } from "../channels/http";
import { createHttpExchange, type HttpAnswer } from "../outgoing/exchange";
import { judgeAnswer } from "../channels/http-outcome";
import type { AdapterReceipt } from "../message/adapter";
import type { Message } from "../message/message";
import { decodeStandardWebhooksSecret, signStandardWebhook, type StandardWebhookHeaders } from "../standard-webhooks";
import type { CallbackReceiver } from "./callbacks";
import { createSamples, type Samples } from "./samples";

export interface KitSettings {
  /** Where the adapter takes deliveries. */
  url: string;
  /** Standard Webhooks secret, the same both ways. */
  secret: string;
  /** The customer who gets the test messages. */
  recipient: { id: string; idType: string };
  /** How long one answer may take, as the channel's `timeoutSeconds`. */
  timeoutMs: number;
  /** How long callbacks are waited for. */
  waitMs: number;
  /** The best news the adapter brings, as the channel's `confirms`. */
  confirms: "accepted" | "delivered" | "read";
  /** Deliveries at once. */
  burst: number;
  /** A JSON list of what customers were shown, each with its `deliveryId`; shows what answers do not tell. */
  outbox?: string | undefined;
}

/** One request and what came of it. */
export interface Called {
  answer: HttpAnswer;
  /** What the bridge makes of the answer. */
  outcome: Outcome;
  tookMs: number;
}

/** A request in which something may be wrong on purpose. */
export interface Request {
  id: string;
  body: string;
  /** When it claims to be signed. @default now */
  at?: Date;
  /** Changes the headers after signing. */
  headers?: (signed: StandardWebhookHeaders) => Record<string, string>;
  /** Changes the body after signing. */
  tamper?: (body: string) => string;
  secret?: string;
  /** Hangs up after this long. */
  timeoutMs?: number;
}

export interface Kit {
  settings: KitSettings;
  samples: Samples;
  callbacks: CallbackReceiver;
  call(request: Request): Promise<Called>;
  /** One delivery as the bridge sends it; `changes` say what is different. */
  send(message: Message, changes?: Partial<OutboundDelivery>, type?: string): Promise<Called & { deliveryId: string }>;
  newDeliveryId(): string;
  now(): Date;
  /** Every call so far. */
  calls(): readonly Called[];
  /** In how many parts, each with a webhook-id of its own, a delivery was sent. */
  countParts(deliveryId: string): number;
  /** Whether a receipt names a delivery of ours. */
  isKnown(receipt: AdapterReceipt): boolean;
  /** How often customers were shown something of that delivery; undefined when nobody can see. */
  countShown(deliveryId: string): Promise<number | undefined>;
  close(): Promise<void>;
}

const shown = z.array(z.looseObject({ deliveryId: z.string() }));

export interface KitDeps {
  callbacks: CallbackReceiver;
  now: () => Date;
  newId: () => string;
}

/** @throws BridgeError `invalid_field` for a secret that is none */
export function createKit(settings: KitSettings, { callbacks, now, newId }: KitDeps): Kit {
  const url = new URL(settings.url);
  const path = url.pathname + url.search;
  const exchange = createHttpExchange({ origin: url.origin, timeoutMs: settings.timeoutMs });
  const calls: Called[] = [];
  const deliveryIds = new Set<string>();
  const parts = new Map<string, number>();
  const providerIds = new Set<string>();

  function newDeliveryId(): string {
    const id = newId();
    deliveryIds.add(id);
    return id;
  }

  async function call(wanted: Request): Promise<Called> {
    const key = decodeStandardWebhooksSecret(wanted.secret ?? settings.secret);
    const signed = signStandardWebhook({ key, id: wanted.id, at: wanted.at ?? now(), body: wanted.body });
    const proof = wanted.headers?.(signed) ?? { ...signed };
    const startedAt = performance.now();
    const answer = await exchange.send({
      path,
      headers: { "content-type": "application/json", "user-agent": "open-messaging-bridge", ...proof },
      body: wanted.tamper?.(wanted.body) ?? wanted.body,
      timeoutMs: wanted.timeoutMs,
    });
    const called = { answer, outcome: judgeAnswer(answer, now()), tookMs: performance.now() - startedAt };
    if (wanted.timeoutMs === undefined) calls.push(called);
    const providerId = providerIdOf(called);
    if (providerId !== undefined) providerIds.add(providerId);
    return called;
  }

  return {
    settings,
    samples: createSamples(settings.recipient, now),
    callbacks,
    call,
    async send(message, changes = {}, type = "message.outbound") {
      const delivery = { deliveryId: newDeliveryId(), attempt: 1, message, ...changes };
      parts.set(delivery.deliveryId, delivery.part?.number ?? 1);
      const called = await call({ id: webhookId(delivery), body: writeBody(type, delivery) });
      return { ...called, deliveryId: delivery.deliveryId };
    },
    newDeliveryId,
    now,
    calls: () => calls,
    countParts: (deliveryId) => parts.get(deliveryId) ?? 1,
    isKnown: ({ deliveryId, providerMessageId }) =>
      (deliveryId !== undefined && deliveryIds.has(deliveryId)) ||
      (providerMessageId !== undefined && providerIds.has(providerMessageId)),
    async countShown(deliveryId) {
      if (settings.outbox === undefined) return undefined;
      const { body } = await request(settings.outbox);
      return shown.parse(await body.json()).filter((one) => one.deliveryId === deliveryId).length;
    },
    close: exchange.close,
  };
}

/** What was answered, for people: `HTTP 200, accepted`. */
export function describeCall({ answer, outcome }: Called): string {
  if (answer.kind === "unanswered") return answer.problem;
  if (outcome.status === "failed") {
    return outcome.retryable ? `${outcome.answer}, to be tried again` : `${outcome.answer}, refused for good`;
  }
  return `${outcome.answer}, ${outcome.status}`;
}

export function isTaken({ outcome }: Called): boolean {
  return outcome.status === "accepted" || outcome.status === "delivered";
}

/** Accepted, or refused for good with a reason: the two answers that settle a delivery. */
export function isSettled(called: Called): boolean {
  return isTaken(called) || (called.outcome.status === "failed" && !called.outcome.retryable);
}

/** The adapter's own id of a message, where it gave one. */
export function providerIdOf({ outcome }: Called): string | undefined {
  return outcome.status === "failed" ? undefined : outcome.providerMessageId;
}
