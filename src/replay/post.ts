/** Replays to a URL: the body byte for byte, signed, in order per recipient. */
import { Agent, request } from "undici";
import type { Replay } from "../store/replays";
import type { SelectedMessage } from "../store/selection";
import { contentRemoved, integrationGone, miss, noWebhook, type Turn } from "./turn";

export interface PostDeps {
  /** The value of `X-Hub-Signature-256` under the integration's current secret; undefined when it is not configured. */
  sign(integration: string, body: Buffer): string | undefined;
  now: () => number;
}

export const signatureHeader = "x-hub-signature-256";

/** Recipients written to at the same time. */
const atOnce = 8;
const timeoutMs = 10_000;
/** Waits before the second and the third try of what may succeed later. */
const retryDelaysMs = [250, 1000];
/** After this long no further message of a step is started. */
const stepMs = 5000;

/** How one POST ended. */
export type Posted = { ok: true; answer: string } | { ok: false; retryable: boolean; answer: string };

/** What is sent: the body as it came, with the headers that belong to it. */
export interface PostRequest {
  url: string;
  body: Buffer;
  headers: Record<string, string>;
}

/** Posts once and never throws for what the other side does; redirects are not followed. */
export function createPoster() {
  const dispatcher = new Agent({ connect: { timeout: timeoutMs } });
  return { post: (wanted: PostRequest) => postOnce(dispatcher, wanted), close: () => dispatcher.close() };
}

export function createPost({ sign, now }: PostDeps) {
  const { post, close } = createPoster();

  /** Returns the turns taken; messages that there was no time for are left for the next step. */
  async function send(replay: Replay, url: string, messages: readonly SelectedMessage[]): Promise<Turn[]> {
    const lanes = new Map<string, SelectedMessage[]>();
    for (const message of messages) {
      const lane = JSON.stringify([message.integration, message.recipientId]);
      lanes.set(lane, [...(lanes.get(lane) ?? []), message]);
    }
    const waiting = [...lanes.values()];
    const turns: Turn[] = [];
    const stopAt = performance.now() + stepMs;
    const sender = async () => {
      for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) {
        for (const message of lane) {
          if (performance.now() > stopAt && turns.length > 0) return;
          turns.push(await sendMessage(replay, url, message));
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, sender));
    return turns;
  }

  async function sendMessage(replay: Replay, url: string, message: SelectedMessage): Promise<Turn> {
    const { body, headers, integration, source } = message;
    const failed = (because: string) => miss(replay, message, { at: now(), result: "failed", because });
    if (source !== null) return miss(replay, message, { at: now(), result: "skipped", because: noWebhook });
    if (body === null) return failed(contentRemoved);
    const isOriginal = replay.plan.signature === "original";
    const signature = isOriginal ? headers[signatureHeader] : sign(integration, body);
    if (signature === undefined) return failed(isOriginal ? "it was kept without a signature" : integrationGone);
    const posted = await postUntilTaken(post, {
      url,
      body,
      headers: {
        "content-type": headers["content-type"] ?? "application/json",
        "user-agent": "open-messaging-bridge",
        "x-omb-message": message.id,
        "x-omb-replay": replay.id,
        [signatureHeader]: signature,
      },
    });
    if (!posted.ok) return failed(posted.answer);
    const detail = { replay: replay.id, answer: posted.answer };
    return { message, result: "done", line: { at: now(), event: "replay.sent", detail } };
  }

  return { send, close };
}

async function postUntilTaken(post: (wanted: PostRequest) => Promise<Posted>, wanted: PostRequest): Promise<Posted> {
  for (const delayMs of retryDelaysMs) {
    const posted = await post(wanted);
    if (posted.ok || !posted.retryable) return posted;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
  return post(wanted);
}

async function postOnce(dispatcher: Agent, { url, body, headers }: PostRequest): Promise<Posted> {
  try {
    const answer = await request(url, {
      dispatcher,
      method: "POST",
      headers,
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    await answer.body.dump();
    const { statusCode } = answer;
    const said = `HTTP ${statusCode}`;
    if (statusCode >= 200 && statusCode < 300) return { ok: true, answer: said };
    return { ok: false, retryable: statusCode >= 500 || statusCode === 429, answer: said };
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    const why =
      (error as Error).name === "TimeoutError" ? "no answer in time" : `no answer (${String(code ?? "error")})`;
    return { ok: false, retryable: true, answer: why };
  }
}
