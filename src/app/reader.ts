/** Looks into the store beside a running bridge. */
import { describeMessage, listByQuery } from "../admin/messages";
import type { Config } from "../config";
import { attributeQueue } from "../delivery/notice-attributes";
import { BridgeError } from "../errors";
import { type AuditOptions, audit } from "../store/audit";
import { codeQueue } from "../store/contact-proofs";
import { contactQueue } from "../store/contact-tasks";
import { conversationQueue, optOutQueue } from "../store/genesys-events";
import { openDatabase } from "../store/database";
import { findMessage } from "../store/messages";
import { migrate } from "../store/migrate";
import { listRefused } from "../store/quarantine";
import { deliverQueue, failureQueue, inboundChannelName, inboundReceiptQueue, typingQueue } from "../store/queues";
import { replayQueue } from "../store/replays";
import { understand } from "./understand";

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
      conversationQueue,
      optOutQueue,
      contactQueue,
      codeQueue,
      ...config.organisations.flatMap((one) => [
        `receipts-failed:${one.name}`,
        `receipts-delivered:${one.name}`,
        attributeQueue(one.name),
      ]),
    ],
  };
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

/** Brings the schema up to date and returns what was applied. */
export async function migrateStore(config: Config): Promise<string[]> {
  const database = openDatabase(config.database);
  try {
    return await migrate(database);
  } finally {
    await database.close();
  }
}

function parseTime(text: string, field: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms))
    throw new BridgeError("invalid_field", `an ISO 8601 time is expected, found ${JSON.stringify(text)}`, field);
  return ms;
}
