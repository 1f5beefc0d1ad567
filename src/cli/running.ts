/** The bridge that runs beside a command: where it is, and how it is asked. */
import { Agent, request } from "undici";
import type { Config } from "../config";
import { BridgeError, type ErrorCode, StartError, statusOfCode } from "../errors";
import { readAdminToken } from "./settings";

export interface RunningBridge {
  /** Where it listens, without a slash at the end. */
  url: string;
  /** One call to `/api/v1`; text is sent as it is, anything else as JSON. Throws BridgeError with the code it answered. */
  call<Answer>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<Answer>;
  /** Server-sent events after event `last`: first `open`, then as they come; ends when the bridge does, or at `signal`. */
  follow(path: string, signal: AbortSignal, last?: string): AsyncGenerator<StreamEvent>;
  close(): Promise<void>;
}

export interface StreamEvent {
  id: string;
  event: string;
  data: unknown;
}

const timeoutMs = 60_000;

/** HOST and PORT say where it listens; a wildcard address is reached over the loopback. */
export function bridgeUrl({ host, port }: Pick<Config, "host" | "port">): string {
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
  return `http://${reached}:${port}`;
}

/** Whether a bridge answers there. */
export async function isRunning(url: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`${url}/health/live`, { signal: AbortSignal.timeout(2000) });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}

/** `at` is where it runs, when not on this machine. Throws StartError without an admin token. */
export function connectBridge(config: Config, at?: string): RunningBridge {
  const url = at?.replace(/\/+$/, "") ?? bridgeUrl(config);
  const token = readAdminToken(config);
  if (token === undefined)
    throw new StartError("No admin token is known: set ADMIN_TOKEN, or DATA_DIR as the bridge has it.");
  const authorization = `Bearer ${token}`;
  const dispatcher = new Agent({ connect: { timeout: 3000 }, bodyTimeout: 0 });

  async function ask(
    method: "GET" | "POST" | "DELETE",
    path: string,
    { body, signal, headers = {} }: { body?: unknown; signal: AbortSignal; headers?: Record<string, string> },
  ) {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const type = typeof body === "string" ? "application/x-ndjson" : "application/json";
    try {
      return await request(`${url}/api/v1${path}`, {
        dispatcher,
        method,
        headers: { ...headers, authorization, ...(text === undefined ? {} : { "content-type": type }) },
        body: text ?? null,
        headersTimeout: timeoutMs,
        signal,
      });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new StartError(`No bridge answers at ${url}: start one, or set PORT and HOST as it has them.`, {
        cause: error,
      });
    }
  }

  return {
    url,
    async call<Answer>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown) {
      const { statusCode, body: answer } = await ask(method, path, { body, signal: AbortSignal.timeout(timeoutMs) });
      const text = await answer.text();
      if (statusCode < 300) return (text === "" ? undefined : JSON.parse(text)) as Answer;
      throw refusalOf(statusCode, text);
    },
    async *follow(path, signal, last = "") {
      const headers: Record<string, string> = last === "" ? {} : { "last-event-id": last };
      const { statusCode, body } = await ask("GET", path, { signal, headers });
      if (statusCode >= 300) throw refusalOf(statusCode, await body.text());
      yield { id: last, event: "open", data: null };
      yield* readEvents(body);
    },
    close: () => dispatcher.destroy(),
  };
}

function refusalOf(statusCode: number, text: string): Error {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; field?: string } };
    if (Object.hasOwn(statusOfCode, error.code)) {
      return new BridgeError(error.code as ErrorCode, error.message, error.field);
    }
  } catch {
    // Not our error shape: something else listens there.
  }
  return new StartError(`What answers there (HTTP ${statusCode}) is no open-messaging-bridge.`);
}

/** The events of a text/event-stream body (WHATWG HTML, "Server-sent events"). */
export async function* readEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const fields = rest.slice(0, end).split("\n");
      rest = rest.slice(end + 2);
      const field = (name: string) =>
        fields.flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : [])).join("\n");
      const data = field("data");
      if (data !== "") yield { id: field("id"), event: field("event"), data: JSON.parse(data) };
    }
  }
}
