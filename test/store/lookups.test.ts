import { StoreUnavailable } from "../../src/errors";
import { run } from "../../src/store/bulk";
import { saveArrivals } from "../../src/store/ingest";
import { createLookupIndex, lookupKey } from "../../src/store/lookups";
import { findMessage, listMessages } from "../../src/store/messages";
import { engines } from "../helpers/stores";
import { arrivalOf, indexAll, openAgain, openStore, save, start } from "./open-store";

describe.each(engines)("on %s", (engine) => {
  test("a message is found by its ids before it is indexed, beside others that are, and after", async () => {
    const { database } = await openStore(engine);
    const ids = { genesysMessageId: "genesys-id", conversationId: "conversation-id" };
    const [first, second] = [arrivalOf("mira", ids), arrivalOf("mira", ids)];
    const find = async () => ({
      genesys: (await findMessage(database.db, "genesys-id"))?.item.id,
      conversation: (await listMessages(database.db, { conversation: "conversation-id" }, { limit: 9 })).items.length,
      recipient: (await listMessages(database.db, { recipient: "mira" }, { limit: 9 })).items.length,
    });

    await save(database, first);
    expect(await find()).toEqual({ genesys: first.id, conversation: 1, recipient: 1 });
    expect(await indexAll(database)).toBe(1);
    expect(await find()).toEqual({ genesys: first.id, conversation: 1, recipient: 1 });
    await save(database, second);
    expect(await find()).toEqual({ genesys: second.id, conversation: 2, recipient: 2 });
    expect(await indexAll(database)).toBe(1);
    expect(await find()).toEqual({ genesys: second.id, conversation: 2, recipient: 2 });
    expect(await indexAll(database)).toBe(0);
  });

  test("ids that share a beginning, or are longer than an index takes, are told apart", async () => {
    const { database } = await openStore(engine);
    const recipients = ["a", "ab", "x".repeat(5000), `${"x".repeat(4999)}y`];
    await save(database, ...recipients.map((recipient) => arrivalOf(recipient)));
    await indexAll(database);
    for (const recipient of recipients) {
      const { items } = await listMessages(database.db, { recipient }, { limit: 9 });
      expect(items.map((item) => item.recipient.id)).toEqual([recipient]);
    }
  });
});

test("what may still become visible on PostgreSQL is not passed over, however old the messages beside it are", async () => {
  const store = await openStore("postgres");
  const { database } = store;
  let now = start;
  const index = createLookupIndex(database, () => now);
  const late = arrivalOf("mira");
  let commit = () => {};
  let isInserted = () => {};
  const inserted = new Promise<void>((resolve) => {
    isInserted = resolve;
  });
  const held = openAgain(store).transaction(async (tx) => {
    await saveArrivals(tx, [late], start);
    isInserted();
    await new Promise<void>((resolve) => {
      commit = resolve;
    });
  });
  await inserted;
  // Such as one from a file of old captures.
  await save(database, arrivalOf("noor", { receivedAt: start - 86_400_000 }));
  expect(await index()).toBe(0);
  now += 44_000;
  expect(await index()).toBe(0);
  commit();
  await held;
  await save(database, arrivalOf("ilja"));
  now += 2000;
  expect(await index()).toBe(2);
  expect(await index()).toBe(0);
  const found = await run<{ key: string }>(database.db, "select key from lookups where key = $1", [
    lookupKey("recipient", "mira"),
  ]);
  expect(found).toHaveLength(1);
  now += 60_000;
  expect(await index()).toBe(1);
});

test("a store that cannot be asked is told as such", async () => {
  const { database } = await openStore("postgres");
  const index = createLookupIndex(database, () => start);
  await database.close();
  await expect(index()).rejects.toThrow(StoreUnavailable);
});

test("a look-up on PostgreSQL reads the messages behind the index, not the whole table", async () => {
  const { database } = await openStore("postgres");
  await save(database, arrivalOf("mira"));
  const plan = await run<{ "QUERY PLAN": string }>(
    database.db,
    `explain select seq from messages where genesys_id = $1
       and seq > (select coalesce(max(cast(value as bigint)), 0) from meta where key = $2)`,
    ["genesys-1", "lookups.upto"],
  );
  const text = plan.map((line) => line["QUERY PLAN"]).join("\n");
  expect(text).toContain("messages_pkey");
  expect(text).not.toContain("Seq Scan on messages");
});
