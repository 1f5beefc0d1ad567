/** A Bot API server as its documents describe it (https://core.telegram.org/bots/api), for one bot and its chats. */
import { z } from "zod";
import { answerWith, startLocalServer } from "./local-server";

export const botToken = "110201543:no-real-token";

const httpUrl = z.string().regex(/^https?:\/\/[^\s/]+\.[^\s]+$/);
const button = z.union([
  z.strictObject({ text: z.string().min(1), url: httpUrl }),
  z.strictObject({
    text: z.string().min(1),
    callback_data: z.string().refine((data) => data !== "" && Buffer.byteLength(data) <= 64),
  }),
]);
const chat_id = z.string();
const reply_markup = z.strictObject({ inline_keyboard: z.array(z.array(button).min(1)).min(1) }).optional();
const caption = z.string().max(1024).optional();
const methods: Record<string, z.ZodType<{ chat_id: string }>> = {
  sendMessage: z.strictObject({ chat_id, text: z.string().min(1).max(4096), reply_markup }),
  sendPhoto: z.strictObject({ chat_id, photo: httpUrl, caption, reply_markup }),
  sendVideo: z.strictObject({ chat_id, video: httpUrl, caption, reply_markup }),
  sendAudio: z.strictObject({ chat_id, audio: httpUrl, caption, reply_markup }),
  sendAnimation: z.strictObject({ chat_id, animation: httpUrl, caption, reply_markup }),
  sendDocument: z.strictObject({ chat_id, document: httpUrl, caption, reply_markup }),
  sendChatAction: z.strictObject({ chat_id, action: z.enum(["typing", "upload_photo"]) }),
};

export interface Shown {
  method: string;
  [parameter: string]: unknown;
}

/** Chats: 1001 is open, 1002 has blocked the bot, 1003 is a deleted account; there are no others. */
export async function startBotApiServer() {
  const shown: Shown[] = [];
  /** Stands in for Telegram's limits and troubles: what to answer to the call of that number, counted from 1. */
  let trouble: (call: number) => { status: number; body: unknown } | "silence" | undefined = () => undefined;
  /** Files that Telegram cannot fetch. */
  const unreachable = new Set<string>();
  let calls = 0;

  const server = await startLocalServer((response, received, request) => {
    calls += 1;
    const special = trouble(calls);
    if (special === "silence") return;
    const { status, body } = special ?? answer(received.path, received.headers["content-type"], String(received.body));
    answerWith(status, body, { "content-type": "application/json" })(response, received, request);
  });

  function answer(path: string, type: string | undefined, body: string): { status: number; body: unknown } {
    const [, token, method = ""] = /^\/bot([^/]+)\/(\w+)$/.exec(path) ?? [];
    if (token !== botToken) return refuse(401, "Unauthorized");
    const schema = methods[method];
    if (!schema) return refuse(404, "Not Found");
    if (type !== "application/json") return refuse(400, "Bad Request: message text is empty");
    const parsed = schema.safeParse(JSON.parse(body));
    if (!parsed.success) return refuse(400, `Bad Request: ${parsed.error.issues[0]?.path.join(".")} is invalid`);
    const parameters = parsed.data;
    if (parameters.chat_id === "1002") return refuse(403, "Forbidden: bot was blocked by the user");
    if (parameters.chat_id === "1003") return refuse(403, "Forbidden: user is deactivated");
    if (parameters.chat_id !== "1001") return refuse(400, "Bad Request: chat not found");
    if (Object.values(parameters).some((value) => typeof value === "string" && unreachable.has(value))) {
      return refuse(400, "Bad Request: wrong file identifier/HTTP URL specified");
    }
    shown.push({ method, ...parameters });
    if (method === "sendChatAction") return { status: 200, body: { ok: true, result: true } };
    const result = { message_id: shown.length, date: 1_795_000_000, chat: { id: 1001, type: "private" } };
    return { status: 200, body: { ok: true, result } };
  }

  return {
    url: server.url,
    shown,
    unreachable,
    calls: () => calls,
    meet(next: typeof trouble): void {
      trouble = next;
    },
    stop: server.stop,
  };
}
export type BotApiServer = Awaited<ReturnType<typeof startBotApiServer>>;

export function refuse(error_code: number, description: string, parameters?: object) {
  return { status: error_code, body: { ok: false, error_code, description, ...(parameters && { parameters }) } };
}
