import { sql } from "kysely";
import { type AuditOptions, audit } from "../../src/store/audit";
import type { Change } from "../../src/store/change";
import type { Database } from "../../src/store/database";
import type { Arrival } from "../../src/store/ingest";
import { addTasks } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { apply, arrivalOf, notedOf, openStore, save, start } from "./open-store";

const options: AuditOptions = {
  now: start + 1_200_000,
  tellsFailures: ["harborline-chat", "it's quoted"],
  tellsDeliveries: ["harborline-chat"],
  queues: ["deliver:chat", "confirmations", "notices", "receipts-delivered:main", "receipts-failed:main"],
};
const reason = { code: "ServerError", message: "gone" } as const;
const line = (event: string, detail?: Record<string, unknown>) => ({ at: start, event, ...(detail && { detail }) });

/** One message in each state that is right. */
async function fill(database: Database) {
  const names = ["open", "delivered", "accepted", "failed", "confirming", "missed", "notified", "unknown"] as const;
  const messages = Object.fromEntries(names.map((name) => [name, arrivalOf(name)])) as Record<
    (typeof names)[number],
    Arrival
  >;
  const noted = notedOf();
  await save(database, ...Object.values(messages), noted);
  const change = async (arrival: Arrival, made: Change) => apply(database, await seqOf(database, arrival), made);

  await change(messages.delivered, {
    lane: "release",
    delivery: { status: "delivered" },
    message: { fate: "delivered" },
    ledger: [line("delivery.delivered")],
    receipt: { status: "Delivered", at: start, queue: "receipts-delivered:main" },
  });
  await change(messages.accepted, {
    lane: "release",
    delivery: { status: "accepted" },
    message: { fate: "accepted" },
    ledger: [line("delivery.accepted")],
  });
  await change(messages.failed, {
    lane: "release",
    delivery: { status: "failed", reason },
    message: { fate: "failed", reason },
    ledger: [line("delivery.failed")],
    receipt: { status: "Failed", reason, at: start, queue: "receipts-failed:main" },
  });
  for (const one of ["confirming", "unknown"] as const) {
    const key = `confirm:${await seqOf(database, messages[one])}`;
    await change(messages[one], {
      lane: "release",
      delivery: { status: one === "unknown" ? "unknown" : "accepted" },
      ledger: [line("delivery.accepted")],
      addTasks: [{ key, queue: "confirmations", dueAt: start + 60_000 }],
    });
  }
  for (const one of ["missed", "notified"] as const) {
    await change(messages[one], {
      lane: "release",
      delivery: { status: "unconfirmed", reason },
      message: { reason },
      ledger: [line("delivery.unconfirmed")],
      notice: { id: `notice-${one}`, policy: "missed", recipientKey: one, dueAt: start + 60_000 },
    });
  }
  await database.db.updateTable("notices").set({ status: "accepted" }).where("id", "=", "notice-notified").execute();
  const { seq } = await database.db
    .selectFrom("notices")
    .select("seq")
    .where("id", "=", "notice-notified")
    .executeTakeFirstOrThrow();
  await database.db.deleteFrom("tasks").where("key", "=", `notice:${seq}`).execute();
  await change(messages.notified, {
    message: { fate: "notified" },
    ledger: [line("notice.accepted", { notice: "notice-notified" })],
  });
  return { ...messages, noted };
}

async function seqOf(database: Database, arrival: Arrival): Promise<number> {
  const found = await database.db
    .selectFrom("deliveries")
    .select("seq")
    .where("id", "=", arrival.delivery?.id ?? "")
    .executeTakeFirstOrThrow();
  return found.seq;
}

type Messages = Awaited<ReturnType<typeof fill>>;

const ofMessage = (table: "captures" | "ledger" | "receipts" | "deliveries", arrival: Arrival) =>
  sql`from ${sql.table(table)} where message_seq = (select seq from messages where id = ${arrival.id})`;
const setFate = (database: Database, arrival: Arrival, fate: string) =>
  database.db.updateTable("messages").set({ fate }).where("id", "=", arrival.id).execute();

interface Damage {
  what: string;
  plant(database: Database, messages: Messages): Promise<unknown>;
  /** Message in the state of that name, or null for the store; and what the audit says of it. */
  found: [keyof Messages | null, string][];
}

const damages: Damage[] = [
  {
    what: "a lane without its task",
    plant: ({ db }) => db.deleteFrom("tasks").where("key", "like", "lane:%").execute(),
    found: [
      ["open", "open, with nothing due"],
      ["open", "waits in a lane"],
    ],
  },
  {
    what: "a confirmation nobody waits for",
    plant: ({ db }) => db.deleteFrom("tasks").where("key", "like", "confirm:%").execute(),
    found: [
      ["confirming", "open, with nothing due"],
      ["unknown", "open, with nothing due"],
    ],
  },
  {
    what: "a notice that is not due",
    plant: ({ db }) => db.deleteFrom("tasks").where("key", "like", "notice:%").execute(),
    found: [["missed", "open, with nothing due"]],
  },
  {
    what: "a fate without the confirmation it needs",
    plant: (database, { failed }) => setFate(database, failed, "delivered"),
    found: [["failed", "delivered without a confirmation"]],
  },
  {
    what: "a confirmation without its ledger line",
    plant: ({ db }, { delivered }) =>
      sql`delete ${ofMessage("ledger", delivered)} and event = 'delivery.delivered'`.execute(db),
    found: [["delivered", "delivered without a confirmation"]],
  },
  {
    what: "accepted by nobody",
    plant: (database, { failed }) => setFate(database, failed, "accepted"),
    found: [["failed", "accepted by no channel"]],
  },
  {
    what: "a confirmation the fate does not know of",
    plant: (database, { delivered }) => setFate(database, delivered, "accepted"),
    found: [
      ["delivered", "accepted by no channel"],
      ["delivered", "the fate says otherwise"],
    ],
  },
  {
    what: "notified by a notice that never went out",
    plant: ({ db }) =>
      db.updateTable("notices").set({ status: "exhausted" }).where("id", "=", "notice-notified").execute(),
    found: [["notified", "notified, but no notice went out"]],
  },
  {
    what: "a failure without a reason",
    plant: ({ db }, { failed }) =>
      db.updateTable("messages").set({ reason_code: null }).where("id", "=", failed.id).execute(),
    found: [["failed", "failed without a reason"]],
  },
  {
    what: "an invented fate",
    plant: (database, { noted }) => setFate(database, noted, "lost"),
    found: [["noted", "none that exists"]],
  },
  {
    what: "no line of its storing",
    plant: ({ db }, { noted }) => sql`delete ${ofMessage("ledger", noted)}`.execute(db),
    found: [["noted", "no ledger line"]],
  },
  {
    what: "no capture",
    plant: ({ db }, { noted }) => sql`delete ${ofMessage("captures", noted)}`.execute(db),
    found: [["noted", "no capture"]],
  },
  {
    what: "two notices for one message",
    plant: async (database, { notified }) =>
      apply(database, await seqOf(database, notified), {
        ledger: [line("notice.accepted", { notice: "notice-other" })],
      }),
    found: [["notified", "two notices for one message"]],
  },
  {
    what: "a queued receipt without its task",
    plant: ({ db }) => db.deleteFrom("tasks").where("key", "like", "receipt:%").execute(),
    found: [
      ["delivered", "a receipt is owed and not queued"],
      ["failed", "a receipt is owed and not queued"],
    ],
  },
  {
    what: "a failure never reported",
    plant: async ({ db }, { failed }) => {
      await db.deleteFrom("tasks").where("queue", "=", "receipts-failed:main").execute();
      await sql`delete ${ofMessage("receipts", failed)}`.execute(db);
    },
    found: [["failed", "a Failed receipt is owed"]],
  },
  {
    what: "a delivery never reported",
    plant: async ({ db }, { delivered }) => {
      await db.deleteFrom("tasks").where("queue", "=", "receipts-delivered:main").execute();
      await sql`delete ${ofMessage("receipts", delivered)}`.execute(db);
    },
    found: [["delivered", "a Delivered receipt is owed"]],
  },
  {
    what: "tasks about nothing",
    plant: (database) =>
      database.transaction((tx) =>
        addTasks(
          tx,
          ["lane:nobody", "confirm:987654", "receipt:987654", "notice:987654", "callback:987654"].map((key) => ({
            key,
            queue: "confirmations",
            dueAt: start + 9_000_000,
            subject: 987_654,
          })),
          start,
        ),
      ),
    found: ["lane", "confirm", "receipt", "notice", "callback"].map((kind) => [null, `the task ${kind} is about`]),
  },
  {
    what: "a queue that nobody serves",
    plant: (database) =>
      database.transaction((tx) => addTasks(tx, [{ key: "typing:x", queue: "typing:gone", dueAt: start }], start)),
    found: [[null, "1 tasks wait in typing:gone"]],
  },
  {
    what: "a delivery that fell out of its lane",
    plant: ({ db }, { failed }) =>
      sql`update deliveries set status = 'pending' where id = ${failed.delivery?.id}`.execute(db),
    found: [
      ["failed", "unfinished and in no lane"],
      ["failed", "no delivery of it did"],
    ],
  },
  {
    what: "a delivery that failed for no reason",
    plant: ({ db }, { failed }) =>
      sql`update deliveries set reason_code = null where id = ${failed.delivery?.id}`.execute(db),
    found: [["failed", "failed without a reason"]],
  },
  {
    what: "a message passed over as if there were nothing to deliver",
    plant: (database, { failed }) => setFate(database, failed, "noted"),
    found: [["failed", "it has a delivery"]],
  },
  {
    what: "a message that is gone",
    plant: ({ db }, { noted }) => db.deleteFrom("messages").where("id", "=", noted.id).execute(),
    found: [
      [null, "a capture has no message"],
      [null, "a ledger line has no message"],
    ],
  },
  {
    what: "a delivery and a receipt of nothing",
    plant: async ({ db }) => {
      await sql`insert into deliveries (message_seq, id, channel, trigger, status, attempts) values (987654, 'x', 'chat', 'first', 'failed', 0)`.execute(
        db,
      );
      await sql`insert into receipts (message_seq, status, at, owed_at, state) values (987654, 'Failed', 0, 0, 'sent')`.execute(
        db,
      );
    },
    found: [
      [null, "a delivery has no message"],
      [null, "a receipt has no message"],
    ],
  },
  {
    what: "attempts of nothing, one of them backwards",
    plant: ({ db }) =>
      sql`insert into attempts (delivery_seq, number, started_at, finished_at) values (987654, 1, 9000, 1), (987654, 2, 1, 1)`.execute(
        db,
      ),
    found: [
      [null, "an attempt has no delivery (2 of them)"],
      [null, "ended before it began"],
    ],
  },
  {
    what: "a clock that was turned back",
    plant: ({ db }, { noted }) =>
      sql`update ledger set at = 1 where message_seq = (select seq from messages where id = ${noted.id})`.execute(db),
    found: [["noted", "clock was turned back"]],
  },
  {
    what: "a message from the future",
    plant: ({ db }, { noted }) =>
      db
        .updateTable("messages")
        .set({ received_at: start + 9_000_000_000 })
        .where("id", "=", noted.id)
        .execute(),
    found: [
      ["noted", "received in the future"],
      ["noted", "clock was turned back"],
    ],
  },
  {
    what: "a notice and a report that nobody will look at",
    plant: async ({ db }) => {
      await sql`insert into notices (id, policy, recipient_key, status, created_at, changed_at) values ('n', 'p', 'r', 'waiting', 0, 0)`.execute(
        db,
      );
      await sql`insert into callbacks (channel, kind, webhook_id, received_at, body) values ('chat', 'receipts', 'w', 0, '{}')`.execute(
        db,
      );
    },
    found: [
      [null, "a notice waits, with no task"],
      [null, "a report of an adapter waits"],
    ],
  },
];

describe.each(engines)("on %s", (engine) => {
  test("a store in which every message is where it belongs has no findings", async () => {
    const { database } = await openStore(engine);
    await fill(database);
    expect(await audit(database.db, options)).toEqual({
      ok: true,
      counts: { messages: 9, open: 4, delivered: 1, accepted: 1, failed: 1, notified: 1, noted: 1 },
      findings: [],
    });
  });

  test("an empty store has no findings", async () => {
    const { database } = await openStore(engine);
    expect(await audit(database.db, options)).toEqual({ ok: true, counts: { messages: 0 }, findings: [] });
  });

  test.each(damages)("the audit finds $what, and only that", async ({ plant, found }) => {
    const { database } = await openStore(engine);
    const messages = await fill(database);
    await plant(database, messages);

    const result = await audit(database.db, options);

    expect(result.ok).toBe(false);
    const expected = found.map(([name, problem]) => ({
      messageId: name === null ? null : messages[name].id,
      problem: expect.stringContaining(problem),
      mend: expect.stringMatching(/\w/),
    }));
    expect(result.findings).toEqual(expect.arrayContaining(expected));
    expect(result.findings).toHaveLength(expected.length);
  });

  test("messages from before the time asked for are left out", async () => {
    const { database } = await openStore(engine);
    const { noted, open } = await fill(database);
    await setFate(database, open, "lost");
    const result = await audit(database.db, { ...options, since: noted.receivedAt });
    expect(result).toEqual({ ok: true, counts: { messages: 1, noted: 1 }, findings: [] });
  });

  test("an integration that tells Genesys Cloud nothing owes no receipt", async () => {
    const { database } = await openStore(engine);
    const { failed } = await fill(database);
    await sql`delete ${ofMessage("receipts", failed)}`.execute(database.db);
    await database.db.deleteFrom("tasks").where("queue", "=", "receipts-failed:main").execute();
    expect((await audit(database.db, { ...options, tellsFailures: [] })).findings).toEqual([]);
  });

  test("progress is told up to the end", async () => {
    const { database } = await openStore(engine);
    await fill(database);
    const shares: number[] = [];
    await audit(database.db, { ...options, onProgress: (share) => shares.push(share) });
    expect(shares.at(-1)).toBe(1);
  });
});
