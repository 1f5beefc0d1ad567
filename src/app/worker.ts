/** The worker and what it works with. */
import { createMetrics } from "../admin/metrics";
import { createBounceDesk } from "./bounces";
import { createMailboxes } from "./mailboxes";
import { createMediaParts } from "./media";
import { createReplayWork, recordMeaning } from "./replay";
import { createTelegramParts } from "./telegram";
import type { Channel } from "../channels/channel";
import type { Config } from "../config";
import { createContactParts } from "./contacts";
import { createReceiptCallbacks } from "../delivery/callbacks";
import { createConfirmations } from "../delivery/confirmations";
import { type ConversationSource, createConversationChecks } from "../delivery/conversation-checks";
import { createDelivery } from "../delivery/deliver";
import { createFailureNews } from "../delivery/failures";
import { createInboundChannel, paceInbound } from "../delivery/inbound-channel";
import { createInboundReceipts } from "../delivery/inbound-receipts";
import { createAttributes } from "../delivery/notice-attributes";
import type { NoticeDeps } from "../delivery/notice-deps";
import { createNoticeReports } from "../delivery/notice-outcome";
import { createNotices } from "../delivery/notices";
import { createOptOuts } from "../delivery/opt-outs";
import { saveConsent } from "../store/consent";
import { createPersist } from "../delivery/persist";
import { createReports } from "../delivery/reports";
import { createTyping } from "../delivery/typing";
import { createUpkeep } from "../delivery/upkeep";
import { createWorker, type QueueWork } from "../delivery/worker";
import { StoreUnavailable } from "../errors";
import { createGenesysClient, type GenesysCall, type GenesysClient } from "../genesys/client";
import { pace } from "../genesys/budget";
import { createInbound } from "../genesys/inbound";
import { createSharedBudget } from "../genesys/shared-budget";
import { createConversations } from "../genesys/conversations";
import { createCustomers, type Customers } from "../genesys/customers";
import { createReceiptSender } from "../genesys/receipts";
import { createChanges } from "../store/changes";
import { readBudget, updateBudgets } from "../store/budgets";
import { type Database } from "../store/database";
import { newId } from "../store/ids";
import { readGenesysIds } from "../store/inbound";
import { createIngest } from "../store/ingest";
import { createLookupIndex, indexedAtOnce } from "../store/lookups";
import { createReceiptRecorder } from "../store/receipts";
import { forgetOld, type RetentionRule } from "../store/retention";
import { sealLedger } from "../store/seals";
import { agentlessThrough } from "./agentless";
import { listReturnPaths, openChannels } from "./channels";
import { describeRefusal } from "./credentials";
import { type BridgeOptions } from "./options";
import { sayOnce } from "./readiness";
import { createMissedFor, createOrganisationOf, createRules } from "./rules";
import { understand } from "./understand";

export type Parts = ReturnType<typeof createParts>;

/** The worker and what it works with. */
export function createParts(
  options: BridgeOptions,
  database: Database,
  metrics: ReturnType<typeof createMetrics>,
  { isStopping, onStoreError }: { isStopping: () => boolean; onStoreError: (error: unknown) => void },
) {
  const { config, log, now = Date.now, random = Math.random } = options;
  const change = createChanges(database, now);
  const persist = createPersist({ isStopping, onError: onStoreError });
  const clients = new Map<string, GenesysClient>();
  const channels = openChannels(config, now, agentlessThrough(clients));
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
  const returnPaths = listReturnPaths(config);
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
    returnPathOf: (name) => returnPaths.find((one) => one.channel === name)?.returnPath,
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
    createOptOuts({
      database,
      async recordOptOut(tx, { conversationId, ...optOut }) {
        const evidence = conversationId === null ? {} : { evidence: { conversationId } };
        await saveConsent(tx, { ...optOut, ...evidence, purpose: "*", state: "optedOut", source: "flow" });
      },
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
  const indexLookups = createLookupIndex(database, now);
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
        // Fewer are worth no commit of their own: they wait for the next turn.
        run: async () => ({ more: (await indexLookups()) === indexedAtOnce }),
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
  const takeMail = createBounceDesk({ database, returnPaths, reportNotice, now });
  const mailboxes = createMailboxes({
    config,
    database,
    takeMail,
    now,
    random,
    log,
    count: (facts) => metrics.bounces.inc(facts),
    onError,
  });
  const telegram = createTelegramParts(options, { database, channels, ingest, understand, onError });
  return {
    channels,
    clients,
    contacts,
    reportNotice,
    takeMail,
    mailboxes,
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

function retentionRule({ retention }: Config): RetentionRule {
  const dayMs = 86_400_000;
  return { textMs: retention.textDays * dayMs, messagesMs: retention.messagesDays * dayMs };
}
