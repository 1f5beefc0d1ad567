/** Puts the parts together: one simulated organisation behind one HTTP server. */
import type { Speaker } from "./conversations";
import { createConversations } from "./conversations";
import { createEvents } from "./events";
import { createFaults } from "./faults";
import { createInboundRoutes } from "./inbound";
import { createIntegrations, type IntegrationInput } from "./integrations";
import { type Addressee, createOutbound } from "./outbound";
import type { Utterance } from "./outbound-message";
import { createRateLimit, type RateWindow } from "./rate-limit";
import { createReceiptRoutes } from "./receipts";
import { createRequestLog } from "./request-log";
import type { Route } from "./route";
import { createApiServer } from "./server";
import { createState } from "./state";
import { type ClientAccount, createTokens } from "./token";
import { createWebhookSender, type WebhookTiming } from "./webhook-sender";

export interface SimulatorOptions {
  /** OAuth clients. @default one that may do everything: `simulator-client` / `simulator-secret` */
  clients?: readonly ClientAccount[];
  integrations?: readonly IntegrationInput[];
  /** Requests one token may make in a minute. @default 300 */
  requestsPerMinute?: number;
  /** Requests all tokens of one client may make in a minute. @default 3000, or `requestsPerMinute` when that is more */
  requestsPerMinutePerClient?: number;
  /** How the minute is measured. @default "sliding" */
  rateWindow?: RateWindow;
  /** Times of the webhooks. @default 10 s for an answer, 5 retries, 5 s apart */
  webhooks?: Partial<WebhookTiming>;
  /** Report customers' messages on the webhook as `Published`. @default true */
  publishReceipts?: boolean;
  /** Take receipts for messages that were not sent from here. @default false: 404 */
  acceptStrayReceipts?: boolean;
  /** @default 0: a free port */
  port?: number;
  /** @default "127.0.0.1" */
  host?: string;
  /** Requests the log keeps. @default 100000 */
  keepRequests?: number;
  /** Clock, milliseconds. @default Date.now */
  now?: () => number;
}

/** The client that `createSimulator` makes when none is given. */
export const defaultClient: ClientAccount = { id: "simulator-client", secret: "simulator-secret" };

/** A Genesys Cloud to practise on; `start` it before use. */
export function createSimulator(options: SimulatorOptions = {}) {
  const now = options.now ?? Date.now;
  const requestsPerMinute = options.requestsPerMinute ?? 300;
  const window = options.rateWindow ?? "sliding";
  const state = createState();
  const events = createEvents();
  const { emit } = events;
  const faults = createFaults();
  const log = createRequestLog({ keep: options.keepRequests ?? 100_000 });
  const tokens = createTokens({ clients: options.clients ?? [defaultClient], now });
  const limits = {
    token: createRateLimit({ perMinute: requestsPerMinute, window, now }),
    client: createRateLimit({
      perMinute: options.requestsPerMinutePerClient ?? Math.max(3000, requestsPerMinute),
      window,
      now,
    }),
  };
  const sender = createWebhookSender({
    timeoutMs: 10_000,
    retryDelayMs: 5000,
    maxRetries: 5,
    ...options.webhooks,
    now,
    faults,
  });
  const integrations = createIntegrations({ state, now });
  const conversations = createConversations({ state, now, emit });
  const contactFor = () => undefined;
  const outbound = createOutbound({ state, conversations, integrations, sender, emit, now, contactFor });

  const routes: Route[] = [
    {
      method: "POST",
      path: "/oauth/token",
      open: true,
      handle: ({ headers, body }) =>
        tokens.issueToken(String(headers["authorization"] ?? ""), new URLSearchParams(String(body))),
    },
    ...createInboundRoutes({
      state,
      conversations,
      integrations,
      outbound,
      faults,
      emit,
      now,
      contactFor,
      publishReceipts: options.publishReceipts ?? true,
    }),
    ...createReceiptRoutes({
      state,
      conversations,
      integrations,
      emit,
      now,
      acceptStrayReceipts: options.acceptStrayReceipts ?? false,
    }),
  ];
  const server = createApiServer({
    routes,
    tokens,
    limits,
    faults,
    log,
    now,
    onChange: () => undefined,
    onRequest: (request) => emit("request", request),
  });
  for (const integration of options.integrations ?? []) integrations.add(integration);

  let url = "";
  /** Listens; `url` is what a client uses as its gateway. */
  async function start(): Promise<string> {
    const host = options.host ?? "127.0.0.1";
    const port = await server.listen(options.port ?? 0, host);
    url = `http://${host}:${port}`;
    return url;
  }

  /** Ends running webhooks and closes every connection. */
  async function stop() {
    await sender.stop();
    await server.close();
  }

  return {
    get url() {
      return url;
    },
    start,
    stop,
    routes: routes.map(({ method, path }) => ({ method, path })),
    addIntegration: integrations.add,
    say: (to: Addressee, what: Utterance | string, speaker?: Speaker) => outbound.say(to, what, speaker),
    sendOutbound: outbound.sendOutbound,
    messageStatus: (messageId: string) => state.messages.get(messageId)?.status,
    message: (messageId: string) => state.messages.get(messageId),
    receiptsFor: (messageId: string) => state.messages.get(messageId)?.receipts ?? [],
    inboundMessages: () => [...state.messages.values()].filter(({ direction }) => direction === "inbound"),
    expireTokens: () => tokens.expireTokens(),
    requests: log,
    faults,
    on: events.on,
    next: events.next,
  };
}
export type Simulator = ReturnType<typeof createSimulator>;
