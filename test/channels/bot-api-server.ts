/** A Bot API server as its documents describe it (https://core.telegram.org/bots/api), for one bot and its chats. */
import type { ServerResponse } from "node:http";
import { z } from "zod";
import { answerWith, type Received, startLocalServer } from "./local-server";

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
  const inbox = createInbox();

  const server = await startLocalServer((response, received, request) => {
    calls += 1;
    const special = trouble(calls);
    if (special === "silence") return;
    if (special === undefined && inbox.answer(response, received)) return;
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
    inbox,
    calls: () => calls,
    meet(next: typeof trouble): void {
      trouble = next;
    },
    stop: server.stop,
  };
}
export type BotApiServer = Awaited<ReturnType<typeof startBotApiServer>>;

/** What customers sent, until the bot has confirmed it; the files among it; and where updates go. */
function createInbox() {
  const asked: { method: string; parameters: Record<string, unknown> }[] = [];
  const files = new Map<string, { path: string; content: Buffer }>();
  let updates: { update_id: number }[] = [];
  let webhook: unknown;
  let last = 700_000;
  let held: (() => void) | undefined;

  /** Whether it was a call of ours. */
  function answerCall(response: ServerResponse, { method, path, body }: Received): boolean {
    const [, token, name = ""] = /^\/bot([^/]+)\/(\w+)$/.exec(path) ?? [];
    const file = [...files.values()].find((one) => path === `/file/bot${botToken}/${one.path}`);
    if (method === "GET" && file) {
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": file.content.length });
      response.end(file.content);
      return true;
    }
    if (token !== botToken || !Object.hasOwn(inboxCalls, name)) return false;
    const parameters = JSON.parse(String(body)) as Record<string, unknown>;
    asked.push({ method: name, parameters });
    inboxCalls[name as keyof typeof inboxCalls](response, parameters);
    return true;
  }

  const answerJson = (response: ServerResponse, status: number, body: object) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

  const inboxCalls = {
    getUpdates(response: ServerResponse, { offset }: Record<string, unknown>) {
      if (webhook !== undefined) {
        const description = "Conflict: can't use getUpdates method while webhook is active";
        return answerJson(response, 409, { ok: false, error_code: 409, description });
      }
      updates = updates.filter(({ update_id }) => typeof offset !== "number" || update_id >= offset);
      const hand = () => {
        held = undefined;
        answerJson(response, 200, { ok: true, result: updates });
      };
      if (updates.length > 0) hand();
      else held = hand;
    },
    getFile(response: ServerResponse, { file_id }: Record<string, unknown>) {
      const file = files.get(String(file_id));
      if (file) answerJson(response, 200, { ok: true, result: { file_id, file_path: file.path } });
      else answerJson(response, 400, { ok: false, error_code: 400, description: "Bad Request: invalid file_id" });
    },
    answerCallbackQuery: (response: ServerResponse) => answerJson(response, 200, { ok: true, result: true }),
    deleteWebhook(response: ServerResponse) {
      webhook = undefined;
      answerJson(response, 200, { ok: true, result: true });
    },
    setWebhook(response: ServerResponse, parameters: Record<string, unknown>) {
      webhook = parameters;
      answerJson(response, 200, { ok: true, result: true });
    },
  };

  return {
    answer: answerCall,
    /** Calls about updates, in order. */
    asked,
    files,
    /** Updates that the bot has not confirmed yet. */
    waiting: () => updates.length,
    /** Something happens in a chat. */
    happen(...happenings: object[]): void {
      for (const one of happenings) {
        last += 1;
        updates.push({ update_id: last, ...one });
      }
      held?.();
    },
    useWebhook(url: string): void {
      webhook = { url };
    },
  };
}

export function refuse(error_code: number, description: string, parameters?: object) {
  return { status: error_code, body: { ok: false, error_code, description, ...(parameters && { parameters }) } };
}
