/** The part of a bridge that tells customers of missed messages, with a clock set by hand and channels that do as they are told. */
import { createHash } from "node:crypto";
import type { Channel, HiddenSend, LookUp, OutboundDelivery, Outcome } from "../../src/channels/channel";
import type { NoticeDeps } from "../../src/delivery/notice-deps";
import { createNoticeReports } from "../../src/delivery/notice-outcome";
import { createNotices } from "../../src/delivery/notices";
import type { Rules } from "../../src/delivery/rules";
import { decideConfirmation } from "../../src/delivery/status";
import type { KnownAddresses } from "../../src/fallback/addresses";
import type { NoticePolicy, PolicyStep } from "../../src/fallback/policy";
import type { Message } from "../../src/message/message";
import { createChanges } from "../../src/store/changes";
import { removeConsent, saveConsent } from "../../src/store/consent";
import { rememberCustomer } from "../../src/store/customers";
import { type Database, openDatabase, type Tx } from "../../src/store/database";
import type { Engine } from "../../src/store/engine";
import { createIngest } from "../../src/store/ingest";
import { laneOf } from "../../src/store/keys";
import { findMessage } from "../../src/store/messages";
import { migrate } from "../../src/store/migrate";
import { noticeQueue } from "../../src/store/notices";
import { markReturned } from "../../src/store/returns";
import { leaseTasks, nextDueAt } from "../../src/store/tasks";
import { atEnd } from "../helpers/clean-up";
import { makePlace } from "../helpers/stores";

export const integration = "harborline-chat";
export const start = Date.UTC(2026, 8, 14, 8, 0, 0);
export const minute = 60_000;

export interface Sent {
  channel: string;
  to: string;
  at: number;
  text: string;
  noticeId: string;
}

export const accepted = (providerMessageId?: string): Outcome => ({
  status: "accepted",
  answer: "250",
  ...(providerMessageId === undefined ? {} : { providerMessageId }),
});
export const refused = (code: "InvalidDestination" | "RecipientOptedOut" = "InvalidDestination", answer = "550") =>
  ({ status: "failed", retryable: false, reason: { code, message: "refused" }, answer }) satisfies Outcome;
export const down: Outcome = {
  status: "failed",
  retryable: true,
  reason: { code: "ServerError", message: "down" },
  answer: "451",
};

export function stepTo(channel: string, changes: Partial<PolicyStep> = {}): PolicyStep {
  const address = channel.startsWith("sms") ? "phone" : "email";
  return { channel, address, afterMs: 0, until: "accepted", isBackup: false, quietHours: undefined, ...changes };
}

export function policyOf(changes: Partial<NoticePolicy> = {}): NoticePolicy {
  return {
    name: "missed",
    purpose: "transactional",
    graceMs: minute,
    maxAgeMs: 1440 * minute,
    undeliveredAfterMs: 15 * minute,
    steps: [stepTo("email"), stepTo("sms")],
    addresses: ["recipient", "adapter"],
    addressOf: {},
    revealText: false,
    language: "en",
    templates: {},
    ...changes,
  };
}

export interface LabOptions {
  policy?: NoticePolicy;
  contact?: (id: string) => KnownAddresses | "later";
  organisation?: string;
  /** A channel in place of one that does as it is told. */
  channel?: Channel;
  /** The process has ended: nothing goes out any more. */
  isDead?: () => boolean;
  /** Stands between the parts and the store: to end the process there. */
  aroundCommit?: (commit: () => Promise<unknown>) => Promise<unknown>;
}

export async function openLab(engine: Engine, options: LabOptions = {}) {
  const place = await makePlace(engine);
  atEnd(place.remove);
  const database = openDatabase(place.location);
  atEnd(() => database.close());
  await migrate(database);

  let now = start;
  let policy = options.policy ?? policyOf();
  const sent: Sent[] = [];
  const answers = new Map<string, (sent: Sent) => Outcome | Promise<Outcome>>();
  const lookUps = new Map<string, (hidden: HiddenSend) => LookUp>();
  const alarms: { policy: string }[] = [];
  const asked: string[] = [];
  let counter = 0;

  const channelOf = (name: string): Channel | undefined =>
    options.channel?.name === name ? options.channel : madeUpChannel(name);
  const madeUpChannel = (name: string): Channel | undefined =>
    policy.steps.some((step) => step.channel === name)
      ? {
          name,
          type: name.startsWith("sms") ? "sms" : "email",
          accepts: { kinds: ["text"] },
          confirms: "delivered",
          repeatable: false,
          timeoutMs: 1000,
          retry: { maxAgeSeconds: 900, firstDelayMs: minute, maxDelayMs: minute },
          async send({ deliveryId, notice }: OutboundDelivery) {
            if (options.isDead?.()) throw new Error("the process has ended");
            const one = {
              channel: name,
              to: notice?.to ?? "",
              at: now,
              text: notice?.text ?? "",
              noticeId: deliveryId,
            };
            sent.push(one);
            return (await answers.get(name)?.(one)) ?? accepted(`${name}-${sent.length}`);
          },
          ...(lookUps.has(name) ? { lookUp: async (hidden: HiddenSend) => lookUps.get(name)?.(hidden) as LookUp } : {}),
        }
      : undefined;

  const guarded: Database = {
    ...database,
    transaction: <T>(work: (tx: Tx) => Promise<T>) => {
      const commit = () => database.transaction(work);
      return (options.aroundCommit?.(commit) ?? commit()) as Promise<T>;
    },
  };
  const deps: NoticeDeps = {
    database: guarded,
    policyOf: (name) => (name === policy.name ? policy : undefined),
    channelOf,
    organisationOf: () => options.organisation,
    async lookUpContact({ recipient }) {
      asked.push(recipient.id);
      const contact = options.contact?.(recipient.id) ?? { emails: [], phones: [] };
      return contact === "later" ? { status: "later" } : { status: "done", contact };
    },
    understand: (capture) =>
      ({
        kind: "text",
        id: capture.id,
        integration: capture.integration,
        integrationId: capture.integrationId,
        text: "secret words",
        sender: { origin: "human", nickname: "Noor" },
      }) as Message,
    publicUrl: "https://bridge.example",
    returnPathOf: () => undefined,
    persist: (write) => write(),
    now: () => now,
    random: () => 1,
    log: { noticeSent: () => {}, noticesBraked: (facts) => void alarms.push(facts), templateFailed: () => {} },
  };
  const work = createNotices(deps, 1000);
  const report = createNoticeReports(deps);
  const change = createChanges(database, () => now);
  const ingest = createIngest(database, () => now);

  const rules = (): Rules => ({
    confirms: "delivered",
    retry: { maxAgeSeconds: 0, firstDelayMs: 1, maxDelayMs: 1 },
    repeatable: true,
    undeliveredAfterMs: minute,
    receipts: "none",
    acceptedCountsAsDelivered: false,
    onUnconfirmed: "none",
    fallback: { policy: policy.name, never: new Set(), graceMs: policy.graceMs, digest: true },
  });

  async function confirm(id: string, status: "delivered" | "failed"): Promise<void> {
    const { seq } = await database.db
      .selectFrom("deliveries as d")
      .innerJoin("messages as m", "m.seq", "d.message_seq")
      .select("d.seq")
      .where("m.id", "=", id)
      .executeTakeFirstOrThrow();
    const given = { now, rules: rules(), random: () => 1, newId: () => newId() };
    const reason = { code: "InvalidDestination" as const, message: "offline" };
    await change({
      deliverySeq: seq,
      decide: (state) => decideConfirmation(state, { status, reason, at: now }, given),
    });
  }

  const newId = () => {
    counter += 1;
    return `00000000-0000-7000-8000-${String(counter).padStart(12, "0")}`;
  };

  return {
    database,
    sent,
    alarms,
    asked,
    now: () => now,
    advance: (ms: number) => void (now += ms),
    setPolicy: (next: NoticePolicy) => void (policy = next),
    answer: (channel: string, how: (sent: Sent) => Outcome | Promise<Outcome>) => void answers.set(channel, how),
    allowLookUp: (channel: string, how: (hidden: HiddenSend) => LookUp) => void lookUps.set(channel, how),

    /** A message to this customer that did not arrive; returns its id. */
    async miss(to: string, changes: { conversationId?: string } = {}): Promise<string> {
      const id = newId();
      await ingest({
        id,
        dedupKey: id,
        integration,
        integrationId: "integration-1",
        genesysMessageId: null,
        direction: "outbound",
        kind: "text",
        conversationId: changes.conversationId ?? null,
        recipientId: to,
        recipientIdType: "Opaque",
        receivedAt: now,
        sentAt: now,
        summary: "…",
        fate: "open",
        reason: null,
        headers: {},
        body: Buffer.from("{}"),
        delivery: { id: newId(), channel: "chat", lane: laneOf(integration, to) },
        ledger: [{ at: now, event: "message.stored" }],
      });
      await confirm(id, "failed");
      return id;
    },
    /** It arrived after all. */
    arrive: (id: string) => confirm(id, "delivered"),
    /** The customer writes or comes online. */
    comeBack: (to: string) => database.transaction((tx) => markReturned(tx, [{ integration, recipientId: to }], now)),
    know: (to: string, known: { email?: string; phone?: string; timeZone?: string; language?: string }) =>
      database.transaction((tx) => rememberCustomer(tx, { integration, recipientId: to, ...known }, now)),
    optIn: (address: string, channel: "email" | "sms" | "*" = "*") =>
      database.transaction((tx) =>
        removeConsent(tx, { address, channel, state: "optedOut", source: "operator", at: now }),
      ),
    optOut: (address: string, channel: "email" | "sms" | "*" = "*") =>
      database.transaction((tx) =>
        saveConsent(tx, { address, channel, purpose: "*", state: "optedOut", source: "operator", at: now }),
      ),
    /** A provider's later news of the send with this id. */
    report: (channel: string, providerMessageId: string, status: "delivered" | "failed") =>
      report({ channel, deliveryId: undefined, providerMessageId }, { status }),

    /** Does everything that is due at this moment. */
    async run(): Promise<void> {
      for (;;) {
        const tasks = await leaseTasks(database, { queue: noticeQueue, limit: 50, now, leaseEnd: now + 31_000 });
        if (tasks.length === 0) return;
        const ended = await Promise.allSettled(await work.begin(tasks, now));
        const failed = ended.find((one) => one.status === "rejected");
        if (failed) throw failed.reason;
      }
    },
    /** When something is due next. */
    nextDueAt: () => nextDueAt(database.db, noticeQueue),
    /** The process is started again: whoever held leases is dead. */
    restart: () => database.db.updateTable("tasks").set({ due_at: now, leased: 0 }).where("leased", "=", 1).execute(),

    async fate(id: string) {
      return (await findMessage(database.db, id))?.item.fate;
    },
    async find(id: string) {
      const found = await findMessage(database.db, id);
      if (found === undefined) throw new Error(`no message ${id}`);
      return { ...found.item, timeline: found.timeline };
    },
    async fates(): Promise<Map<string, string>> {
      const rows = await database.db.selectFrom("messages").select(["id", "fate"]).execute();
      return new Map(rows.map((row) => [row.id, row.fate]));
    },
  };
}
export type Lab = Awaited<ReturnType<typeof openLab>>;

export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
