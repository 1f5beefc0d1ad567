/** A real HTTP server on a free port that keeps what it was sent and answers as the test says. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type Answer = (response: ServerResponse, received: Received, request: IncomingMessage) => void;

export async function startLocalServer(initial: Answer = answerWith(204)) {
  const received: Received[] = [];
  let answer = initial;
  let connections = 0;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const one = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
    received.push(one);
    server.emit("received");
    answer(response, one, request);
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    received,
    connections: () => connections,
    /** Resolves when the next request has come in whole. */
    async nextRequest(): Promise<void> {
      await once(server, "received");
    },
    answer(next: Answer): void {
      answer = next;
    },
    async stop(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
export type LocalServer = Awaited<ReturnType<typeof startLocalServer>>;

/** Answers with a status, and a body that is written as JSON unless it is text. */
export function answerWith(status: number, body?: unknown, headers: Record<string, string | string[]> = {}): Answer {
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return (response) => response.writeHead(status, headers).end(text);
}

/** A URL of this machine where nothing listens. */
export async function findDeadUrl(): Promise<string> {
  const server = await startLocalServer();
  await server.stop();
  return server.url;
}
