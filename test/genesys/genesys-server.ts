/** A small Genesys Cloud on 127.0.0.1: tokens, bearer checks, and answers that a test chooses. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Seen {
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingMessage["headers"];
  body: unknown;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** A string goes out as it is. */
  body?: unknown;
}

type Respond = (request: Seen, response: ServerResponse) => Reply | "hang" | "drop";

export interface GenesysServer {
  url: string;
  /** Requests of the API that carried a token, valid or not. */
  requests: Seen[];
  logins: Seen[];
  clients: Map<string, string>;
  tokenSeconds: number;
  /** Answers a log-in instead of the usual check. */
  onLogin?: Respond;
  /** Answers requests that carry a valid token. */
  onRequest: Respond;
  /** Makes all tokens issued so far worthless. */
  revokeTokens(): void;
  close(): Promise<void>;
}

export async function startGenesys(): Promise<GenesysServer> {
  const valid = new Set<string>();
  const http = createServer(async (incoming, response) => {
    const raw = await text(incoming);
    const { method = "", url = "", headers } = incoming;
    const login = url.endsWith("/oauth/token");
    const seen: Seen = { method, path: url, headers, body: login || raw === "" ? raw : JSON.parse(raw) };
    (login ? server.logins : server.requests).push(seen);
    reply(response, login ? answerLogin(seen, response) : answerRequest(seen, response));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");

  const server: GenesysServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests: [],
    logins: [],
    clients: new Map([["client-a", "secret-a"]]),
    tokenSeconds: 86_400,
    onRequest: () => ({ status: 200, body: {} }),
    revokeTokens: () => valid.clear(),
    close: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
  };
  return server;

  function answerLogin(seen: Seen, response: ServerResponse): Reply | "hang" | "drop" {
    if (server.onLogin) return server.onLogin(seen, response);
    const basic = Buffer.from(seen.headers.authorization?.replace("Basic ", "") ?? "", "base64").toString();
    const [id = "", secret] = basic.split(":");
    if (server.clients.get(id) !== secret || seen.body !== "grant_type=client_credentials") {
      return { status: 400, body: { error: "invalid_client", description: `client ${id} not found` } };
    }
    const issued = `token-of-${id}-${server.logins.length}`;
    valid.add(issued);
    return {
      status: 200,
      body: { access_token: issued, token_type: "bearer", expires_in: server.tokenSeconds },
    };
  }

  function answerRequest(seen: Seen, response: ServerResponse): Reply | "hang" | "drop" {
    if (valid.has(seen.headers.authorization?.replace("Bearer ", "") ?? "")) return server.onRequest(seen, response);
    return { status: 401, body: { message: "Invalid login credentials.", code: "bad.credentials", status: 401 } };
  }
}

function reply(response: ServerResponse, answer: Reply | "hang" | "drop"): void {
  if (answer === "hang") return;
  if (answer === "drop") {
    response.destroy();
    return;
  }
  const { status, headers = {}, body } = answer;
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(body === undefined || typeof body === "string" ? body : JSON.stringify(body));
}
