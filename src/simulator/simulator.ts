/** Puts the parts together: one simulated organisation behind one HTTP server. */
import { createAgentlessRoutes } from "./agentless";
import { createAgentlessEmailRoutes } from "./agentless-email";
import { createAnalyticsRoutes } from "./analytics";
import { createContactRoutes } from "./contact-routes";
import { createContacts } from "./contacts";
import { createControlRoutes } from "./controls";
import { createConversationEnd, type EndedBy } from "./conversation-end";
import { createConversationRoutes } from "./conversation-routes";
import { createConversations, deliveryError } from "./conversations";
import { createDeskRoutes } from "./desk";
import { createDownloads } from "./downloads";
import { createEvents } from "./events";
import { createFaults } from "./faults";
import { createInboundRoutes } from "./inbound";
import { createIntegrationRoutes } from "./integration-routes";
import { createIntegrations } from "./integrations";
import { defaultClient, type SimulatorOptions } from "./options";
import { createOutbound } from "./outbound";
import { createRateLimit } from "./rate-limit";
import { createReceiptRoutes } from "./receipts";
import { createRequestLog } from "./request-log";
import { createResponses } from "./responses";
import { createApiServer } from "./server";
import { clearState, createState, type MessageStatus } from "./state";
import { createStateFile } from "./state-file";
import { createTokens } from "./token";
import { createTriggers, type Workflow } from "./triggers";
import { createWebChats } from "./web-chats";
import { createWebhookSender } from "./webhook-sender";

/** A Genesys Cloud to practise on; `start` it before use. */
export function createSimulator(options: SimulatorOptions = {}) {
  const now = options.now ?? Date.now;
  let url = "";
  const state = createState();
  const stateFile = options.stateFile === undefined ? undefined : createStateFile({ file: options.stateFile, state });
  const events = createEvents();
  const { emit } = events;
  const faults = createFaults();
  const log = createRequestLog({ keep: options.keepRequests ?? 100_000 });
  const tokens = createTokens({ clients: options.clients ?? [defaultClient], now });
  const limits = createLimits(options, now);
  const timing = { timeoutMs: 10_000, retryDelayMs: 5000, maxRetries: 5, ...options.webhooks };
  const sender = createWebhookSender({ ...timing, now, faults });
  const integrations = createIntegrations({ state, now });
  const conversations = createConversations({ state, now, emit });
  const contacts = createContacts({ state, now });
  const responses = createResponses({ state, now });
  const { contactFor } = contacts;
  const outbound = createOutbound({ state, conversations, integrations, sender, emit, now, contactFor });
  const workflows = new Map(Object.entries(options.workflows ?? {}));
  const triggers = createTriggers({
    state,
    report: (run) => emit("trigger", run),
    workflows,
    secondMs: options.triggerSecondMs ?? 1000,
  });
  const conversationEnd = createConversationEnd({ conversations, raise: triggers.raise, now });
  const webChats = createWebChats({ conversations, contacts, raise: triggers.raise, now });
  const downloads = createDownloads({
    state,
    tokens,
    now,
    baseUrl: () => url,
    needsToken: options.downloadsNeedToken ?? true,
  });
  const shared = { state, conversations, integrations, contacts, contactFor, responses, outbound, faults, emit, now };

  const apiRoutes = [
    ...tokens.routes,
    ...createInboundRoutes({ ...shared, publishReceipts: options.publishReceipts ?? true }),
    ...createReceiptRoutes({ ...shared, acceptStrayReceipts: options.acceptStrayReceipts ?? false }),
    ...createConversationRoutes({ ...shared, conversationEnd }),
    ...createAgentlessRoutes(shared),
    ...createAgentlessEmailRoutes({ ...shared, limit: limits.email }),
    ...createContactRoutes(shared),
    ...createIntegrationRoutes(shared),
    ...createAnalyticsRoutes(shared),
    ...responses.routes,
    ...triggers.routes,
    ...downloads.routes,
  ];
  const controlRoutes = createControlRoutes({ ...shared, conversationEnd, webChats, triggers, log, reset });
  const deskRoutes = createDeskRoutes({ ...shared, conversationEnd, webChats });
  const server = createApiServer({
    routes: [...apiRoutes, ...controlRoutes, ...deskRoutes],
    tokens,
    limits,
    faults,
    log,
    now,
    onChange: () => stateFile?.saveSoon(),
    onRequest: (request) => emit("request", request),
  });
  events.on("status", () => stateFile?.saveSoon());
  conversations.reindex();
  addConfigured();

  /** Listens and resolves with the URL that a client uses as its gateway. */
  async function start(): Promise<string> {
    const host = options.host ?? "127.0.0.1";
    const port = await server.listen(options.port ?? 0, host);
    url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
    return url;
  }

  /** Ends running webhooks and waiting triggers, closes every connection, and writes the state file. */
  async function stop() {
    triggers.stop();
    await sender.stop();
    await server.close();
    stateFile?.saveNow();
  }

  /** Forgets everything but the clients, their tokens and the integrations given at the start. */
  function reset() {
    triggers.stop();
    webChats.clear();
    clearState(state);
    conversations.reindex();
    faults.clear();
    log.clear();
    for (const limit of Object.values(limits)) limit.clear();
    addConfigured();
  }

  function addConfigured() {
    for (const integration of options.integrations ?? []) integrations.add(integration);
  }

  /** What a carrier or a test says became of a message, as SMS and WhatsApp results appear by themselves. */
  function setMessageStatus(messageId: string, status: MessageStatus, reason?: { code?: string; message: string }) {
    conversations.setStatus(conversations.getMessage(messageId), status, reason && deliveryError([reason]));
  }

  return {
    get url() {
      return url;
    },
    start,
    stop,
    reset,
    /** Every route of the API with its method, as the API's documentation writes it. */
    routes: apiRoutes.map(({ method, path }) => ({ method, path })),
    addIntegration: integrations.add,
    /** Where a workflow's data action posts to; `*` serves every trigger whose workflow is not named. */
    addWorkflow: (id: string, workflow: Workflow) => void workflows.set(id, workflow),
    addContact: contacts.add,
    removeContact: contacts.remove,
    mergeContacts: (contactIds: readonly string[]) => contacts.merge(contactIds, {}),
    addResponse: responses.add,
    addMedia: downloads.addMedia,
    say: outbound.say,
    sendOutbound: outbound.sendOutbound,
    /** Chats in a browser, which need no connector. */
    webChats: { start: webChats.start, say: webChats.say, leave: webChats.leave, comeBack: webChats.comeBack },
    /** Ends a conversation and tells the triggers. */
    disconnect: (conversationId: string, by: EndedBy = "customer") =>
      conversationEnd.end(conversations.get(conversationId), by),
    /** Tells the triggers of any event, such as undelivered web messages. */
    raise: triggers.raise,
    message: (messageId: string) => state.messages.get(messageId),
    messageStatus: (messageId: string) => state.messages.get(messageId)?.status,
    setMessageStatus,
    receiptsFor: (messageId: string) => state.messages.get(messageId)?.receipts ?? [],
    /** Messages to one address, of any channel. */
    messagesTo: (address: string) => [...state.messages.values()].filter(({ toAddress }) => toAddress === address),
    inboundMessages: () => [...state.messages.values()].filter(({ direction }) => direction === "inbound"),
    conversation: (conversationId: string) => state.conversations.get(conversationId),
    contact: (contactId: string) => state.contacts.get(contactId),
    emails: () => [...state.emails.values()],
    expireTokens: () => tokens.expireTokens(),
    requests: log,
    faults,
    on: events.on,
    next: events.next,
  };
}
export type Simulator = ReturnType<typeof createSimulator>;

function createLimits(options: SimulatorOptions, now: () => number) {
  const window = options.rateWindow ?? "sliding";
  const perToken = options.requestsPerMinute ?? 300;
  const perClient = options.requestsPerMinutePerClient ?? Math.max(3000, perToken);
  return {
    token: createRateLimit({ perMinute: perToken, window, now }),
    client: createRateLimit({ perMinute: perClient, window, now }),
    email: createRateLimit({ perMinute: options.emailsPerMinute ?? 300, window, now }),
  };
}
