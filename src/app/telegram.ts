/** Customers on Telegram: one bot for each channel, and what brings their updates in. */
import { createHmac } from "node:crypto";
import type { Channel } from "../channels/channel";
import { findTappedButton, readCallbackData } from "../channels/telegram";
import { createTelegramBot } from "../channels/telegram-bot";
import type { Config } from "../config";
import type { Log } from "../log";
import type { Message } from "../message/message";
import type { KeptBody } from "../store/captures";
import type { Database } from "../store/database";
import { newId } from "../store/ids";
import { readDelivered } from "../store/inbound";
import type { Arrival, Stored } from "../store/ingest";
import {
  createTelegramIntake,
  createTelegramPoll,
  createTelegramWebhook,
  type TelegramIntake,
  type UpdateSource,
} from "../webhook/telegram";

export interface TelegramOptions {
  config: Config;
  adminToken: string;
  log: Log;
  now?: () => number;
}

export interface TelegramDeps {
  database: Database;
  channels: ReadonlyMap<string, Channel>;
  /** Resolves once what a customer did is on disk. */
  ingest(arrival: Arrival): Promise<Stored>;
  understand(capture: KeptBody): Message;
  onError(kind: string, error: unknown): void;
}

export interface TelegramParts {
  /** What stores updates, for the routes. */
  intakes: TelegramIntake[];
  /** What fetches them, or has them sent: for a process that works. */
  sources: UpdateSource[];
  stop(): Promise<void>;
}

/** How customers of each bot come in: what stores their updates, and what fetches them. */
export function createTelegramParts(
  { config, adminToken, log, now = Date.now }: TelegramOptions,
  deps: TelegramDeps,
): TelegramParts {
  const { channels, ingest, onError } = deps;
  const bots: { close(): Promise<void> }[] = [];
  const intakes: TelegramIntake[] = [];
  const sources = config.channels.flatMap((one) => {
    const channel = channels.get(one.name);
    // A bot serves the customers of one integration; the first that sends through it takes what they answer.
    const integration = config.integrations.find((each) => each.channel === one.name);
    if (one.type !== "telegram" || channel === undefined || integration === undefined) return [];
    const bot = createTelegramBot(one);
    bots.push(bot);
    const intake = createTelegramIntake({
      channel: one.name,
      bot,
      integration,
      publicUrl: config.publicUrl,
      linkKey: adminToken,
      webhookSecret: one.webhookSecret ?? createHmac("sha256", one.token).update("webhook").digest("base64url"),
      findTapped: (data, chat) => findTapped(deps, channel, data, chat),
      saveArrival: ingest,
      now,
      newId: () => newId(now()),
      log,
    });
    intakes.push(intake);
    const source = { intake, onError: (error: unknown) => onError(`telegram:${one.name}`, error) };
    return [one.updates === "poll" ? createTelegramPoll(source) : createTelegramWebhook(source)];
  });
  return {
    intakes,
    sources,
    async stop() {
      await Promise.all(sources.map((source) => source.stop()));
      await Promise.all(bots.map((bot) => bot.close()));
    },
  };
}

/** The button behind what Telegram gives back, if it stood under a message to this very chat. */
async function findTapped({ database, understand }: TelegramDeps, channel: Channel, data: string, chat: string) {
  const named = readCallbackData(data);
  if (named === undefined) return undefined;
  const { deliveryId } = named;
  const delivered = await database.read((db) => readDelivered(db, { deliveryId, channel: channel.name }));
  if (delivered === undefined || delivered.recipientId !== chat) return undefined;
  const button = findTappedButton(understand(delivered), data, channel.accepts);
  if (button === undefined) return undefined;
  const { responseType, text, payload } = button;
  const type = responseType === undefined || responseType === "ListPicker" ? ("QuickReply" as const) : responseType;
  return { messageId: delivered.id, response: { type, text, payload: payload || text } };
}
