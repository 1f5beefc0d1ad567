/** Builds every part once and hands it to the others; the only file that knows them all. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve as toAbsolute } from "node:path";
import express from "express";
import helmet from "helmet";
import { requireToken } from "./admin/access";
import { auditRoutes } from "./admin/audit";
import { captureRoutes } from "./admin/captures";
import { erasureRoutes } from "./admin/erasures";
import { contactRoutes } from "./admin/contacts";
import { healthRoutes } from "./admin/health";
import { describeMessage, listByQuery, messageRoutes } from "./admin/messages";
import { createMetrics } from "./admin/metrics";
import { answerNotFound, createErrorHandler } from "./admin/problems";
import { replayRoutes } from "./admin/replays";
import { streamRoutes } from "./admin/stream";
import { suppressionRoutes } from "./admin/suppressions";
import { keepLines } from "./app/captures";
import { createConsentDesk, createUnsubscribeDeps } from "./app/consent";
import { createReplayDesk, createReplayWork, recordMeaning } from "./app/replay";
import { createSmsReplies } from "./app/sms-replies";
import { createTelegramParts } from "./app/telegram";
import type { Channel } from "./channels/channel";
import { type ChannelSettings, createChannel } from "./channels/index";
import { type ChannelProfile, channelProfiles } from "./channels/profiles";
import type { ChannelConfig, Config, FallbackPolicy, Integration, Organisation } from "./config";
import { createContactParts } from "./app/contacts";
import { createReceiptCallbacks } from "./delivery/callbacks";
import { createConfirmations } from "./delivery/confirmations";
import { type ConversationSource, createConversationChecks } from "./delivery/conversation-checks";
import { createDelivery } from "./delivery/deliver";
import { createFailureNews } from "./delivery/failures";
import { createInboundChannel, paceInbound } from "./delivery/inbound-channel";
import { createInboundReceipts } from "./delivery/inbound-receipts";
import type { MissedFor } from "./delivery/missed";
import { attributeQueue, createAttributes } from "./delivery/notice-attributes";
import type { NoticeDeps } from "./delivery/notice-deps";
import { createNoticeReports } from "./delivery/notice-outcome";
import { createNotices } from "./delivery/notices";
import { createPersist } from "./delivery/persist";
import { createReports } from "./delivery/reports";
import type { FallbackRule, Rules } from "./delivery/rules";
import { createTyping } from "./delivery/typing";
import { createUpkeep } from "./delivery/upkeep";
import { createWorker, type QueueWork } from "./delivery/worker";
import { BridgeError, StartError, StoreUnavailable } from "./errors";
import { createGenesysClient, type GenesysCall, type GenesysClient } from "./genesys/client";
import { describeCredentials } from "./genesys/credentials";
import type { GenesysError } from "./genesys/error";
import { pace } from "./genesys/budget";
import { createInbound } from "./genesys/inbound";
import { createSharedBudget } from "./genesys/shared-budget";
import { createConversations } from "./genesys/conversations";
import { createCustomers, type Customers } from "./genesys/customers";
import { createReceiptSender } from "./genesys/receipts";
import { ownsUrl } from "./genesys/regions";
import type { Log } from "./log";
import { createMedia, type MediaRule, mediaTimeoutMs, needsMedia } from "./media/media";
import { hasPrivateHost } from "./media/private-address";
import { createRemote } from "./media/remote";
import { mediaRoutes } from "./media/routes";
import { createShelf } from "./media/shelf";
import { understandCall } from "./message/inbound";
import { deliverableKinds, type Message } from "./message/message";
import { normalize } from "./message/normalize";
import { type AuditOptions, audit } from "./store/audit";
import { createCallbacks } from "./store/callbacks";
import { createChanges } from "./store/changes";
import { readBudget, updateBudgets } from "./store/budgets";
import type { KeptBody } from "./store/captures";
import { type Database, openDatabase } from "./store/database";
import { eraseRecipient } from "./store/erase";
import { newId } from "./store/ids";
import { createGenesysEvents } from "./store/genesys-events";
import { readGenesysIds } from "./store/inbound";
import { createIngest } from "./store/ingest";
import { indexLookups } from "./store/lookups";
import { findMessage } from "./store/messages";
import { migrate } from "./store/migrate";
import { dropRefused, listRefused, quarantine } from "./store/quarantine";
import { probeWrite } from "./store/readiness";
import { createReceiptRecorder } from "./store/receipts";
import { deliverQueue, failureQueue, inboundChannelName, inboundReceiptQueue, typingQueue } from "./store/queues";
import { replayQueue } from "./store/replays";
import { forgetOld, type RetentionRule } from "./store/retention";
import { sealLedger } from "./store/seals";
import { readQueues, releaseAllLeases } from "./store/tasks";
import { callbackRoutes } from "./webhook/callbacks";
import { eventRoutes } from "./webhook/events";
import { limitQuarantine, quarantineRoutes } from "./webhook/quarantine";
import { createOutboundListener } from "./webhook/outbound";
import { telegramRoutes } from "./webhook/telegram";
import { twilioRoutes } from "./webhook/twilio";
import { unsubscribeRoutes } from "./webhook/unsubscribe";

/** Which halves this process runs. */
export interface Roles {
  web: boolean;
  worker: boolean;
}

export interface BridgeOptions {
  config: Config;
  /** The token that opens the admin surface. */
  adminToken: string;
  roles: Roles;
  log: Log;
  version: string;
  now?: () => number;
  random?: () => number;
}

export interface Bridge {
  /** Where it listens; undefined when its port was taken and it could do without (a worker beside a web process). */
  address(): AddressInfo | undefined;
  /** Stops taking requests and tasks, finishes what it holds, closes everything. */
  stop(): Promise<void>;
}

/** Starts a bridge and resolves once it listens. Throws StartError when the store cannot be had. */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { config, roles, log, now = Date.now } = options;
  const startedAt = now();
  const onStoreError = sayOnce((error: unknown) => log.storeFailed({ code: codeOf(error), error }), now);
  const database = openDatabase(config.database, { listen: roles.worker, onError: onStoreError });
  let stopping = false;

  try {
    const readiness = createReadiness(database, log, now);
    if (database.engine === "sqlite") await readiness.prepare();
    const prepared = readiness.prepareWhenReachable(() => stopping);

    const metrics = createMetrics();
    const parts = createParts(options, database, metrics, { isStopping: () => stopping, onStoreError });
    const server = createHttpServer(options, database, metrics, parts, readiness);
    await listen(server, config, !roles.web, log);
    void prepared.then(() => {
      if (!roles.worker || stopping) return;
      parts.worker.start();
      parts.upkeep.start();
      for (const source of parts.telegram.sources) source.start();
    });

    void warnOfCredentials(config, parts.clients, log);

    const address = () => (server.address() as AddressInfo | null) ?? undefined;
    log.bridgeStarted({
      version: options.version,
      role: roles.web && roles.worker ? "web and worker" : roles.web ? "web" : "worker",
      host: config.host,
      port: address()?.port ?? config.port,
      database: config.database.kind,
      durationMs: now() - startedAt,
    });

    return {
      address,
      async stop() {
        stopping = true;
        const stoppedAt = now();
        await closeServer(server);
        await parts.telegram.stop();
        await Promise.all([parts.worker.stop(), parts.upkeep.stop()]);
        await Promise.all([...parts.channels.values()].map((channel) => channel.close?.()));
        await parts.replays.close();
        await parts.media.close();
        await Promise.all([...parts.clients.values()].map((client) => client.close()));
        await database.close();
        log.bridgeStopped({ durationMs: now() - stoppedAt });
      },
    };
  } catch (error) {
    stopping = true;
    await database.close().catch(() => undefined);
    throw error;
  }
}

type Parts = ReturnType<typeof createParts>;

/** The worker and what it works with. */
function createParts(
  options: BridgeOptions,
  database: Database,
  metrics: ReturnType<typeof createMetrics>,
  { isStopping, onStoreError }: { isStopping: () => boolean; onStoreError: (error: unknown) => void },
) {
  const { config, log, now = Date.now, random = Math.random } = options;
  const change = createChanges(database, now);
  const persist = createPersist({ isStopping, onError: onStoreError });
  const channels = openChannels(config, now);
  const rules = createRules(config);
  const rulesFor = (integration: string, channel: Channel) => rules(integration, channel);
  const inboundChannels = new Map<string, Channel>();
  const rulesOf = (integration: string, channel: string) =>
    rules(integration, channels.get(channel) ?? inboundChannels.get(channel));
  const shared = {
    database,
    change,
    persist,
    understand,
    digest: recordMeaning,
    now,
    random,
    newId: () => newId(now()),
  };

  const clients = new Map<string, GenesysClient>();
  const media = createMediaParts(options, (organisation) => clients.get(organisation));
  const deliverThrough = (channel: Channel) =>
    createDelivery(
      {
        ...shared,
        rulesFor,
        media,
        log: {
          deliveryAttempted(facts) {
            metrics.attempts.inc({ channel: facts.channel, result: facts.status });
            metrics.attemptSeconds.observe({ channel: facts.channel }, facts.durationMs / 1000);
            log.deliveryAttempted(facts);
          },
          breakerOpened(facts) {
            metrics.breakers.set({ channel: facts.channel }, 1);
            log.breakerOpened(facts);
          },
          breakerClosed(facts) {
            metrics.breakers.set({ channel: facts.channel }, 0);
            log.breakerClosed(facts);
          },
        },
      },
      channel,
    );
  const deliveries = [...channels.values()].map(deliverThrough);

  const reportCall = (organisation: string, { operation, priority, status, error, durationMs }: GenesysCall) => {
    metrics.genesysCalls.inc({ organisation, operation, result: status });
    metrics.genesysSeconds.observe({ organisation, priority }, durationMs / 1000);
    if (error === undefined) log.genesysCalled({ organisation, operation, durationMs });
    else log.genesysFailed({ organisation, operation, durationMs, ...describeRefusal(error) });
  };
  const customers = new Map<string, Customers>();
  const policies = new Map(config.fallback.map((policy) => [policy.name, policy]));
  const reports = config.organisations.flatMap((organisation) => {
    const budget = createSharedBudget({
      organisation: organisation.name,
      pace: pace(organisation.requestsPerMinute),
      update: (names, decide) => updateBudgets(database, names, decide),
      read: (name) => database.read((db) => readBudget(db, name)),
      now,
    });
    const client = createGenesysClient({
      organisation,
      now,
      budget,
      onCall: (call) => reportCall(organisation.name, call),
    });
    clients.set(organisation.name, client);
    const into = createInboundChannel({
      organisation: organisation.name,
      inbound: createInbound(client),
      findGenesysIds: (id) => database.read((db) => readGenesysIds(db, id)),
      now,
    });
    inboundChannels.set(into.name, into);
    deliveries.push(paceInbound(deliverThrough(into), into));
    customers.set(organisation.name, createCustomers(client));
    return createReports({
      database,
      organisation: organisation.name,
      sendReceipt: createReceiptSender(client),
      record: createReceiptRecorder(database),
      persist,
      now,
      log: {
        ...log,
        receiptSent(facts) {
          metrics.receipts.inc({ status: facts.status, result: "sent" });
          log.receiptSent(facts);
        },
        receiptRefused(facts) {
          metrics.receipts.inc({ status: facts.status, result: "refused" });
          log.receiptRefused(facts);
        },
      },
    });
  });

  const organisationOf = createOrganisationOf(config);
  const missedFor = createMissedFor(config);
  const sources = config.organisations.flatMap((organisation): ConversationSource[] => {
    const client = clients.get(organisation.name);
    if (client === undefined) return [];
    const webMessaging = missedFor.webMessaging(organisation);
    return [{ name: organisation.name, ...createConversations(client), webMessaging }];
  });

  const contacts = createContactParts({ config, database, clients, channels, now, log });
  const noticeDeps: NoticeDeps = {
    ...shared,
    policyOf: (name) => policies.get(name),
    channelOf: (name) => channels.get(name),
    organisationOf,
    async lookUpContact({ integration, ...customer }) {
      const organisation = organisationOf(integration);
      const answer =
        organisation === undefined ? undefined : await customers.get(organisation)?.findAddresses(customer);
      if (answer?.status === "later") return { status: "later", retryAfterMs: answer.retryAfterMs };
      return { status: "done", contact: answer?.status === "done" ? answer.value : { emails: [], phones: [] } };
    },
    publicUrl: config.publicUrl,
    log: {
      noticeSent(facts) {
        metrics.notices.inc({ channel: facts.channel, result: facts.status });
        log.noticeSent(facts);
      },
      noticesBraked: sayOnce((facts) => {
        metrics.noticesBraked.inc({ policy: facts.policy });
        log.noticesBraked(facts);
      }, now),
      templateFailed: log.templateFailed,
    },
  };

  const reportNotice = createNoticeReports(noticeDeps);
  const longestTimeoutMs = Math.max(0, ...[...channels.values()].map((channel) => channel.timeoutMs));
  const replays = createReplayWork({ ...shared, config, channels, rulesOf }, database, log);
  const works: QueueWork[] = [
    ...deliveries,
    ...[...channels.values(), ...inboundChannels.values()]
      .filter((channel) => channel.sendTyping)
      .map((channel) => createTyping(shared, channel)),
    ...[...channels.values()].map((channel) => createFailureNews(shared, channel)),
    createInboundReceipts({ ...shared, rulesOf }),
    createConfirmations({ ...shared, rulesOf }),
    createReceiptCallbacks({ ...shared, rulesOf, reportNotice }),
    ...contacts.works,
    createConversationChecks({
      ...shared,
      rulesOf,
      sources,
      integrationOf: missedFor.integration,
      organisationOf,
      log,
    }),
    ...reports,
    createNotices(noticeDeps, longestTimeoutMs),
    ...[...customers].map(([organisation, { showAttributes }]) =>
      createAttributes({
        ...shared,
        organisation,
        namesOf: (name) => policies.get(name)?.attributes ?? {},
        writeAttributes: showAttributes,
      }),
    ),
    replays,
  ];
  const onError = (kind: string, error: unknown) =>
    error instanceof StoreUnavailable ? onStoreError(error) : log.workerFailed({ kind, error });
  const worker = createWorker({ database, now, onError }, works);
  const upkeep = createUpkeep(
    [
      {
        name: "media",
        everyMs: 600_000,
        async run() {
          await media.shelf.sweep();
          return { more: false };
        },
      },
      {
        name: "lookups",
        everyMs: 1000,
        run: async () => ({ more: (await indexLookups(database, now())) > 0 }),
      },
      contacts.upkeep,
      {
        name: "seals",
        everyMs: 60_000,
        run: async () => ({ more: (await sealLedger(database, now())) > 0 }),
      },
      {
        name: "retention",
        everyMs: 600_000,
        run: () => forgetOld(database, retentionRule(config), now()),
      },
    ],
    onError,
  );
  const ingest = createIngest(database, now);
  const telegram = createTelegramParts(options, { database, channels, ingest, understand, onError });
  return {
    channels,
    clients,
    contacts,
    reportNotice,
    media,
    worker,
    upkeep,
    deliveries,
    replays,
    ingest,
    telegram,
    isStopping,
    queues: works.map((work) => work.queue),
  };
}

/** What channels are given of attachments: rules by channel, and the files of which the bridge serves a copy. */
function createMediaParts(
  { config, adminToken, now = Date.now }: BridgeOptions,
  clientOf: (organisation: string) => GenesysClient | undefined,
) {
  const shelf = createShelf({ directory: toAbsolute(config.dataDirectory, "media"), ...keptMedia, now });
  const localGateways = config.organisations.flatMap(({ gatewayUrl }) =>
    gatewayUrl !== undefined && hasPrivateHost(gatewayUrl) ? [new URL(gatewayUrl).origin] : [],
  );
  const remote = createRemote({ trustedOrigins: localGateways });
  const organisations = new Map(config.organisations.map((one) => [one.name, one]));
  const organisationOf = new Map(config.integrations.map((one) => [one.name, one.organisation]));
  const prepare = createMedia({
    remote,
    shelf,
    publicUrl: config.publicUrl,
    linkKey: adminToken,
    sourceOf(integration) {
      const organisation = organisations.get(organisationOf.get(integration) ?? "");
      const client = organisation && clientOf(organisation.name);
      return organisation && client && { owns: (url) => ownsUrl(url, organisation), token: client.token };
    },
  });
  const rules = new Map<string, MediaRule>(
    config.channels.map(({ name, media: mode, accepts }) => [
      name,
      { mode, maxBytes: accepts?.mediaBytes, mediaTypes: accepts?.mediaTypes },
    ]),
  );
  const ruleOf = (channel: string): MediaRule => rules.get(channel) ?? { mode: "pass" };
  return {
    shelf,
    isDue: (message: Message, channel: string) => needsMedia(message, ruleOf(channel)),
    prepare: (message: Message, channel: string) => prepare(message, ruleOf(channel)),
    timeoutMs: mediaTimeoutMs,
    close: remote.close,
  };
}

/** Copies of attachments live a week, long enough for an adapter that shows them by their link, within a gigabyte. */
const keptMedia = { keepMs: 604_800_000, maxBytes: 1_073_741_824 };

/** Everything this process answers over HTTP: the webhook in front, Express for the rest. */
function createHttpServer(
  { config, adminToken, roles, log, now = Date.now, version }: BridgeOptions,
  database: Database,
  metrics: ReturnType<typeof createMetrics>,
  parts: Parts,
  readiness: ReturnType<typeof createReadiness>,
): Server {
  const app = express();
  app.disable("x-powered-by");
  app.use(helmet());
  const admin = requireToken(adminToken);
  app.use(
    healthRoutes({
      admin,
      registry: metrics.registry,
      probe: readiness.probe,
      describe: async () => ({
        version,
        engine: database.engine,
        roles,
        store: await readiness.probe().then(
          () => "ready",
          (error: unknown) => (error instanceof StoreUnavailable ? error.message : "unusable"),
        ),
        queues: await database.read(readQueues),
        underWay: Object.fromEntries(parts.worker.underWay()),
        channels: parts.deliveries.map((delivery) => ({
          queue: delivery.queue,
          breaker: describeBreaker(delivery.breaker()),
        })),
      }),
    }),
  );

  if (!roles.web) {
    app.use(answerNotFound, createErrorHandler(log));
    return createServer(app);
  }

  const { ingest } = parts;
  app.use(
    callbackRoutes({
      channels: config.channels.flatMap((channel) =>
        channel.type === "http" ? [{ name: channel.name, secret: channel.secret, url: channel.url }] : [],
      ),
      integrations: config.integrations,
      maxBodyBytes: config.maxBodyBytes,
      saveReceipt: createCallbacks(database, now),
      saveArrival: ingest,
      now,
      newId: () => newId(now()),
      log,
    }),
  );
  app.use(telegramRoutes(parts.telegram.intakes));
  app.use(mediaRoutes({ shelf: parts.media.shelf, linkKey: adminToken, now }));
  const smsChannels = config.channels.filter((channel) => channel.type === "sms").map((channel) => channel.name);
  if (config.twilio !== undefined && config.publicUrl !== undefined && smsChannels[0] !== undefined) {
    app.use(
      twilioRoutes({
        authToken: config.twilio.authToken,
        publicUrl: config.publicUrl,
        channels: smsChannels,
        saveReport: createCallbacks(database, now),
        ...createSmsReplies({
          database,
          integrations: config.integrations,
          channel: smsChannels[0],
          save: ingest,
          reportNotice: parts.reportNotice,
          ruleOf: (name) => config.fallback.find((policy) => policy.name === name),
          now,
          newId: () => newId(now()),
        }),
        now,
      }),
    );
  }
  app.use(unsubscribeRoutes(createUnsubscribeDeps(database, now)));
  app.use(
    eventRoutes({
      eventToken: config.eventToken,
      maxBodyBytes: config.maxBodyBytes,
      customerEndDelayMs: config.customerEndDelayMs,
      save: createGenesysEvents(database, { now, newId: () => newId(now()) }),
      now,
      log,
    }),
  );
  app.use(
    "/api/v1",
    contactRoutes({
      desk: parts.contacts.desk,
      flow: requireToken(adminToken, ...(config.eventToken === undefined ? [] : [config.eventToken])),
      admin,
    }),
  );
  app.use(
    "/api/v1",
    admin,
    messageRoutes({ read: database.read, understand }),
    suppressionRoutes(createConsentDesk(database, now)),
    auditRoutes({
      read: database.read,
      now,
      audit: (options) => database.read((db) => audit(db, { ...auditOptions(config, now()), ...options })),
    }),
    replayRoutes(createReplayDesk({ config, now, newId: () => newId(now()) }, database)),
    streamRoutes({ read: database.read, now, isStopping: () => parts.isStopping() }),
    erasureRoutes({ erase: (erasure) => eraseRecipient(database, erasure, now) }),
    captureRoutes({
      maxBodyBytes: config.maxBodyBytes,
      keep: keepLines({ config, now, newId: () => newId(now()) }, database),
    }),
    quarantineRoutes({
      integrations: config.integrations,
      list: (integration) => database.read((db) => listRefused(db, integration)),
      save: ingest,
      drop: (seq) => dropRefused(database, seq),
      now,
      newId: () => newId(now()),
    }),
  );
  app.use(answerNotFound, createErrorHandler(log));

  const outbound = createOutboundListener({
    integrations: config.integrations,
    maxBodyBytes: config.maxBodyBytes,
    save: ingest,
    quarantine: limitQuarantine((refused) => quarantine(database, refused), now),
    now,
    newId: () => newId(now()),
    log: {
      webhookStored(facts) {
        metrics.webhooks.inc({ integration: facts.integration, result: "stored" });
        log.webhookStored(facts);
      },
      webhookRepeated(facts) {
        metrics.webhooks.inc({ integration: facts.integration, result: "duplicate" });
        log.webhookRepeated(facts);
      },
      webhookRefused(facts) {
        metrics.webhooks.inc({ integration: facts.integration, result: "refused" });
        log.webhookRefused(facts);
      },
      requestFailed: log.requestFailed,
    },
  });
  return createServer((req, res) => {
    if (!outbound(req, res)) app(req, res);
  });
}

/** Migrates the store, and knows whether that has happened. */
function createReadiness(database: Database, log: Log, now: () => number) {
  let migrated = false;
  let failure: unknown;
  let probed: { at: number; result: Promise<void> } | undefined;

  async function prepare() {
    const startedAt = now();
    const applied = await migrate(database);
    await releaseAllLeases(database, now());
    migrated = true;
    if (applied.length > 0) {
      log.storeMigrated({ database: database.engine, count: applied.length, durationMs: now() - startedAt });
    }
  }

  return {
    prepare,
    /** A PostgreSQL that is away at start is waited for: the bridge answers 503 until it is there. */
    async prepareWhenReachable(isStopping: () => boolean) {
      while (!isStopping() && !migrated) {
        try {
          await prepare();
        } catch (error) {
          failure = error;
          log.storeFailed({ code: codeOf(error), error });
          await new Promise((resolve) => setTimeout(resolve, 1000));
        }
      }
    },
    async probe() {
      if (!migrated) {
        throw new StoreUnavailable(failure instanceof Error ? failure.message : "the store is not migrated yet", {
          cause: failure,
        });
      }
      // Anybody may ask: a write to disk each second is enough to know.
      if (probed === undefined || now() - probed.at >= 1000)
        probed = { at: now(), result: probeWrite(database, now()) };
      await probed.result;
    },
  };
}

/** Says at once what would otherwise show only when the first receipt is due; nothing waits for it. */
async function warnOfCredentials(config: Config, clients: Parts["clients"], log: Log): Promise<void> {
  for (const organisation of config.organisations) {
    for (const { clientId, answer } of (await clients.get(organisation.name)?.checkCredentials()) ?? []) {
      if (answer.status === "done") continue;
      const { status: httpStatus, code } = answer.error;
      const warning = describeCredentials(organisation, clientId, answer.error);
      log.genesysDoubted({ organisation: organisation.name, code, warning, ...(httpStatus && { httpStatus }) });
    }
  }
}

function describeRefusal({ status, code, permissions, correlationId, retryable, retryAfterMs }: GenesysError) {
  return {
    code,
    retryable,
    ...(status === undefined ? {} : { httpStatus: status }),
    ...(permissions.length === 0 ? {} : { permissions }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(retryAfterMs === undefined ? {} : { waitMs: retryAfterMs }),
  };
}

function retentionRule({ retention }: Config): RetentionRule {
  const dayMs = 86_400_000;
  return { textMs: retention.textDays * dayMs, messagesMs: retention.messagesDays * dayMs };
}

/** What an audit needs to know of the settings. */
export function auditOptions(config: Config, now: number): AuditOptions {
  const told = config.integrations.filter((one) => one.organisation !== undefined && one.receipts !== "none");
  return {
    now,
    tellsFailures: told.map((one) => one.name),
    tellsDeliveries: told.filter((one) => one.receipts === "all").map((one) => one.name),
    queues: [
      "confirmations",
      "notices",
      "callbacks:receipts",
      replayQueue,
      inboundReceiptQueue,
      ...[
        ...config.channels.map((one) => one.name),
        ...config.organisations.map((one) => inboundChannelName(one.name)),
      ].flatMap((name) => [deliverQueue(name), typingQueue(name)]),
      ...config.channels.map((one) => failureQueue(one.name)),
      "conversations",
      "contacts",
      "codes",
      ...config.organisations.flatMap((one) => [
        `receipts-failed:${one.name}`,
        `receipts-delivered:${one.name}`,
        attributeQueue(one.name),
      ]),
    ],
  };
}

/** A stored body, understood as it is today. */
export function understand({ body, kind, source, id, integration, integrationId }: KeptBody): Message {
  const parsed = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  const ids = { id, integration, integrationId };
  return source === null ? normalize(parsed, ids) : understandCall(kind, ids, parsed);
}

/** The organisation whose Genesys Cloud an integration's messages come from; web messages stand under a name of their own. */
function createOrganisationOf(config: Config) {
  const organisations = new Map<string, string>();
  for (const { name, webMessaging } of config.organisations) organisations.set(webMessaging.integration, name);
  for (const { name, organisation } of config.integrations) {
    if (organisation !== undefined) organisations.set(name, organisation);
  }
  return (integration: string) => organisations.get(integration);
}

/** Whose messages they are that only Genesys Cloud knows to be missed. */
function createMissedFor(config: Config) {
  const fallback = (name: string | undefined) => {
    const policy = config.fallback.find((one) => one.name === name);
    return policy === undefined ? undefined : { ...fallbackRule(policy), maxAgeMs: policy.maxAgeMs };
  };
  return {
    webMessaging: ({ webMessaging: { integration, from, ...rest } }: Organisation): MissedFor => ({
      integration: { name: integration, id: "" },
      channel: integration,
      isWebMessaging: true,
      from,
      fallback: fallback(rest.fallback),
    }),
    integration(integrationId: string): MissedFor | undefined {
      const found = config.integrations.find(({ id }) => id === integrationId);
      if (found === undefined) return undefined;
      const { name, id, channel } = found;
      return { integration: { name, id }, channel, isWebMessaging: false, fallback: fallback(found.fallback) };
    },
  };
}

function fallbackRule({ name, never, graceMs, digest }: FallbackPolicy): FallbackRule {
  return { policy: name, never: new Set<string>(never), graceMs, digest };
}

/** Every channel of the settings that can be used, by name. */
export function openChannels(config: Config, now: () => number): Map<string, Channel> {
  const channels = new Map<string, Channel>();
  for (const channel of config.channels) {
    const settings = channelSettings(channel);
    if (settings !== undefined) channels.set(channel.name, createChannel(settings, { now: () => new Date(now()) }));
  }
  return channels;
}

/** What applies to the messages of each integration on each channel; worked out once. */
export function createRules(config: Config) {
  const integrations = new Map(config.integrations.map((one) => [one.name, one]));
  const known = new Map<string, Rules>();
  return function rulesFor(name: string, channel: Channel | undefined): Rules {
    const key = `${name} ${channel?.name ?? ""}`;
    let rules = known.get(key);
    if (rules === undefined) {
      rules = makeRules(config, integrations.get(name), channel);
      known.set(key, rules);
    }
    return rules;
  };
}

function makeRules(config: Config, integration: Integration | undefined, channel: Channel | undefined): Rules {
  if (channel?.type === "genesys") return inboundRules(channel);
  const policy = config.fallback.find((one) => one.name === integration?.fallback);
  return {
    confirms: channel?.confirms ?? "accepted",
    retry: channel?.retry ?? { maxAgeSeconds: 900, firstDelayMs: 500, maxDelayMs: 30_000 },
    repeatable: channel?.repeatable ?? true,
    undeliveredAfterMs: integration?.undeliveredAfterMs ?? 86_400_000,
    receipts: integration?.receipts ?? "none",
    acceptedCountsAsDelivered: integration?.acceptedCountsAsDelivered ?? false,
    onUnconfirmed: integration?.onUnconfirmed ?? "none",
    ...(integration?.organisation === undefined ? {} : { organisation: integration.organisation }),
    ...(policy === undefined ? {} : { fallback: fallbackRule(policy) }),
  };
}

/** Nobody is owed a receipt or a notice for what a customer sent; its adapter is told when it fails. */
function inboundRules({ confirms, retry, repeatable }: Channel): Rules {
  return {
    confirms,
    retry,
    repeatable,
    undeliveredAfterMs: 0,
    receipts: "none",
    acceptedCountsAsDelivered: false,
    onUnconfirmed: "none",
    inbound: true,
  };
}

function channelSettings(channel: ChannelConfig): ChannelSettings | undefined {
  const accepts = channel.accepts && {
    ...channel.accepts,
    kinds: channel.accepts.kinds ?? [...deliverableKinds, "typing" as const],
  };
  switch (channel.type) {
    case "http":
      return accepts === undefined ? { ...channel, accepts: undefined } : { ...channel, accepts };
    case "forward":
    case "email":
    case "sms":
    case "telegram":
      return channel;
    case "webchat":
      return undefined;
    default:
      return channel satisfies never;
  }
}

export type { ChannelProfile };

/** What each configured channel can show; without settings, each type of channel. */
export function listChannelProfiles(config: Config | undefined): readonly ChannelProfile[] {
  if (config === undefined || config.channels.length === 0) return channelProfiles;
  return config.channels.map((one) => {
    const settings = channelSettings(one);
    const { name, type } = one;
    if (settings !== undefined) {
      const { accepts, handsOnOriginal = false } = createChannel(settings, { now: () => new Date() });
      return { name, type, accepts, handsOnOriginal };
    }
    const general = channelProfiles.find((profile) => profile.type === type);
    return { name, type, accepts: general?.accepts ?? { kinds: deliverableKinds } };
  });
}

function describeBreaker(state: { probeAt?: number; failures: number }) {
  return state.probeAt === undefined
    ? { state: "closed" }
    : { state: "open", failures: state.failures, probeAt: new Date(state.probeAt).toISOString() };
}

/** A worker's health is a courtesy: it works on when another process has its port. */
async function listen(server: Server, config: Config, optional: boolean, log: Log): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(config.port, config.host, resolve);
    });
  } catch (error) {
    const where = `${config.host}:${config.port}`;
    if (!optional || codeOf(error) !== "EADDRINUSE") {
      throw new StartError(`cannot listen on ${where} (${codeOf(error)}): set PORT or HOST to what is free`, {
        cause: error,
      });
    }
    log.settingsDoubted({ warning: `PORT ${config.port} is taken: this worker runs without /health and /metrics` });
  }
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), 12_000);
  await closed;
  clearTimeout(timer);
}

/** A store that is away fails everywhere at once: one line in ten seconds says so. */
function sayOnce<Fact>(say: (fact: Fact) => void, now: () => number): (fact: Fact) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (fact) => {
    if (now() - saidAt < 10_000) return;
    saidAt = now();
    say(fact);
  };
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? "unknown");
}

/** Brings the schema up to date and returns what was applied. */
export async function migrateStore(config: Config): Promise<string[]> {
  const database = openDatabase(config.database);
  try {
    return await migrate(database);
  } finally {
    await database.close();
  }
}

/** Looks into the store beside a running bridge, without writing. */
export async function openReader(config: Config) {
  const database = openDatabase(config.database, { readOnly: true });
  return {
    listMessages: (query: Record<string, unknown>) => listByQuery({ read: database.read, understand }, query),
    async showMessage(id: string) {
      const detail = await database.read((db) => findMessage(db, id));
      return detail === undefined ? undefined : describeMessage(detail, understand);
    },
    audit({
      since,
      ...options
    }: { since?: string | undefined } & Pick<AuditOptions, "chain" | "knownHead" | "onProgress">) {
      const from = since === undefined ? undefined : parseTime(since, "since");
      return database.read((db) => audit(db, { ...auditOptions(config, Date.now()), ...options, since: from }));
    },
    listRefused: (integration?: string) => database.read((db) => listRefused(db, integration)),
    close: () => database.close(),
  };
}

function parseTime(text: string, field: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms))
    throw new BridgeError("invalid_field", `an ISO 8601 time is expected, found ${JSON.stringify(text)}`, field);
  return ms;
}
