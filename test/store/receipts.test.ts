import { findMessage } from "../../src/store/messages";
import { createReceiptRecorder, readOwedReceipts } from "../../src/store/receipts";
import { leaseTasks, nextDueAt } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { apply, arrivalOf, headsOf, lease, openAgain, openStore, save, start } from "./open-store";

const queue = "receipts-failed:main";

describe.each(engines)("on %s", (engine) => {
  async function openOwed() {
    const { database } = await openStore(engine);
    const arrival = arrivalOf("mira");
    await save(database, arrival);
    const [head] = await headsOf(database, await lease(database));
    const reason = { code: "ServerError", message: "gone" } as const;
    await apply(database, head?.delivery.seq ?? 0, {
      ledger: [],
      receipt: { status: "Failed", reason, at: start + 7, queue },
    });
    const claim = async (now: number) => {
      const [task] = await leaseTasks(database, { queue, limit: 1, now, leaseEnd: now + 1000 });
      if (task === undefined) throw new Error("no receipt is due");
      return task;
    };
    const find = () => findMessage(database.db, arrival.id);
    return { database, arrival, seq: head?.seq ?? 0, claim, find, record: createReceiptRecorder(database) };
  }

  test("an owed receipt carries what Genesys Cloud has to be told", async () => {
    const { database, arrival, seq } = await openOwed();
    expect(await readOwedReceipts(database.db, [seq, 999])).toEqual([
      {
        messageSeq: seq,
        messageId: arrival.id,
        status: "Failed",
        reason: { code: "ServerError", message: "gone" },
        at: start + 7,
        owedAt: start,
        integration: "harborline-chat",
        integrationId: arrival.integrationId,
        genesysMessageId: arrival.genesysMessageId,
        recipientId: "mira",
        recipientIdType: "Opaque",
        receivedAt: arrival.receivedAt,
      },
    ]);
  });

  test.each(["sent", "refused", "skipped"] as const)(
    "a receipt that was %s is over, and the ledger says so",
    async (state) => {
      const { database, seq, claim, find, record } = await openOwed();
      const task = await claim(start);
      await record({ task, messageSeq: seq, status: "Failed", at: start + 9, state, answer: "HTTP 400, bad" });
      expect(await find()).toMatchObject({ receipt: { state, answer: "HTTP 400, bad" } });
      expect((await find())?.timeline.at(-1)).toMatchObject({ event: `receipt.${state}` });
      expect(await nextDueAt(database.db, queue)).toBeUndefined();
      expect(await readOwedReceipts(database.db, [seq])).toEqual([]);
    },
  );

  test("a receipt put off is due again at its time, and still owed", async () => {
    const { database, seq, claim, find, record } = await openOwed();
    const later = { messageSeq: seq, status: "Failed", at: start, state: "later", dueAt: start + 3000 } as const;
    await record({ ...later, task: await claim(start), answer: "HTTP 429" });
    expect(await nextDueAt(database.db, queue)).toBe(start + 3000);
    expect(await find()).toMatchObject({ receipt: { state: "queued", answer: "HTTP 429" } });
    expect(await readOwedReceipts(database.db, [seq])).toHaveLength(1);
  });

  test("what a worker reports after it lost the lease is left to the one that has it", async () => {
    const { seq, claim, find, record } = await openOwed();
    const lost = await claim(start);
    const held = await claim(start + 1000);
    const result = { messageSeq: seq, status: "Failed", at: start } as const;
    await record({ ...result, task: lost, state: "refused", answer: "late" });
    expect(await find()).toMatchObject({ receipt: { state: "queued" } });
    await record({ ...result, task: held, state: "sent", answer: "HTTP 200" });
    expect(await find()).toMatchObject({ receipt: { state: "sent" } });
    expect((await find())?.timeline.filter((line) => line.event.startsWith("receipt."))).toHaveLength(1);
  });
});

test("an owed receipt wakes the workers of another process on PostgreSQL", async () => {
  const store = await openStore("postgres");
  const other = openAgain(store, { listen: true });
  const heard = new Set<string>();
  other.onWork((woken) => heard.add(woken));
  // The listener connects in its own time: what is committed before that is found by the poll.
  for (let n = 1; !heard.has(queue); n += 1) {
    await save(store.database, arrivalOf(`customer-${n}`));
    const [head] = await headsOf(store.database, await lease(store.database));
    const receipt = { status: "Failed", at: start + 7, queue } as const;
    await apply(store.database, head?.delivery.seq ?? 0, { ledger: [], receipt });
    await new Promise(setImmediate);
  }
  expect(heard).toContain(queue);
});
