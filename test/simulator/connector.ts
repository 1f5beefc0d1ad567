/** A connector as the simulator meets it: an HTTP server that takes webhooks, and calls of the API with a token. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createSimulator, type Simulator, type SimulatorOptions } from "../../src/simulator";

export const secret = "harborline-test-secret-0001";
export const integrationId = "2655b4c8-6386-5a64-8346-d47fed659046";

/** What a test that failed half-way left running. */
const running = new Set<() => Promise<void>>();
afterAll(async () => {
  for (const stop of running) await stop();
});

export interface ReceivedWebhook {
  at: number;
  headers: IncomingHttpHeaders;
  raw: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked into field by field
  json: Record<string, never> & { id: string };
  socket: number;
}

/** Takes webhooks and answers each as told; 200 when nothing is told. */
export async function startReceiver(answer: (hook: ReceivedWebhook, response: ServerResponse) => void = answerOk) {
  const received: ReceivedWebhook[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const raw = Buffer.concat(chunks);
      const hook = {
        at: performance.now(),
        headers: request.headers,
        raw,
        json: JSON.parse(raw.toString("utf8")) as ReceivedWebhook["json"],
        socket: request.socket.remotePort ?? 0,
      };
      received.push(hook);
      answer(hook, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/genesys/chat/outbound`;
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url, received, close };
}

export function answerOk(_hook: ReceivedWebhook, response: ServerResponse) {
  response.writeHead(200).end();
}

export interface ApiAnswer {
  status: number;
  headers: Headers;
  body: AnswerBody;
}

/** The fields that tests look into; what is absent from an answer fails its expectation. */
export interface AnswerBody {
  id: string;
  code: string;
  error: string;
  message: string;
  contextId: string;
  conversationId: string;
  details: object[];
  channel: { from: { idType: string } };
  [name: string]: unknown;
}

/** A started simulator with one integration, its receiver, and a logged-in caller. */
export async function startBoth(options: SimulatorOptions = {}, answer = answerOk) {
  const receiver = await startReceiver(answer);
  const simulator = createSimulator({
    integrations: [{ id: integrationId, name: "Harborline Chat", webhookUrl: receiver.url, secret }],
    webhooks: { timeoutMs: 200, retryDelayMs: 20 },
    ...options,
  });
  await simulator.start();
  const call = await logIn(simulator);
  const stop = async () => {
    if (!running.delete(stop)) return;
    await simulator.stop();
    await receiver.close();
  };
  running.add(stop);
  return { simulator, receiver, call, stop };
}

/** Logs in and returns a caller: `call("POST", "/api/v2/…", body)`. */
export async function logIn(simulator: Simulator, id = "simulator-client", clientSecret = "simulator-secret") {
  const answer = await requestToken(simulator, id, clientSecret);
  const { access_token: token } = (await answer.json()) as { access_token: string };
  return (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    callApi(simulator, method, path, body, { authorization: `Bearer ${token}`, ...headers });
}

export function requestToken(simulator: Simulator, id: string, clientSecret: string) {
  return fetch(`${simulator.url}/oauth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${id}:${clientSecret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
}

export async function callApi(
  simulator: Simulator,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<ApiAnswer> {
  const answer = await fetch(simulator.url + path, {
    method,
    redirect: "manual",
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: (text === "" ? undefined : parse(text)) as AnswerBody,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const customer = {
  id: "crew-7781@chat.harborline.example",
  idType: "Email",
  nickname: "Ines",
  firstName: "Ines",
  lastName: "Calder",
};
export const inboundPath = `/api/v2/conversations/messages/${integrationId}/inbound/open`;
