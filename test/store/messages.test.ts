import { run } from "../../src/store/bulk";
import { countFates, findMessage, findSeq, listMessages, matching, type MessageFilter } from "../../src/store/messages";
import { engines } from "../helpers/stores";
import { arrivalOf, notedOf, openStore, save, start } from "./open-store";

describe.each(engines)("on %s", (engine) => {
  async function open() {
    const { database } = await openStore(engine);
    const arrivals = [
      arrivalOf("mira", { receivedAt: start, conversationId: "conversation-1", summary: "100 % Sicher_heit" }),
      arrivalOf("noor", { receivedAt: start + 1, conversationId: null, integration: "other", integrationId: "id-2" }),
      notedOf({ receivedAt: start + 2, kind: "receipt", direction: "inbound", recipientId: "mira" }),
      arrivalOf("x".repeat(300), { receivedAt: start + 3, fate: "failed", conversationId: "y".repeat(300) }),
      arrivalOf(`${"x".repeat(299)}z`, { receivedAt: start + 4 }),
    ];
    await save(database, ...arrivals);
    const list = async (filter: MessageFilter, page = { limit: 50 }) => {
      const { items } = await listMessages(database.db, filter, page);
      return items.map((item) => arrivals.findIndex((arrival) => arrival.id === item.id));
    };
    return { database, arrivals, list };
  }

  test("messages are listed with the newest first, everything understood included", async () => {
    const { list } = await open();
    expect(await list({})).toEqual([4, 3, 2, 1, 0]);
  });

  test("what came is found by Genesys Cloud's id before its copy from a file", async () => {
    const { database } = await openStore(engine);
    const came = arrivalOf("mira", { genesysMessageId: "both" });
    const copy = notedOf({ genesysMessageId: "both", dedupKey: `${came.dedupKey}|import:${start}` });
    const alone = notedOf({ genesysMessageId: "alone", dedupKey: `alone|import:${start}` });
    await save(database, came, copy, alone);
    expect((await findMessage(database.db, "both"))?.item.id).toBe(came.id);
    expect((await findMessage(database.db, "alone"))?.item.id).toBe(alone.id);
    const found = await database.db
      .selectFrom("messages")
      .select("id")
      .where("seq", "=", (await findSeq(database.db, "both")) ?? 0)
      .execute();
    expect(found).toEqual([{ id: came.id }]);
  });

  test.each<[string, MessageFilter, number[]]>([
    ["fate", { fate: "failed" }, [3]],
    ["kind", { kind: "receipt" }, [2]],
    ["direction", { direction: "inbound" }, [2]],
    ["the name of an integration", { integration: "other" }, [1]],
    ["the id of an integration", { integration: "id-2" }, [1]],
    ["conversation", { conversation: "conversation-1", fate: "open" }, [4, 0]],
    ["a long conversation id, exactly", { conversation: "y".repeat(300) }, [3]],
    ["recipient", { recipient: "mira" }, [2, 0]],
    ["a long recipient id, exactly", { recipient: "x".repeat(300) }, [3]],
    ["the first moment, included", { since: start + 3 }, [4, 3]],
    ["the last moment, excluded", { until: start + 1 }, [0]],
    ["a text in any case", { q: "sicher" }, [0]],
    ["a text with signs that patterns use", { q: "100 % sicher_h" }, [0]],
    ["a percent sign alone", { q: "%" }, [0]],
    ["a backslash", { q: "\\" }, []],
    ["a part of the recipient", { q: "noo" }, [1]],
    ["several at once", { recipient: "mira", direction: "outbound" }, [0]],
    ["nothing that exists", { fate: "returned" }, []],
  ])("a list is narrowed by %s", async (_, filter, expected) => {
    const { list } = await open();
    expect(await list(filter)).toEqual(expected);
  });

  const rare = ["failed", "notified", "suppressed", "unreachable", "exhausted", "returned", "unknown"];

  test("messages are found by every fate, as long as it is theirs", async () => {
    const { database } = await openStore(engine);
    const fates = ["open", "delivered", "accepted", "noted", ...rare];
    const arrivals = fates.map((fate) => arrivalOf("mira", { fate }));
    await save(database, ...arrivals);
    const find = async (fate: string) => {
      const { items } = await listMessages(database.db, { fate }, { limit: 50 });
      return items.map((item) => item.id);
    };
    for (const { fate, id } of arrivals) expect(await find(fate)).toEqual([id]);
    await database.db.updateTable("messages").set({ fate: "delivered" }).execute();
    for (const fate of fates) expect(await find(fate)).toHaveLength(fate === "delivered" ? fates.length : 0);
  });

  test("looking for a rare fate reads no other messages", async () => {
    const { database } = await openStore(engine);
    await save(database, arrivalOf("mira"));
    const explain = engine === "sqlite" ? "explain query plan" : "explain";
    for (const fate of rare) {
      const query = database.db.selectFrom("messages as m").select("m.seq");
      const newest = query.where((eb) => matching(eb, { fate })).orderBy("m.seq", "desc");
      const { sql, parameters } = newest.limit(51).compile();
      const plan = await run(database.db, `${explain} ${sql}`, parameters);
      expect(JSON.stringify(plan)).toContain("messages_trouble");
    }
  });

  test("pages follow each other without a gap or a repeat, also while messages arrive", async () => {
    const { database, arrivals } = await open();
    const first = await listMessages(database.db, {}, { limit: 2 });
    expect(first.nextCursor).not.toBeNull();
    await save(database, arrivalOf("newcomer"));
    const second = await listMessages(database.db, {}, { limit: 2, cursor: first.nextCursor ?? 0 });
    const third = await listMessages(database.db, {}, { limit: 2, cursor: second.nextCursor ?? 0 });
    expect([...first.items, ...second.items, ...third.items].map((item) => item.id)).toEqual(
      arrivals.map((arrival) => arrival.id).reverse(),
    );
    expect(third.nextCursor).toBeNull();
  });

  test("a page that ends with the last message has no next one", async () => {
    const { database } = await open();
    expect(await listMessages(database.db, {}, { limit: 5 })).toMatchObject({ nextCursor: null });
  });

  test("an item says what the contract names", async () => {
    const { database, arrivals } = await open();
    const [item] = (await listMessages(database.db, { recipient: "noor" }, { limit: 1 })).items;
    expect(item).toEqual({
      id: arrivals[1]?.id,
      genesysMessageId: arrivals[1]?.genesysMessageId,
      integration: "other",
      integrationId: "id-2",
      direction: "outbound",
      kind: "text",
      conversationId: null,
      recipient: { id: "noor", idType: "Opaque" },
      receivedAt: new Date(start + 1).toISOString(),
      sentAt: new Date(start).toISOString(),
      fate: "open",
      reason: null,
      delivery: { channel: "chat", status: "pending", attempts: 0, providerMessageId: null },
      notice: null,
      summary: "Good morning",
    });
  });

  test("a message is found by our id or Genesys Cloud's, the newest of several", async () => {
    const { database, arrivals } = await open();
    const [older, newer] = [1, 2].map(() => arrivalOf("mira", { genesysMessageId: "abc" }));
    if (older === undefined || newer === undefined) throw new Error("unreachable");
    await save(database, older, newer, arrivalOf("mira", { genesysMessageId: "ab|c €" }));

    expect((await findMessage(database.db, arrivals[0]?.id ?? ""))?.item.id).toBe(arrivals[0]?.id);
    expect((await findMessage(database.db, older.id))?.item.id).toBe(older.id);
    expect((await findMessage(database.db, "abc"))?.item.id).toBe(newer.id);
    expect(await findMessage(database.db, "ab")).toBeUndefined();
    expect(await findMessage(database.db, "")).toBeUndefined();
  });

  test("fates are counted, open ones included", async () => {
    const { database } = await open();
    expect(await countFates(database.db)).toEqual({ open: 3, noted: 1, failed: 1 });
  });
});
