/** Asks Genesys Cloud for all kinds of things at once, inside the budget that the store shares between processes. */
import { createConversations } from "../../src/genesys/conversations";
import type { GenesysAnswer } from "../../src/genesys/answer";
import { pace, type Priority } from "../../src/genesys/budget";
import { createGenesysClient } from "../../src/genesys/client";
import { createInbound } from "../../src/genesys/inbound";
import { createReceiptSender } from "../../src/genesys/receipts";
import { createSharedBudget } from "../../src/genesys/shared-budget";
import { readBudget, updateBudgets } from "../../src/store/budgets";
import { openDatabase, type StoreLocation } from "../../src/store/database";

export interface CallerOptions {
  location: StoreLocation;
  gatewayUrl: string;
  integrationId: string;
  clients: { id: string; secret: string }[];
  requestsPerMinute: number;
}

/** For each priority: how many callers ask without a pause, or so many a second. */
export interface Load {
  seconds: number;
  /** Callers that ask again as soon as they are answered. */
  greedy: Partial<Record<Priority, number>>;
  /** Requests a second. */
  steady: Partial<Record<Priority, number>>;
}

/** How long each request waited from being wanted to being answered, in milliseconds. */
export type Waits = Partial<Record<Priority, number[]>>;

export function createCaller(options: CallerOptions) {
  const database = openDatabase(options.location);
  const budget = createSharedBudget({
    organisation: "main",
    pace: pace(options.requestsPerMinute),
    update: (names, decide) => updateBudgets(database, names, decide),
    read: (name) => database.read((db) => readBudget(db, name)),
    now: Date.now,
  });
  const { clients, gatewayUrl, integrationId } = options;
  const client = createGenesysClient({ organisation: { gatewayUrl, clients }, now: Date.now, budget });
  const inbound = createInbound(client);
  const conversations = createConversations(client);
  const sendReceipt = createReceiptSender(client);
  let count = 0;

  function askOnce(priority: Priority): Promise<GenesysAnswer> {
    count += 1;
    const id = `${process.pid}-${count}`;
    const at = new Date().toISOString();
    const sender = { id: `crew-${process.pid}`, idType: "Opaque" as const };
    switch (priority) {
      case "inbound":
        return inbound.sendMessage(integrationId, { from: sender, time: at, messageId: id, text: "Hello" });
      case "typing":
        return inbound.sendTyping(integrationId, { from: sender, time: at });
      case "failedReceipt":
      case "deliveredReceipt": {
        const status = priority === "failedReceipt" ? "Failed" : "Delivered";
        return sendReceipt({ integrationId, genesysMessageId: id, recipient: sender, status, at });
      }
      default:
        return conversations.readConversation(id);
    }
  }

  /** Until it is answered or time is up, waiting as it is told to; says how long that took. */
  async function ask(priority: Priority, until: number): Promise<number> {
    const startedAt = Date.now();
    while (Date.now() < until) {
      const answer = await askOnce(priority);
      if (answer.status !== "later") break;
      await new Promise((resolve) => setTimeout(resolve, Math.min(answer.retryAfterMs ?? 1000, until - Date.now())));
    }
    return Date.now() - startedAt;
  }

  return {
    /** Gets a token, so that logging in is not part of what is measured. */
    logIn: async () => (await client.checkCredentials()).every(({ answer }) => answer.status === "done"),
    async run({ seconds, greedy, steady }: Load): Promise<Waits> {
      const until = Date.now() + seconds * 1000;
      const waits: Waits = {};
      const record = (priority: Priority, waitMs: number) => void (waits[priority] ??= []).push(waitMs);
      const callers = Object.entries(greedy).flatMap(([name, many]) =>
        Array.from({ length: many }, async () => {
          while (Date.now() < until) record(name as Priority, await ask(name as Priority, until));
        }),
      );
      const clocks = Object.entries(steady).map(async ([name, perSecond]) => {
        const asked: Promise<void>[] = [];
        for (let next = Date.now(); next < until; next += 1000 / perSecond) {
          await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - Date.now())));
          asked.push(ask(name as Priority, until).then((waitMs) => record(name as Priority, waitMs)));
        }
        await Promise.all(asked);
      });
      await Promise.all([...callers, ...clocks]);
      return waits;
    },
    async close() {
      await client.close();
      await database.close();
    },
  };
}
