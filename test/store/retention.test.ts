import { type AuditOptions, audit } from "../../src/store/audit";
import type { Database } from "../../src/store/database";
import { forgetOld } from "../../src/store/retention";
import { sealLedger } from "../../src/store/seals";
import { engines } from "../helpers/stores";
import { arrivalOf, indexAll, notedOf, openStore, save, start } from "./open-store";

const day = 86_400_000;
const rule = { textMs: 30 * day, messagesMs: 365 * day };
const options: AuditOptions = {
  now: start,
  tellsFailures: [],
  tellsDeliveries: [],
  queues: ["deliver:chat"],
  chain: true,
};

/** Runs until nothing is left to forget, and counts. */
async function forgetAll(database: Database, now: number) {
  const total = { texts: 0, messages: 0 };
  for (;;) {
    const { texts, messages, more } = await forgetOld(database, rule, now);
    total.texts += texts;
    total.messages += messages;
    if (!more) return total;
  }
}

const bodies = async ({ db }: Database) =>
  (await db.selectFrom("captures").select("body").orderBy("message_seq").execute()).map(({ body }) => body !== null);

describe.each(engines)("on %s", (engine) => {
  test("text goes after its days, of open messages once they are decided", async () => {
    const { database } = await openStore(engine);
    await save(database, notedOf(), arrivalOf("mira"), notedOf());
    const late = { receivedAt: start, ledger: [{ at: start + 10 * day, event: "message.imported" }] };
    await save(database, notedOf(late));
    expect(await forgetAll(database, start + 29 * day)).toEqual({ texts: 0, messages: 0 });
    expect(await forgetAll(database, start + 31 * day)).toEqual({ texts: 2, messages: 0 });
    expect(await bodies(database)).toEqual([false, true, false, true]);
    await database.db.updateTable("messages").set({ fate: "unknown" }).where("fate", "=", "open").execute();
    expect(await forgetAll(database, start + 41 * day)).toEqual({ texts: 2, messages: 0 });
    expect(await bodies(database)).toEqual([false, false, false, false]);
    const rows = await database.db.selectFrom("messages").select(["summary", "recipient_id"]).execute();
    expect(rows.every(({ summary }) => summary === "[text removed]")).toBe(true);
    expect(rows.some(({ recipient_id }) => recipient_id === "mira")).toBe(true);
  });

  test("messages go after theirs, with all that belongs to them; the chain holds and the audit is clean", async () => {
    const { database } = await openStore(engine);
    await save(database, ...Array.from({ length: 50 }, () => notedOf()), arrivalOf("mira"));
    expect(await sealLedger(database, start + day)).toBe(51);
    await save(database, notedOf({ ledger: [{ at: start + 100 * day, event: "message.stored" }] }));
    await indexAll(database);
    expect(await sealLedger(database, start + 101 * day)).toBe(1);
    const head = (await audit(database.db, options)).chain?.head ?? "";

    expect(await forgetAll(database, start + 366 * day)).toMatchObject({ messages: 50 });

    const { ok, findings, counts, chain } = await audit(database.db, { ...options, knownHead: head });
    expect({ ok, findings, counts }).toEqual({ ok: true, findings: [], counts: { messages: 2, open: 1, noted: 1 } });
    expect(chain).toMatchObject({ seals: 2, lines: 52 });
    const left = await database.db.selectFrom("lookups").select("message_seq").distinct().execute();
    expect(left).toHaveLength(2);
    expect(await database.db.selectFrom("captures").select("message_seq").execute()).toHaveLength(2);
    expect(await forgetAll(database, start + 366 * day)).toEqual({ texts: 0, messages: 0 });
  });

  test("a line removed by hand is told from one that retention removed", async () => {
    const { database } = await openStore(engine);
    await save(database, notedOf(), notedOf());
    await sealLedger(database, start + day);
    await database.db.deleteFrom("ledger").where("seq", "=", 1).execute();
    const { findings } = await audit(database.db, options);
    expect(findings.map(({ problem }) => problem)).toEqual([
      "no ledger line says that it was stored",
      expect.stringContaining("seal 1 of the ledger"),
    ]);
  });

  test("a store of more than one slice is forgotten over several turns", async () => {
    const { database } = await openStore(engine);
    for (let n = 0; n < 5; n += 1) await save(database, ...Array.from({ length: 100 }, () => notedOf()));
    const first = await forgetOld(database, rule, start + 31 * day);
    expect(first).toEqual({ texts: 200, messages: 0, more: true });
    expect(await forgetAll(database, start + 31 * day)).toEqual({ texts: 300, messages: 0 });
  });
});
