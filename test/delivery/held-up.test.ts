/** Processes that stand still while they have something to do, and go on when another has taken it over. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Channel, Outcome } from "../../src/channels/channel";
import { deliverableKinds } from "../../src/message/message";
import { type HandedHead, lanesHandedOver } from "../../src/store/deliveries";
import type { LeasedTask } from "../../src/store/tasks";
import { findMessage } from "../../src/store/messages";
import type { DeliverDeps } from "../../src/delivery/deliver";
import { createShelf, nameFile, type Shelf } from "../../src/media/shelf";
import type { Database } from "../../src/store/database";
import { eraseRecipient } from "../../src/store/erase";
import { engines } from "../helpers/stores";
import { arrivalOf, lease, openStore, save, start } from "../store/open-store";
import { accepted, createTestDelivery, plain, refused, type TestDelivery } from "./deliver-lab";

describe.each(engines)("on %s", (engine) => {
  describe("a process that was held up before its send", () => {
    /** Sends of two processes; the first one is held up once its attempt is committed, until `goOn()`. */
    async function holdUp(repeatable: boolean, meanwhile: (other: TestDelivery) => Promise<void> = async () => {}) {
      const { database } = await openStore(engine);
      const sent: string[] = [];
      const process = (name: string) =>
        createTestDelivery(
          database,
          async ({ attempt, original }) => {
            sent.push(`${name} ${original?.body.toString().includes("second") ? "second" : "first"} ${attempt}`);
            if (name === "slow") await meanwhile(other);
            return accepted;
          },
          { repeatable },
        );
      const [slow, other] = [process("slow"), process("other")];
      let running: readonly Promise<void>[] = [];
      slow.delivery.offer?.({
        reserve: () => ({ leaseEnd: start + 15_000 }),
        free: () => undefined,
        run(jobs) {
          running = jobs;
        },
      });
      const taker = database.takers.find(lanesHandedOver, "deliver:chat");
      if (taker === undefined) throw new Error("nobody takes over");
      const { give } = taker;
      const held: HandedHead[] = [];
      taker.give = (heads) => void held.push(...heads);
      const arrival = arrivalOf("mira");
      await save(database, arrival);
      taker.reserve = () => undefined;
      await save(database, arrivalOf("mira", { body: Buffer.from('{"type":"Text","text":"the second"}') }));
      expect(held).toHaveLength(1);
      slow.at(start + 60_000);
      other.at(start + 60_000);
      const goOn = async () => {
        give(held);
        await Promise.all(running);
      };
      return { database, arrival, sent, slow, other, goOn };
    }

    test("goes on with a new lease while nobody has taken over", async () => {
      const { database, arrival, sent, other, goOn } = await holdUp(false);
      await goOn();
      expect(await other.work()).toBe(1);
      expect(sent).toEqual(["slow first 1", "other second 1"]);
      expect(await findMessage(database.db, arrival.id)).toMatchObject({ item: { delivery: { status: "accepted" } } });
    });

    test("keeps its message from another that had claimed the lane, and not begun", async () => {
      let claimed: LeasedTask[] = [];
      const { database, sent, other, goOn } = await holdUp(true, async () => {
        await Promise.all(await other.delivery.begin(claimed, start + 60_000));
      });
      claimed = await lease(database, { now: start + 60_000, leaseEnd: start + 75_000 });
      expect(claimed).toHaveLength(1);
      await goOn();
      await other.work();
      expect(sent).toEqual(["slow first 1", "other second 1"]);
    });

    test("holds its lane for the whole send, however late it begins", async () => {
      const { database } = await openStore(engine);
      await save(database, arrivalOf("mira"));
      const late = start + 60_000;
      const others: unknown[] = [];
      const { delivery, at } = createTestDelivery(database, async () => {
        for (const now of [late, late + plain.timeoutMs]) others.push(...(await lease(database, { now })));
        return accepted;
      });
      const claimed = await lease(database);
      at(late);
      await Promise.all(await delivery.begin(claimed, start));
      expect(claimed).toHaveLength(1);
      expect(others).toEqual([]);
    });

    test.each([true, false])("sends nothing once another has taken over (repeatable: %s)", async (repeatable) => {
      const { database, arrival, sent, slow, other, goOn } = await holdUp(repeatable);
      await other.work();
      await other.work();
      const before = [...sent];
      expect(before).toEqual(repeatable ? ["other first 2", "other second 1"] : ["other second 1"]);
      await goOn();
      expect(sent).toEqual(before);
      expect(slow.log).toEqual([]);
      const found = await findMessage(database.db, arrival.id);
      expect(found?.item.delivery?.status).toBe(repeatable ? "accepted" : "unknown");
      const detail = { attempt: 1, because: "held up before it was sent" };
      expect(found?.timeline.at(-1)).toMatchObject({ event: "attempt.superseded", detail });
    });
  });

  describe("a process that was held up in its send", () => {
    /** Two processes; what the slow one sends first takes until the other one has worked twice, long after the lease. */
    async function holdUpIn(changes: Partial<Channel>, outcome: Outcome = accepted) {
      const { database } = await openStore(engine);
      const sent: string[] = [];
      let isFirst = true;
      const slow = createTestDelivery(
        database,
        async ({ attempt, part, message }) => {
          sent.push(`slow ${attempt} ${part?.number ?? "-"} ${"text" in message ? message.text : ""}`);
          if (!isFirst) return accepted;
          isFirst = false;
          slow.at(start + 60_000);
          other.at(start + 60_000);
          await other.work();
          await other.work();
          return outcome;
        },
        changes,
      );
      const other = createTestDelivery(
        database,
        async ({ attempt, part, message }) => {
          sent.push(`other ${attempt} ${part?.number ?? "-"} ${"text" in message ? message.text : ""}`);
          return accepted;
        },
        changes,
      );
      return { database, sent, slow };
    }
    const textOf = (text: string) => ({ body: Buffer.from(JSON.stringify({ type: "Text", text })) });
    const short = { kinds: deliverableKinds, textLength: 10 };

    test.each([true, false])("sends no later part of its message (repeatable: %s)", async (repeatable) => {
      const { database, sent, slow } = await holdUpIn({ repeatable, accepts: short });
      await save(database, arrivalOf("mira", textOf("one two three four")), arrivalOf("mira", textOf("later")));
      await slow.work();
      expect(sent).toEqual([
        "slow 1 1 one two",
        ...(repeatable ? ["other 2 1 one two", "other 2 2 three four"] : []),
        "other 1 - later",
      ]);
      const superseded = await database.db
        .selectFrom("ledger")
        .select("detail")
        .where("event", "=", "attempt.superseded")
        .execute();
      const detail = { attempt: 1, part: 1, of: 2, because: "held up between its parts" };
      expect(superseded.map((one) => JSON.parse(one.detail ?? ""))).toEqual([detail]);
    });

    test.each<[string, Outcome, object]>([
      ["accepted", accepted, { fate: "accepted", delivery: { status: "accepted" } }],
      ["refused", refused, { fate: "failed", delivery: { status: "failed" } }],
    ])("tells what nobody else could know: %s", async (_, outcome, item) => {
      const { database, slow } = await holdUpIn({ repeatable: false, confirms: "accepted" }, outcome);
      const arrival = arrivalOf("mira");
      await save(database, arrival);
      await slow.work();
      const found = await findMessage(database.db, arrival.id);
      expect(found).toMatchObject({ item, attempts: [{ number: 1, result: outcome.status }] });
      expect(found?.timeline.map((line) => line.event)).toContain("delivery.unknown");
      expect(await lease(database, { queue: "confirmations", now: start + 3_600_000 })).toEqual([]);
    });
  });

  test.each([true, false])("a claim is no claim of a later task of its lane (repeatable: %s)", async (repeatable) => {
    const { database } = await openStore(engine);
    const sent: string[] = [];
    let stale: LeasedTask[] = [];
    const slow = createTestDelivery(
      database,
      async ({ attempt }) => {
        sent.push(`slow ${attempt}`);
        return accepted;
      },
      { repeatable },
    );
    const other = createTestDelivery(
      database,
      async ({ attempt }) => {
        sent.push(`other ${attempt}`);
        // It goes on while the second message is being sent.
        if (sent.length === 2) await Promise.all(await slow.delivery.begin(stale, start));
        return accepted;
      },
      { repeatable },
    );
    await save(database, arrivalOf("mira"));
    stale = await lease(database, { leaseEnd: start + 15_000 });
    slow.at(start + 60_000);
    other.at(start + 60_000);
    await other.work();
    expect(await database.db.selectFrom("tasks").select("key").where("key", "like", "lane:%").execute()).toEqual([]);
    const second = arrivalOf("mira");
    await save(database, second);
    await other.work();
    expect([stale.length, sent]).toEqual([1, ["other 1", "other 1"]]);
    expect(await findMessage(database.db, second.id)).toMatchObject({ item: { delivery: { status: "accepted" } } });
  });

  describe("a message whose files are being fetched", () => {
    const file = { mime: "image/png", filename: "passport.png", limit: 1000, signal: AbortSignal.timeout(60_000) };

    /** One message that has a file; `meanwhile` happens while it is being fetched. */
    async function fetchWhile(meanwhile: (database: Database, shelf: Shelf) => Promise<void>) {
      const { database, directory } = await openStore(engine);
      const shelf = createShelf({
        directory: join(directory, "media"),
        keepMs: 60_000,
        maxBytes: 1e6,
        now: () => start,
      });
      const sent: string[] = [];
      const media: DeliverDeps["media"] = {
        isDue: () => true,
        timeoutMs: 20_000,
        async prepare(message) {
          await meanwhile(database, shelf);
          await shelf.keep(nameFile(message.id, "https://pictures.example/1"), Readable.from([Buffer.from("x")]), file);
          return { ok: true, message };
        },
        discard: async ({ id }) => void (await shelf.removeOf([id])),
      };
      const { work, at } = createTestDelivery(
        database,
        async ({ deliveryId }) => {
          sent.push(deliveryId);
          return accepted;
        },
        {},
        { media },
      );
      await save(database, arrivalOf("mira"));
      await work();
      return { sent, at, kept: await readdir(join(directory, "media")) };
    }

    test("is sent, and its files are kept", async () => {
      const { sent, kept } = await fetchWhile(async () => {});
      expect([sent.length, kept.length]).toEqual([1, 2]);
    });

    test("is neither sent nor kept where it is erased meanwhile", async () => {
      const { sent, kept } = await fetchWhile(async (database, shelf) => {
        const erasing = { now: () => start, removeFiles: shelf.removeOf };
        expect(await eraseRecipient(database, { recipient: "mira" }, erasing)).toMatchObject({ messages: 1, files: 0 });
      });
      expect([sent, kept]).toEqual([[], []]);
    });

    test("is left to who has taken it over, who gives the channel the same files", async () => {
      const others: string[] = [];
      const { sent, kept } = await fetchWhile(async (database) => {
        const other = createTestDelivery(database, async ({ deliveryId }) => {
          others.push(deliveryId);
          return accepted;
        });
        other.at(start + 60_000);
        await other.work();
      });
      expect([others.length, sent, kept.length]).toEqual([1, [], 2]);
    });
  });
});
