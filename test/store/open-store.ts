/** A migrated store of its own for one test, and what goes into it. */
import { randomUUID } from "node:crypto";
import type { Change } from "../../src/store/change";
import { createChanges, startDeliveries } from "../../src/store/changes";
import type { MessageState } from "../../src/store/states";
import { type Database, openDatabase, type StoreLocation } from "../../src/store/database";
import type { Engine } from "../../src/store/engine";
import { type Arrival, createIngest } from "../../src/store/ingest";
import { laneOf } from "../../src/store/keys";
import { createLookupIndex } from "../../src/store/lookups";
import { migrate } from "../../src/store/migrate";
import { type LeasedTask, leaseTasks } from "../../src/store/tasks";
import { atEnd } from "../helpers/clean-up";
import { makePlace } from "../helpers/stores";

/** A fixed time to count from. */
export const start = Date.UTC(2026, 8, 14, 8, 0, 0);

export interface Store {
  database: Database;
  location: StoreLocation;
  directory: string;
}

/** Removed after the test. */
export async function openStore(engine: Engine): Promise<Store> {
  const place = await makePlace(engine);
  atEnd(place.remove);
  const database = openDatabase(place.location);
  atEnd(() => database.close());
  await migrate(database);
  return { database, location: place.location, directory: place.directory };
}

/** Another process's view of the same PostgreSQL. */
export function openAgain({ location }: Store, options: Parameters<typeof openDatabase>[1] = {}): Database {
  const database = openDatabase(location, options);
  atEnd(() => database.close());
  return database;
}

let counter = 0;

/** A text to `to` through the channel `chat`, deliverable unless `fate` is said. */
export function arrivalOf(to: string, changes: Partial<Arrival> = {}): Arrival {
  counter += 1;
  const genesysId = `genesys-${counter}`;
  const body = Buffer.from(JSON.stringify({ id: genesysId, type: "Text", text: "Good morning" }));
  return {
    id: randomUUID(),
    dedupKey: `${genesysId}|harborline-chat|Text|`,
    integration: "harborline-chat",
    integrationId: "2655b4c8-6386-5a64-8346-d47fed659046",
    genesysMessageId: genesysId,
    direction: "outbound",
    kind: "text",
    conversationId: "conversation-1",
    recipientId: to,
    recipientIdType: "Opaque",
    receivedAt: start + counter,
    sentAt: start,
    summary: "Good morning",
    fate: "open",
    reason: null,
    headers: { "content-type": "application/json" },
    body,
    delivery: { id: randomUUID(), channel: "chat", lane: laneOf("harborline-chat", to) },
    ledger: [{ at: start + counter, event: "message.stored" }],
    ...changes,
  };
}

/** Something to keep that is not delivered. */
export function notedOf(changes: Partial<Arrival> = {}): Arrival {
  const { delivery: _none, ...arrival } = arrivalOf("nobody", { kind: "event", fate: "noted", ...changes });
  return arrival;
}

/** Stores arrivals one after the other. */
export async function save(database: Database, ...arrivals: Arrival[]): Promise<void> {
  const ingest = createIngest(database, () => start);
  for (const arrival of arrivals) await ingest(arrival);
}

export function lease(database: Database, changes: Partial<Parameters<typeof leaseTasks>[1]> = {}) {
  return leaseTasks(database, { queue: "deliver:chat", limit: 100, now: start, leaseEnd: start + 15_000, ...changes });
}

/** The heads of claimed lanes, left as they are. */
export async function headsOf(database: Database, tasks: readonly LeasedTask[]): Promise<MessageState[]> {
  const lanes = tasks.map((task) => task.key.slice("lane:".length));
  const started = await startDeliveries(database, lanes, () => undefined, start);
  return started.map((one) => one.state);
}

/** Applies one change to a delivery, whatever its state. */
export async function apply(database: Database, deliverySeq: number, change: Change) {
  return createChanges(database, () => start)({ deliverySeq, decide: () => change });
}

export const released: Change = { lane: "release", delivery: { status: "accepted" }, ledger: [] };

/** Indexes what outside ids say of all messages there are; returns how many were not indexed yet. */
export async function indexAll(database: Database): Promise<number> {
  let now = start;
  const index = createLookupIndex(database, () => now);
  const early = await index();
  now += 60_000;
  return early + (await index());
}
