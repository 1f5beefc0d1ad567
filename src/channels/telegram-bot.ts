/** The Bot API as far as customers come in by it (https://core.telegram.org/bots/api#getting-updates). */
import type { Readable } from "node:stream";
import { Agent, request } from "undici";
import { z } from "zod";

export interface TelegramBotSettings {
  /** As @BotFather gave it. */
  token: string;
  /** The Bot API server. */
  url: string;
  /** Over one call; a long poll waits for as much longer as it asks for. */
  timeoutMs: number;
}

/** What a call brought; `problem` is for people, without the token. */
export type BotAnswer =
  | { ok: true; result: unknown }
  | { ok: false; code?: number; retryAfterMs?: number; problem: string };

export interface TelegramBot {
  /** Never throws for what Telegram does. */
  call(method: string, parameters?: object, options?: { waitMs?: number; signal?: AbortSignal }): Promise<BotAnswer>;
  /** A file that a customer sent, as it comes; undefined when Telegram does not have it, or not for bots (above 20 MB). */
  openFile(fileId: string): Promise<{ body: Readable; bytes: number | undefined } | undefined>;
  close(): Promise<void>;
}

const answered = z.union([
  z.object({ ok: z.literal(true), result: z.unknown() }),
  z.object({
    ok: z.literal(false),
    error_code: z.int().optional(),
    parameters: z.object({ retry_after: z.number().nonnegative().optional() }).optional(),
  }),
]);
const file = z.object({ file_path: z.string().min(1) });

export function createTelegramBot(settings: TelegramBotSettings): TelegramBot {
  const base = settings.url.replace(/\/+$/, "");
  const dispatcher = new Agent({ connect: { timeout: settings.timeoutMs }, bodyTimeout: settings.timeoutMs });

  async function call(
    method: string,
    parameters: object = {},
    { waitMs = 0, signal }: { waitMs?: number; signal?: AbortSignal } = {},
  ): Promise<BotAnswer> {
    try {
      const { statusCode, body } = await request(`${base}/bot${settings.token}/${method}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(parameters),
        headersTimeout: settings.timeoutMs + waitMs,
        signal: signal ?? null,
        dispatcher,
      });
      return judge(statusCode, await body.text());
    } catch (error) {
      return { ok: false, problem: nameProblem(error) };
    }
  }

  return {
    call,
    async openFile(fileId) {
      const told = await call("getFile", { file_id: fileId });
      const known = told.ok ? file.safeParse(told.result) : undefined;
      if (!known?.success) return undefined;
      const path = known.data.file_path.split("/").map(encodeURIComponent).join("/");
      const { statusCode, headers, body } = await request(`${base}/file/bot${settings.token}/${path}`, {
        headersTimeout: settings.timeoutMs,
        dispatcher,
      });
      if (statusCode === 200) {
        const bytes = Number(headers["content-length"]);
        return { body, bytes: Number.isSafeInteger(bytes) ? bytes : undefined };
      }
      await body.dump();
      return undefined;
    },
    close: () => dispatcher.destroy(),
  };
}

function judge(status: number, text: string): BotAnswer {
  const parsed = answered.safeParse(parseJson(text));
  if (!parsed.success) return { ok: false, code: status, problem: `HTTP ${status}, not understood` };
  if (parsed.data.ok) return { ok: true, result: parsed.data.result };
  const { error_code: code = status, parameters } = parsed.data;
  const seconds = parameters?.retry_after;
  return {
    ok: false,
    code,
    problem: `HTTP ${code}`,
    ...(seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }),
  };
}

/** The code alone: messages of sockets name addresses, and those hold the token. */
function nameProblem(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "no connection";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
