/**
 * Sends signed webhooks the way Genesys Cloud does (Open Messaging, "Validate"): 10 s for an answer, up to five
 * retries a fixed 5 s apart on a time-out, 429, any 5xx or a connection that fails; any other answer outside 2xx ends it.
 */
import { createHmac } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Agent, request } from "undici";
import type { Faults } from "./faults";

export interface WebhookTarget {
  integrationId: string;
  url: string;
  secret: string;
  headers: Record<string, string>;
}

export interface WebhookAttempt {
  /** Milliseconds, by the simulator's clock. */
  startedAt: number;
  durationMs: number;
  /** Absent when nothing was answered in time. */
  status?: number;
  /** Why it failed, in the words of the sender: `Request failed with status code 404`. */
  error?: string;
  /** 0 for the webhook itself, 1 and up for copies sent by a fault. */
  copy: number;
}

export interface WebhookRecord {
  integrationId: string;
  /** `id` of the body, when it had one. */
  messageId?: string;
  attempts: WebhookAttempt[];
  /** `refused`: an answer that is not retried; `gaveUp`: every retry failed; `stopped`: the simulator was. */
  ended: "accepted" | "refused" | "gaveUp" | "stopped";
  /** Why it ended badly. */
  error?: string;
}

export interface WebhookTiming {
  /** @default 10000 */
  timeoutMs: number;
  /** Between the end of one attempt and the start of the next. @default 5000 */
  retryDelayMs: number;
  /** @default 5 */
  maxRetries: number;
}

const reorderLimitMs = 1000;

export function createWebhookSender(deps: WebhookTiming & { now: () => number; faults: Faults }) {
  const agent = new Agent({ connections: 64, keepAliveTimeout: 4000 });
  const stopping = new AbortController();
  const held = new Map<string, (() => void)[]>();

  /** Sends these exact bytes until they are accepted, refused, or given up. Never rejects. */
  async function send(target: WebhookTarget, raw: Buffer, messageId?: string): Promise<WebhookRecord> {
    const record: WebhookRecord = { integrationId: target.integrationId, messageId, attempts: [], ended: "stopped" };
    const fault = deps.faults.takeWebhookFault(target.integrationId);
    if (fault?.delayMs !== undefined && !(await pause(fault.delayMs))) return record;
    if (fault?.reorder) await holdBack(target.integrationId);
    let answersToLose = fault?.loseAnswers ?? 0;
    const copies = Array.from({ length: fault?.duplicates ?? 0 }, async (_, index) => {
      record.attempts.push(await attempt(target, raw, index + 1));
    });
    for (let tries = 0; ; tries += 1) {
      const made = await attempt(target, raw, 0);
      if (answersToLose > 0) {
        answersToLose -= 1;
        delete made.status;
        made.error = timeoutText();
      }
      record.attempts.push(made);
      record.error = made.error;
      record.ended = made.error === undefined ? "accepted" : isRetried(made.status) ? "gaveUp" : "refused";
      if (record.ended !== "gaveUp" || tries === deps.maxRetries) break;
      if (!(await pause(deps.retryDelayMs))) break;
    }
    if (record.ended === "gaveUp" && stopping.signal.aborted) record.ended = "stopped";
    await Promise.all(copies);
    for (const release of held.get(target.integrationId)?.splice(0) ?? []) release();
    return record;
  }

  async function attempt(target: WebhookTarget, raw: Buffer, copy: number): Promise<WebhookAttempt> {
    const startedAt = deps.now();
    const done = (outcome: Pick<WebhookAttempt, "status" | "error">) => ({
      startedAt,
      durationMs: deps.now() - startedAt,
      ...outcome,
      copy,
    });
    const timeout = AbortSignal.timeout(deps.timeoutMs);
    try {
      const { statusCode, body } = await request(target.url, {
        method: "POST",
        dispatcher: agent,
        signal: AbortSignal.any([timeout, stopping.signal]),
        headers: {
          ...lowerCase(target.headers),
          "content-type": "application/json",
          "x-hub-signature-256": signBytes(target.secret, raw),
        },
        body: raw,
      });
      await body.dump();
      const isGood = statusCode >= 200 && statusCode < 300;
      return done(
        isGood
          ? { status: statusCode }
          : { status: statusCode, error: `Request failed with status code ${statusCode}` },
      );
    } catch (error) {
      return done({ error: timeout.aborted ? timeoutText() : describe(error) });
    }
  }

  function timeoutText() {
    return `timeout of ${deps.timeoutMs}ms exceeded`;
  }

  /** Whether the time passed; false when the simulator stops meanwhile. */
  async function pause(ms: number) {
    return wait(ms, true, { signal: stopping.signal, ref: false }).catch(() => false);
  }

  function holdBack(integrationId: string) {
    return new Promise<void>((resolve) => {
      held.set(integrationId, [...(held.get(integrationId) ?? []), resolve]);
      void pause(reorderLimitMs).then(() => resolve());
    });
  }

  /** Ends waiting and running attempts and closes the connections. */
  async function stop() {
    stopping.abort();
    await agent.destroy();
  }

  return { send, stop };
}
export type WebhookSender = ReturnType<typeof createWebhookSender>;

/** `X-Hub-Signature-256` over the raw bytes: base64, not hex. */
export function signBytes(secret: string, raw: Buffer) {
  return `sha256=${createHmac("sha256", secret).update(raw).digest("base64")}`;
}

/** Names in lower case, so that a header of the integration never stands beside one of ours. */
function lowerCase(headers: Record<string, string>) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function isRetried(status: number | undefined) {
  return status === undefined || status === 429 || status >= 500;
}

function describe(error: unknown) {
  return error instanceof Error ? error.message : String(error);
}
