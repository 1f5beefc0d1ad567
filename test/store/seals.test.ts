import { sql } from "kysely";
import { type AuditOptions, audit } from "../../src/store/audit";
import type { Database } from "../../src/store/database";
import { sealLedger } from "../../src/store/seals";
import { engines } from "../helpers/stores";
import { arrivalOf, openAgain, openStore, save, start } from "./open-store";

const options: AuditOptions = {
  now: start + 10_000,
  tellsFailures: [],
  tellsDeliveries: [],
  queues: ["deliver:chat"],
  chain: true,
};
const later = start + 3_600_000;

/** Three seals over nine lines. */
async function makeChain(database: Database): Promise<void> {
  for (let seal = 0; seal < 3; seal += 1) {
    await save(database, arrivalOf("mira"), arrivalOf("otto"), arrivalOf("mira"));
    expect(await sealLedger(database, later)).toBe(3);
  }
}

describe.each(engines)("on %s", (engine) => {
  test("an untouched ledger holds, and says what its head is", async () => {
    const { database } = await openStore(engine);
    await makeChain(database);
    const { ok, chain } = await audit(database.db, options);
    expect(ok).toBe(true);
    expect(chain).toMatchObject({ seals: 3, lines: 9, unsealed: 0, head: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await save(database, arrivalOf("mira"));
    expect((await audit(database.db, { ...options, knownHead: chain?.head ?? "" })).chain).toMatchObject({
      unsealed: 1,
    });
  });

  test("lines that are not settled are left for later", async () => {
    const { database } = await openStore(engine);
    await save(database, arrivalOf("mira"));
    expect(await sealLedger(database, start + 60_000)).toBe(0);
    expect(await sealLedger(database, later)).toBe(1);
    expect(await sealLedger(database, later)).toBe(0);
  });

  test.each([
    [
      "a changed time",
      sql`update ledger set at = at + 1 where seq = 5`,
      "seal 2 of the ledger: a line of the ledger under it was changed",
    ],
    ["a changed event", sql`update ledger set event = 'message.stored ' where seq = 9`, "seal 3 of the ledger: a line"],
    ["an added detail", sql`update ledger set detail = '{}' where seq = 1`, "seal 1 of the ledger: a line"],
    [
      "a line handed to another message",
      sql`update ledger set message_seq = 2 where seq = 1`,
      "seal 1 of the ledger: a line",
    ],
    [
      "a lost line",
      sql`delete from ledger where seq = 4`,
      "seal 2 of the ledger: it was made over 3 lines of the ledger, and there are 2",
    ],
    [
      "an added line",
      sql`insert into ledger (seq, message_seq, at, event) values (-5, 1, 0, 'message.seen')`,
      "seal 1 of the ledger",
    ],
    ["a lost seal", sql`delete from seals where number = 2`, "seal 3 of the ledger: seals 2 to 2 were taken away"],
    [
      "a forged seal",
      sql`update seals set hash = 'forged' where number = 2`,
      "seal 3 of the ledger: it does not continue the seal before it",
    ],
  ])("%s is found", async (_what, damage, problem) => {
    const { database } = await openStore(engine);
    await makeChain(database);
    await damage.execute(database.db);
    const { ok, findings } = await audit(database.db, options);
    expect(ok).toBe(false);
    expect(findings.map((one) => one.problem)).toEqual(expect.arrayContaining([expect.stringContaining(problem)]));
  });

  test("a chain made anew does not hold against a head noted before", async () => {
    const { database } = await openStore(engine);
    await makeChain(database);
    const head = (await audit(database.db, options)).chain?.head ?? "";
    await sql`delete from seals`.execute(database.db);
    await sql`update ledger set at = at + 1 where seq = 5`.execute(database.db);
    while ((await sealLedger(database, later)) > 0);
    expect((await audit(database.db, options)).ok).toBe(true);
    const { findings } = await audit(database.db, { ...options, knownHead: head });
    expect(findings).toMatchObject([
      { problem: expect.stringContaining("the head that was noted is not in the chain") },
    ]);
  });
});

test("two processes that seal at once make one chain", async () => {
  const store = await openStore("postgres");
  const other = openAgain(store);
  for (let n = 0; n < 20; n += 1) {
    await save(store.database, arrivalOf(`visitor-${n}`));
    await Promise.all([sealLedger(store.database, later), sealLedger(other, later)]);
  }
  const { ok, chain } = await audit(store.database.db, options);
  expect({ ok, chain }).toMatchObject({ ok: true, chain: { lines: 20, unsealed: 0 } });
});
