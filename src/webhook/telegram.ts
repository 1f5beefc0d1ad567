/** Customers on Telegram come in here: by long polling or by webhook, and on as any adapter's messages. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";
import express, { type Router } from "express";
import { BridgeError } from "../errors";
import type { AdapterResponse } from "../message/adapter";
import type { AdapterCall } from "../message/inbound";
import { guessMime } from "../message/mime";
import type { Arrival, Stored } from "../store/ingest";
import { type InboundIntegration, planInbound } from "./inbound";
import { readUpdate, readUpdateId, type Tap, updateKinds } from "./telegram-update";

type BotAnswer = { ok: true; result: unknown } | { ok: false; code?: number; retryAfterMs?: number; problem: string };

/** One bot, as far as it is needed here. */
export interface UpdateBot {
  call(method: string, parameters?: object, options?: { waitMs?: number; signal?: AbortSignal }): Promise<BotAnswer>;
  openFile(fileId: string): Promise<{ body: Readable; bytes: number | undefined } | undefined>;
}

export interface TelegramIntakeDeps {
  /** The channel's name in the settings. */
  channel: string;
  bot: UpdateBot;
  /** Whose customers write to the bot. */
  integration: InboundIntegration;
  /** Without a slash at its end; undefined: files cannot be linked, and are only named. */
  publicUrl: string | undefined;
  linkKey: string;
  /** What Telegram shows in X-Telegram-Bot-Api-Secret-Token. */
  webhookSecret: string;
  /** The button that was tapped and our id of the message it stood under, if it was shown in this chat. */
  findTapped(
    data: string,
    chat: string,
  ): Promise<{ messageId: string; response: AdapterResponse["response"] } | undefined>;
  /** Resolves once what a customer did is on disk. */
  saveArrival(arrival: Arrival): Promise<Stored>;
  now: () => number;
  newId: () => string;
  log: {
    callbackStored(facts: { channel: string; kind: string; status: string }): void;
    callbackRefused(facts: { channel: string; path: string; httpStatus: number; code: string }): void;
  };
}

/** How long a link to a customer's file opens it: Genesys Cloud fetches it when the message goes in. */
const linkedForMs = 604_800_000;

export type TelegramIntake = ReturnType<typeof createTelegramIntake>;

export function createTelegramIntake(deps: TelegramIntakeDeps) {
  const { channel, bot, integration, now, newId } = deps;

  /** Stores updates in their order, in one commit as far as possible. Rejects when they cannot be kept: then none counts as taken. */
  async function take(updates: readonly unknown[]): Promise<void> {
    const calls: { raw: unknown; call: AdapterCall; tap?: Tap }[] = [];
    for (const raw of updates) {
      const understood = readUpdate(raw, { integration: integration.name, linkFile });
      if (understood.what === "call") calls.push({ raw, call: understood.call });
      if (understood.what === "tap") {
        const call = await resolveTap(understood.tap);
        if (call) calls.push({ raw, call, tap: understood.tap });
      }
    }
    await Promise.all(calls.map(store));
  }

  async function store({ raw, call, tap }: { raw: unknown; call: AdapterCall; tap?: Tap }): Promise<void> {
    // The update stands beside what it was read as, so that nothing of it is lost.
    const parsed = { ...call.body, telegramUpdate: raw };
    const arrival = planInbound(
      {
        ...{ channel, call, parsed, receivedAt: now(), headers: {} },
        webhookId: `telegram:${readUpdateId(raw)}`,
        body: Buffer.from(JSON.stringify(parsed)),
      },
      integration,
      newId,
    );
    const { duplicate } = await deps.saveArrival(arrival);
    deps.log.callbackStored({ channel, kind: arrival.kind, status: duplicate ? "duplicate" : "stored" });
    // Ends the clock on the button; the tap is safe with or without it.
    if (tap) void bot.call("answerCallbackQuery", { callback_query_id: tap.queryId });
  }

  async function resolveTap({ queryId, data, from, asMessage }: Tap): Promise<AdapterCall | undefined> {
    const tapped = await deps.findTapped(data, from.id);
    if (tapped === undefined) return asMessage;
    const { messageId: originatingMessageId, response } = tapped;
    const body = { integration: integration.name, messageId: `tap:${queryId}`, from, originatingMessageId, response };
    return { route: "responses", body };
  }

  function linkFile({ id, name }: { id: string; name: string }): string | undefined {
    if (deps.publicUrl === undefined) return undefined;
    const expiresAt = now() + linkedForMs;
    const proof = `${expiresAt.toString(36)}.${signFile(id, expiresAt)}`;
    const path = [channel, "files", proof, id, name].map(encodeURIComponent).join("/");
    return `${deps.publicUrl}/telegram/${path}`;
  }

  function signFile(fileId: string, expiresAt: number): string {
    return createHmac("sha256", deps.linkKey)
      .update(`telegram file\n${channel}\n${fileId}\n${expiresAt}`)
      .digest("base64url");
  }

  /** Whether a link's proof opens this file now. */
  function opens(proof: string, fileId: string): boolean {
    const [, expires = "", signature = ""] = /^([0-9a-z]{1,12})\.([\w-]{43})$/.exec(proof) ?? [];
    const expiresAt = Number.parseInt(expires, 36);
    if (signature === "" || !(now() < expiresAt)) return false;
    return timingSafeEqual(Buffer.from(signature), Buffer.from(signFile(fileId, expiresAt)));
  }

  return { ...deps, take, opens };
}

export interface UpdateSourceDeps {
  intake: Pick<TelegramIntake, "bot" | "take" | "channel" | "publicUrl" | "webhookSecret">;
  onError(error: unknown): void;
}

/** What brings updates in for as long as it runs. */
export interface UpdateSource {
  start(): void;
  stop(): Promise<void>;
}

/** How long Telegram holds a call open for news. */
const holdSeconds = 25;
/** Another process polls for the same bot: it goes on, and this one looks again in case it ends. */
const conflictMs = 30_000;
const afterErrorMs = 2_000;

/**
 * Fetches updates. Telegram forgets one when the next call asks for a later one, which happens after it is stored: after a crash between,
 * it comes again and is known as a duplicate. No offset needs to be kept here.
 */
export function createTelegramPoll({ intake, onError }: UpdateSourceDeps): UpdateSource {
  const { bot, take } = intake;
  let offset: number | undefined;

  /** One call; how long to rest after it. */
  async function turn(signal: AbortSignal): Promise<number> {
    const answer = await bot.call(
      "getUpdates",
      { timeout: holdSeconds, limit: 100, allowed_updates: updateKinds, ...(offset === undefined ? {} : { offset }) },
      { waitMs: holdSeconds * 1000, signal },
    );
    if (signal.aborted) return 0;
    if (answer.ok) {
      const updates = Array.isArray(answer.result) ? answer.result : [];
      await take(updates);
      const ids = updates.map(readUpdateId).filter((id) => id !== undefined);
      if (ids.length > 0) offset = Math.max(...ids) + 1;
      return 0;
    }
    // 409: a webhook is set, or another process polls.
    if (answer.code === 409) await bot.call("deleteWebhook", {}, { signal });
    else onError(new Error(`Telegram does not hand out updates: ${answer.problem}`));
    return answer.retryAfterMs ?? (answer.code === 409 ? conflictMs : afterErrorMs);
  }

  return repeat(turn, onError);
}

/** Tells Telegram where updates go (setWebhook), until it knows. */
export function createTelegramWebhook({ intake, onError }: UpdateSourceDeps): UpdateSource {
  const { bot, channel, publicUrl, webhookSecret } = intake;
  const url = `${publicUrl}/telegram/${encodeURIComponent(channel)}`;
  const parameters = { url, secret_token: webhookSecret, allowed_updates: updateKinds };

  return repeat(async (signal) => {
    const answer = await bot.call("setWebhook", parameters, { signal });
    if (answer.ok) return "done";
    onError(new Error(`Telegram does not take the webhook: ${answer.problem}`));
    return answer.retryAfterMs ?? conflictMs;
  }, onError);
}

/** Takes turns until one is the last or it is stopped; each says how long to rest after it. */
function repeat(
  turn: (signal: AbortSignal) => Promise<number | "done">,
  onError: (error: unknown) => void,
): UpdateSource {
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const restMs = await turn(signal).catch((error: unknown) => {
        onError(error);
        return afterErrorMs;
      });
      if (restMs === "done") return;
      if (restMs > 0) await setTimeout(restMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

const routePattern = "/telegram/:channel";

/** `POST /telegram/{channel}`: updates, from whoever shows the secret. `GET …/files/…`: a customer's file, for whoever has the link. */
export function telegramRoutes(all: readonly TelegramIntake[]): Router {
  const intakes = new Map(all.map((intake) => [intake.channel, intake]));
  const router = express.Router();

  router.post(routePattern, express.json({ type: () => true, limit: "1mb" }), async (req, res) => {
    const intake = intakes.get(String(req.params.channel));
    if (intake === undefined) throw new BridgeError("not_found", "no channel of this name takes updates");
    const { channel, log } = intake;
    if (!isSame(req.get("x-telegram-bot-api-secret-token") ?? "", intake.webhookSecret)) {
      log.callbackRefused({ channel, path: routePattern, httpStatus: 401, code: "unauthorized" });
      throw new BridgeError("unauthorized", "X-Telegram-Bot-Api-Secret-Token is missing or wrong");
    }
    if (readUpdateId(req.body) === undefined) throw new BridgeError("invalid_field", "no update", "update_id");
    await intake.take([req.body]);
    res.json({ status: "stored" });
  });

  router.get(`${routePattern}/files/:proof/:file/:name`, async (req, res) => {
    const { channel, proof, file, name } = req.params;
    const intake = intakes.get(channel);
    const opened = intake?.opens(proof, file) ? await intake.bot.openFile(file) : undefined;
    if (opened === undefined) throw new BridgeError("not_found", "there is no such file, or its link has expired");
    const mime = guessMime({ mediaType: "File", filename: name, url: "" });
    res.attachment(name);
    res.set({
      "content-type": mime,
      // The file is a stranger's: it is handed on as what it is, and never runs in our name.
      "content-security-policy": "sandbox; default-src 'none'",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "cross-origin",
    });
    if (opened.bytes !== undefined) res.set("content-length", String(opened.bytes));
    await pipeline(opened.body, res);
  });
  return router;
}

/** In constant time, whatever the lengths. */
function isSame(given: string, secret: string): boolean {
  const digest = (text: string) => createHmac("sha256", "telegram secret").update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}
