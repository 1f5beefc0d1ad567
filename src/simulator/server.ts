/**
 * The HTTP side: reads a request, lets faults strike, checks token, rate and permissions, runs the route, and answers
 * in the form of Genesys Cloud, with a correlation id on everything.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import {
  ApiError,
  badRequest,
  notFound,
  requestTooLarge,
  errorOf,
  tooManyRequests,
  unsupportedMediaType,
} from "./api-error";
import type { ApiFault, Faults } from "./faults";
import { newEntityId } from "./ids";
import { requirePermissions } from "./permissions";
import type { RateLimit, RateVerdict } from "./rate-limit";
import type { RequestLog } from "./request-log";
import { type Answer, createRouter, type Match, type Route, readParams } from "./route";
import type { Tokens } from "./token";

export interface ServerDeps {
  routes: readonly Route[];
  tokens: Tokens;
  /** Per token, and over all tokens of one client. */
  limits: { token: RateLimit; client: RateLimit };
  faults: Faults;
  log: RequestLog;
  now: () => number;
  /** Called after each answer that may have changed something. */
  onChange(): void;
  onRequest(request: ReturnType<RequestLog["list"]>[number]): void;
}

/** `request.bytes.max`. */
const maxBodyBytes = 512_000;

export function createApiServer(deps: ServerDeps) {
  const router = createRouter(deps.routes);
  const server: Server = createServer((request, response) => void serve(request, response));

  async function serve(request: IncomingMessage, response: ServerResponse) {
    const at = deps.now();
    const correlationId = newEntityId();
    const method = request.method ?? "GET";
    const { path, query } = splitTarget(request.url ?? "/");
    const fault = isControl(path) ? undefined : deps.faults.takeApiFault(method, path);
    const seen: { match?: Match; clientId?: string; headers: Record<string, string> } = { headers: {} };
    let answer: Answer | undefined;
    try {
      const body = await readBytes(request);
      if (fault) await strikeFirst(fault);
      if (fault?.drop !== "before") {
        if (fault?.status !== undefined) answer = toAnswer(makeFault(fault, fault.status), correlationId);
        else answer = await run({ method, path, query, body, request, seen });
        if (fault?.body === "empty") delete answer.body;
      }
    } catch (error) {
      answer = toAnswer(error instanceof ApiError ? error : errorOf(500), correlationId);
    }
    if (!answer || fault?.drop) request.socket.destroy();
    else write(response, answer, { ...seen.headers, ...correlationHeaders(correlationId) });
    if (isControl(path)) return;
    const entry = {
      at,
      method,
      route: seen.match?.route.path ?? "(none)",
      path,
      status: answer?.status ?? 0,
      clientId: seen.clientId,
      correlationId,
    };
    deps.log.add(entry);
    deps.onRequest(entry);
  }

  async function strikeFirst(fault: ApiFault) {
    if (fault.delayMs !== undefined) await wait(fault.delayMs, undefined, { ref: false });
    if (fault.expireTokens) deps.tokens.expireTokens();
  }

  async function run(asked: {
    method: string;
    path: string;
    query: URLSearchParams;
    body: Buffer;
    request: IncomingMessage;
    seen: { match?: Match; clientId?: string; headers: Record<string, string> };
  }): Promise<Answer> {
    const { method, path, query, request, seen } = asked;
    const match = router.match(method, path);
    seen.match = match;
    const caller = match?.route.open ? undefined : admit(request.headers.authorization, seen);
    if (!match) throw notFound();
    const { route } = match;
    if (caller) requirePermissions(caller.client, route.needs);
    const contentType = route.open ? "application/json" : request.headers["content-type"];
    const answer = await route.handle({
      param: readParams(match.params),
      query,
      body: route.raw ? asked.body : parseJson(asked.body, contentType),
      headers: request.headers,
      client: caller?.client,
      token: caller?.token,
    });
    if (method !== "GET" && method !== "HEAD") deps.onChange();
    return answer;
  }

  /** Token first, then its budget, then the client's. */
  function admit(authorization: string | undefined, seen: { clientId?: string; headers: Record<string, string> }) {
    const { token, client } = deps.tokens.checkBearer(authorization);
    seen.clientId = client.id;
    const verdicts = [deps.limits.token.admit(token), deps.limits.client.admit(client.id)];
    Object.assign(seen.headers, rateHeaders(verdicts[0]));
    const refusals = verdicts.filter(({ admitted }) => !admitted);
    if (refusals.length > 0) throw tooManyRequests(Math.max(...refusals.map(({ resetSeconds }) => resetSeconds)));
    return { client, token };
  }

  /** Listens and resolves with the port; 0 takes a free one. */
  async function listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return (server.address() as AddressInfo).port;
  }

  async function close() {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  return { listen, close };
}

function splitTarget(target: string) {
  const [path = "/", search = ""] = target.split("?", 2);
  return { path, query: new URLSearchParams(search) };
}

/** Routes of the simulator itself, which no fault and no log touches. */
function isControl(path: string) {
  return path.startsWith("/_");
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read on without keeping, so that the sender gets an answer instead of a broken pipe.
    if (size <= maxBodyBytes) chunks.push(chunk);
  }
  if (size > maxBodyBytes) throw requestTooLarge(maxBodyBytes);
  return Buffer.concat(chunks);
}

function parseJson(body: Buffer, contentType: string | undefined): unknown {
  if (body.length === 0) return undefined;
  if (!/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(contentType ?? "")) throw unsupportedMediaType();
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw badRequest();
  }
}

function makeFault({ retryAfterSeconds, code, message }: ApiFault, status: number) {
  if (status === 429) return tooManyRequests(retryAfterSeconds ?? 1);
  const usual = errorOf(status);
  const error = new ApiError({ status, code: code ?? usual.code, message: message ?? usual.message });
  if (retryAfterSeconds !== undefined) error.headers["Retry-After"] = String(retryAfterSeconds);
  return error;
}

function toAnswer(error: ApiError, contextId: string): Answer {
  return { status: error.status, body: error.toBody(contextId), headers: error.headers };
}

function correlationHeaders(id: string) {
  return { "ININ-Correlation-Id": id, "Genesys-Correlation-Id": id };
}

function rateHeaders(verdict: RateVerdict | undefined): Record<string, string> {
  if (!verdict) return {};
  return {
    "inin-ratelimit-count": String(verdict.count),
    "inin-ratelimit-allowed": String(verdict.allowed),
    "inin-ratelimit-reset": String(verdict.resetSeconds),
  };
}

function write(response: ServerResponse, { status, body, headers }: Answer, extra: Record<string, string>) {
  const bytes = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    ...(bytes && !Buffer.isBuffer(body) ? { "Content-Type": "application/json" } : {}),
    "Content-Length": bytes?.length ?? 0,
    ...headers,
    ...extra,
  });
  response.end(bytes);
}
