/** The one door to Genesys Cloud: the official SDK with an HTTP client of ours inside. */
import platformClient, {
  type ConversationsApi,
  type ExternalContactsApi,
  type ResponseManagementApi,
} from "purecloud-platform-client-v2";
import { z } from "zod";
import { StartError } from "../errors";
import { answerOfError, type GenesysAnswer } from "./answer";
import type { GenesysBudget, Priority } from "./budget";
import { GenesysError, readRefusal } from "./error";
import { type HttpRequest, type HttpResponse, openWire, sendRequest, type Wire } from "./http";
import { addressesOf } from "./regions";
import { createRotation } from "./rotation";
import { createTokenKeeper, fetchToken, type OAuthClient, type TokenKeeper } from "./token";

/** The parts of the SDK that the bridge uses. */
export interface GenesysApi {
  conversations: ConversationsApi;
  contacts: ExternalContactsApi;
  responses: ResponseManagementApi;
}

/** One request to Genesys Cloud. */
export interface GenesysRequest<T> {
  /** What is asked, for logs and errors: `receipts.send`. */
  operation: string;
  priority: Priority;
  /** Calls one method of the SDK, once. */
  send: (api: GenesysApi) => Promise<unknown>;
  /** What the body of a 2xx has to look like; `undefined` stands for an empty one. */
  answer: z.ZodType<T>;
}

/** One request that was made, for metrics. */
export interface GenesysCall {
  operation: string;
  priority: Priority;
  clientId: string;
  status: GenesysAnswer["status"];
  /** As in the answer: `HTTP 200`. */
  answer: string;
  /** Why it was not done. */
  error?: GenesysError;
  durationMs: number;
}

export interface GenesysClientDeps {
  organisation: {
    /** AWS name or host of the region. */
    region?: string | undefined;
    /** Replaces the region: a simulator, or an API gateway. */
    gatewayUrl?: string | undefined;
    /** OAuth clients (client credentials) that share the work. */
    clients: readonly OAuthClient[];
  };
  /** Milliseconds since the epoch. */
  now: () => number;
  /** The budget shared with other processes; without it callers keep the pace, and clients take turns. */
  budget?: GenesysBudget;
  onCall?: (call: GenesysCall) => void;
  /** Limit of one request, from connecting to the last byte. @default 15000 */
  timeoutMs?: number;
}

export interface GenesysClient {
  /** Makes one request; a 401 is met with a new token and one repeat. Never throws for what Genesys Cloud does. */
  ask<T>(request: GenesysRequest<T>): Promise<GenesysAnswer<T>>;
  /** Gets a token for every OAuth client and says which of them could not. */
  checkCredentials(): Promise<{ clientId: string; answer: GenesysAnswer<undefined> }[]>;
  /** A bearer token for what is not asked through the API: files on Genesys Cloud's own hosts. Throws GenesysError. */
  token(): Promise<string>;
  close(): Promise<void>;
}

/**
 * A client for one organisation.
 * @throws StartError when the organisation has no usable address or no OAuth client
 */
export function createGenesysClient(deps: GenesysClientDeps): GenesysClient {
  const { organisation, now, onCall, timeoutMs = 15_000 } = deps;
  const { clients } = organisation;
  if (clients.length === 0) throw new StartError("Genesys Cloud needs at least one OAuth client");
  const { apiUrl, loginUrl } = addressesOf(organisation);
  const budget = deps.budget ?? createRotation();
  const wire = openWire(timeoutMs);
  const members = clients.map((client) => createMember(client));

  async function ask<T>(request: GenesysRequest<T>): Promise<GenesysAnswer<T>> {
    const { operation, priority } = request;
    const awake = members.filter((member) => waitOf(member) <= 0);
    if (awake.length === 0) return notNow(operation, Math.min(...members.map(waitOf)));
    const able = awake.filter(({ tokens }) => !tokens.isFailing());
    const turn = await budget.take(
      priority,
      (able.length > 0 ? able : awake).map(({ id }) => id),
    );
    if ("retryAfterMs" in turn) return notNow(operation, turn.retryAfterMs);
    const member = members.find(({ id }) => id === turn.clientId);
    if (!member) throw new RangeError("The budget named an OAuth client that is not in the pool");
    // While the turn was waited for, Genesys Cloud may have asked this client to stay away.
    if (waitOf(member) > 0) return notNow(operation, waitOf(member));

    const startedAt = now();
    const result = await askAs(member, request);
    const { status, answer } = result;
    const failure = status === "done" ? {} : { error: result.error };
    onCall?.({ operation, priority, clientId: member.id, status, answer, ...failure, durationMs: now() - startedAt });
    if (result.status === "later" && result.retryAfterMs !== undefined && isAskedToWait(result.error)) {
      member.pausedUntil = Math.max(member.pausedUntil, now() + result.retryAfterMs);
      await budget.pause(member.id, result.retryAfterMs);
    }
    return result;
  }

  function waitOf({ pausedUntil }: Member): number {
    return pausedUntil - now();
  }

  async function askAs<T>({ api }: Member, request: GenesysRequest<T>): Promise<GenesysAnswer<T>> {
    try {
      return readAnswer(request, extended.parse(await request.send(api)), now());
    } catch (error) {
      return answerOfError(nameFailure(request.operation, error));
    }
  }

  async function checkCredentials() {
    return Promise.all(
      members.map(async ({ id: clientId, tokens }) => {
        const answer: GenesysAnswer<undefined> = await tokens
          .get()
          .then(() => ({ status: "done" as const, answer: "token", value: undefined }), answerOfError);
        return { clientId, answer };
      }),
    );
  }

  async function token(): Promise<string> {
    const able = members.find(({ tokens }) => !tokens.isFailing()) ?? members[0];
    if (!able) throw new RangeError("There is no OAuth client");
    return able.tokens.get();
  }

  function createMember(client: OAuthClient): Member {
    const tokens = createTokenKeeper({ logIn: () => fetchToken(wire, loginUrl, client, now), now });
    const api = createApi(apiUrl, (request) => sendAuthorised(wire, tokens, request));
    return { id: client.id, tokens, api, pausedUntil: 0 };
  }

  return { ask, checkCredentials, token, close: wire.close };
}

/** One OAuth client of the pool. */
interface Member {
  id: string;
  tokens: TokenKeeper;
  api: GenesysApi;
  /** Until when Genesys Cloud asked it to stay away. */
  pausedUntil: number;
}

type Send = (request: HttpRequest) => Promise<HttpResponse>;

/** A 401 was not carried out, so even a POST may be repeated under a new token. */
async function sendAuthorised(wire: Wire, tokens: TokenKeeper, request: HttpRequest): Promise<HttpResponse> {
  const token = await tokens.get();
  const response = await sendRequest(wire, "request", withToken(request, token));
  if (response.status !== 401) return response;
  return sendRequest(wire, "request", withToken(request, await tokens.replace(token)));
}

function withToken({ url, method, headers, params, data }: HttpRequest, token: string): HttpRequest {
  return { url, method, headers: { Authorization: `Bearer ${token}`, ...headers }, params, data };
}

/** Every answer resolves, whatever its status: there is then one place that judges it. */
class UndiciHttpClient extends platformClient.AbstractHttpClient {
  readonly #send: Send;
  constructor(send: Send) {
    super();
    this.#send = send;
  }
  override request(request: HttpRequest): Promise<HttpResponse> {
    return this.#send(request);
  }
  override enableHooks(): void {}
}

/** Each client of the SDK watches a file whose appearance would replace the addresses and switch on a log of bodies. */
function forgetConfigFile({
  config,
}: {
  config: { live_reload_config: boolean; setConfigPath(path: string): void };
}): void {
  config.live_reload_config = false;
  config.setConfigPath("");
}
forgetConfigFile(platformClient.ApiClient);

/** An SDK of our own beside its singleton, with its habits of reading a file in the home directory undone. */
function createApi(apiUrl: string, send: Send): GenesysApi {
  const sdk = new platformClient.ApiClientClass();
  forgetConfigFile(sdk);
  // Its logger copies every body even when it is silent.
  Object.assign(sdk.config.logger, { log: () => undefined });
  const { protocol, hostname, port, pathname } = new URL(apiUrl);
  sdk.setGateway({
    protocol: protocol.slice(0, -1),
    host: hostname,
    ...(port === "" ? {} : { port: Number(port) }),
    path_params_api: pathname === "/" ? "" : pathname,
  });
  sdk.setReturnExtendedResponses(true);
  sdk.setHttpClient(new UndiciHttpClient(send));
  return {
    conversations: new platformClient.ConversationsApi(sdk),
    contacts: new platformClient.ExternalContactsApi(sdk),
    responses: new platformClient.ResponseManagementApi(sdk),
  };
}

/** What the SDK resolves to with extended responses on; its types promise the bare body. */
const extended = z.object({
  status: z.number(),
  headers: z.custom<HttpResponse["headers"]>(),
  body: z.unknown(),
  text: z.string(),
});

function readAnswer<T>(
  { operation, answer }: GenesysRequest<T>,
  { status, headers, body, text }: z.infer<typeof extended>,
  now: number,
): GenesysAnswer<T> {
  if (status < 200 || status > 299) {
    throw readRefusal(operation, { status, headers, data: body }, now);
  }
  const parsed = text !== "" && body === undefined ? undefined : answer.safeParse(body);
  if (parsed?.success) return { status: "done", answer: `HTTP ${status}`, value: parsed.data };
  throw new GenesysError({ operation, status, code: "invalid.answer", retryable: true, uncertain: true });
}

/** The SDK throws a string, at once, for a missing argument. */
function nameFailure(operation: string, error: unknown): unknown {
  if (typeof error === "string") {
    return new GenesysError(
      { operation, code: "invalid.request", retryable: false, uncertain: false },
      { detail: error },
    );
  }
  return error instanceof GenesysError && error.operation === "request" ? error.with({ operation }) : error;
}

/** Nothing was sent: no OAuth client may send before `retryAfterMs`. */
function notNow(operation: string, retryAfterMs: number): GenesysAnswer<never> {
  const failure = { operation, code: "budget.spent", retryAfterMs, retryable: true, uncertain: false };
  return answerOfError(new GenesysError(failure));
}

/** Failed log-ins are spaced out by the token keeper, whose error says more than a spent budget would. */
function isAskedToWait({ operation, status }: GenesysError): boolean {
  return operation !== "oauth.token" && (status === 429 || status === 503);
}
