/** Everything a process answers over HTTP. */
import { createServer, type Server } from "node:http";
import express from "express";
import helmet from "helmet";
import { requireToken } from "../admin/access";
import { auditRoutes } from "../admin/audit";
import { bounceRoutes } from "../admin/bounces";
import { captureRoutes } from "../admin/captures";
import { erasureRoutes } from "../admin/erasures";
import { contactRoutes } from "../admin/contacts";
import { healthRoutes } from "../admin/health";
import { messageRoutes } from "../admin/messages";
import { createMetrics } from "../admin/metrics";
import { answerNotFound, createErrorHandler } from "../admin/problems";
import { replayRoutes } from "../admin/replays";
import { streamRoutes } from "../admin/stream";
import { suppressionRoutes } from "../admin/suppressions";
import { createEraser } from "./erasing";
import { keepLines } from "./captures";
import { createConsentDesk, createUnsubscribeDeps } from "./consent";
import { createReplayDesk } from "./replay";
import { createSmsReplies } from "./sms-replies";
import type { Config } from "../config";
import { StartError, StoreUnavailable } from "../errors";
import type { Log } from "../log";
import { mediaRoutes } from "../media/routes";
import { audit } from "../store/audit";
import { createCallbacks } from "../store/callbacks";
import { type Database } from "../store/database";
import { newId } from "../store/ids";
import { createGenesysEvents } from "../store/genesys-events";
import { dropRefused, listRefused, quarantine } from "../store/quarantine";
import { readQueues } from "../store/tasks";
import { callbackRoutes } from "../webhook/callbacks";
import { eventRoutes } from "../webhook/events";
import { limitQuarantine, quarantineRoutes } from "../webhook/quarantine";
import { createOutboundListener } from "../webhook/outbound";
import { telegramRoutes } from "../webhook/telegram";
import { twilioRoutes } from "../webhook/twilio";
import { unsubscribeRoutes } from "../webhook/unsubscribe";
import { type BridgeOptions } from "./options";
import { auditOptions } from "./reader";
import { codeOf, createReadiness } from "./readiness";
import { understand } from "./understand";
import { type Parts } from "./worker";

/** Everything this process answers over HTTP: the webhook in front, Express for the rest. */
export function createHttpServer(
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
        queues: (await database.read(readQueues)).map((queue) => ({
          ...queue,
          oldestDueAt: new Date(queue.oldestDueAt).toISOString(),
        })),
        underWay: Object.fromEntries(parts.worker.underWay()),
        channels: parts.deliveries.map((delivery) => ({
          queue: delivery.queue,
          breaker: describeBreaker(delivery.breaker()),
        })),
        mailboxes: parts.mailboxes.describe().map(({ lastReadAt, retryAt, ...mailbox }) => ({
          ...mailbox,
          ...(lastReadAt !== undefined && { lastReadAt: new Date(lastReadAt).toISOString() }),
          ...(retryAt !== undefined && { retryAt: new Date(retryAt).toISOString() }),
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
  const smsChannels = config.channels.flatMap((channel) =>
    channel.type === "sms" && channel.provider === "twilio" ? [channel.name] : [],
  );
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
    bounceRoutes({ takeMail: parts.takeMail }),
    auditRoutes({
      read: database.read,
      now,
      audit: (options) => database.read((db) => audit(db, { ...auditOptions(config, now()), ...options })),
    }),
    replayRoutes(createReplayDesk({ config, now, newId: () => newId(now()) }, database)),
    streamRoutes({ read: database.read, now, isStopping: () => parts.isStopping() }),
    erasureRoutes({
      erase: createEraser(config, database, { now, removeFiles: parts.media.shelf.removeOf }),
    }),
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

function describeBreaker(state: { probeAt?: number; failures: number }) {
  return state.probeAt === undefined
    ? { state: "closed" }
    : { state: "open", failures: state.failures, probeAt: new Date(state.probeAt).toISOString() };
}

/** A worker's health is a courtesy: it works on when another process has its port. */
export async function listen(server: Server, config: Config, optional: boolean, log: Log): Promise<void> {
  // Callers keep connections for their next request; one that we close first costs them a reset, and us a repeat.
  server.keepAliveTimeout = 75_000;
  server.headersTimeout = 80_000;
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

export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), 12_000);
  await closed;
  clearTimeout(timer);
}
