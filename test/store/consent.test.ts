import {
  addressKeyOf,
  type ConsentChange,
  eraseConsents,
  listConsents,
  readConsentHistory,
  readConsents,
  removeConsent,
  saveConsent,
} from "../../src/store/consent";
import { eraseCustomer, readCustomer, rememberCustomer } from "../../src/store/customers";
import type { Database } from "../../src/store/database";
import { digest, loadSecret, seal, unseal } from "../../src/store/secrets";
import { engines } from "../helpers/stores";
import { openStore, start } from "./open-store";

const mira = "Mira@harborline.example";
const phone = "+43 664 1234567";

describe.each(engines)("on %s", (engine) => {
  test("an opt-out is found however the address is written, and is there once", async () => {
    const { database } = await openStore(engine);
    expect(await save(database, { address: mira, channel: "email" })).toBe(true);
    expect(await save(database, { address: " mira@HARBORLINE.example", channel: "email" })).toBe(false);
    const { items } = await listConsents(database.db, { address: "MIRA@harborline.example" }, { limit: 10 });
    expect(items).toEqual([
      {
        address: "mira@harborline.example",
        channel: "email",
        purpose: "*",
        state: "optedOut",
        source: "operator",
        reason: null,
        at: new Date(start).toISOString(),
      },
    ]);
    expect(await readConsentHistory(database.db, mira)).toHaveLength(2);
  });

  test("a START takes back what a STOP did", async () => {
    const { database } = await openStore(engine);
    await save(database, { address: phone, channel: "sms", source: "stopWord" });
    expect(await remove(database, "stopWord")).toBe(1);
    expect((await listConsents(database.db, {}, { limit: 10 })).items).toEqual([]);
    const history = await readConsentHistory(database.db, phone);
    expect(history.map((line) => line.change)).toEqual(["optedOut", "removed"]);
  });

  test("a START takes back nothing that somebody else decided, even after a STOP", async () => {
    const { database } = await openStore(engine);
    await save(database, { address: phone, channel: "sms", source: "stopWord" });
    await save(database, { address: phone, channel: "sms", source: "operator", reason: "asked by phone" });
    await save(database, { address: phone, channel: "sms", source: "stopWord" });
    expect(await remove(database, "stopWord")).toBe(0);
    const { items } = await listConsents(database.db, {}, { limit: 10 });
    expect(items).toMatchObject([{ source: "operator", reason: "asked by phone" }]);
    expect(await remove(database, "operator")).toBe(1);
  });

  test("an address that is known stays known when its key alone is at hand", async () => {
    const { database } = await openStore(engine);
    await save(database, { address: mira, channel: "email", state: "granted" });
    await database.transaction(async (tx) => {
      const addressKey = addressKeyOf(await loadSecret(tx), mira);
      await saveConsent(tx, { ...optOut, addressKey, channel: "email" });
    });
    const { items } = await listConsents(database.db, {}, { limit: 10 });
    expect(items).toMatchObject([{ address: mira.toLowerCase(), state: "optedOut" }]);
  });

  test("what was forgotten goes on holding", async () => {
    const { database } = await openStore(engine);
    await save(database, { address: mira, channel: "*", reason: "Mira asked" });
    expect(await database.transaction((tx) => eraseConsents(tx, mira))).toBe(1);
    const { items } = await listConsents(database.db, {}, { limit: 10 });
    expect(items).toMatchObject([{ address: null, reason: null, state: "optedOut" }]);
    const key = addressKeyOf(await loadSecret(database), mira);
    expect((await readConsents(database.db, [key])).get(key)).toEqual([
      { channel: "*", purpose: "*", state: "optedOut" },
    ]);
    const rows = JSON.stringify([
      await database.db.selectFrom("consents").selectAll().execute(),
      await database.db.selectFrom("consent_history").selectAll().execute(),
    ]);
    expect(rows.toLowerCase()).not.toContain("mira");
  });

  test("lists are read page by page and filtered", async () => {
    const { database } = await openStore(engine);
    for (let n = 0; n < 5; n += 1) await save(database, { address: `c${n}@harborline.example`, channel: "email" });
    await save(database, { address: phone, channel: "sms", state: "granted", purpose: "marketing" });
    const first = await listConsents(database.db, { channel: "email" }, { limit: 3 });
    expect(first.items.map((one) => one.address?.slice(0, 2))).toEqual(["c4", "c3", "c2"]);
    const second = await listConsents(database.db, { channel: "email" }, { limit: 3, cursor: first.nextCursor ?? 0 });
    expect(second.items.map((one) => one.address?.slice(0, 2))).toEqual(["c1", "c0"]);
    expect(second.nextCursor).toBeNull();
    expect((await listConsents(database.db, { state: "granted" }, { limit: 3 })).items).toHaveLength(1);
  });

  test("the secret is made once, whoever asks first", async () => {
    const { database } = await openStore(engine);
    const secrets = await Promise.all([1, 2, 3].map(() => loadSecret(database)));
    expect(new Set(secrets.map((one) => one.toString("hex"))).size).toBe(1);
    expect(secrets[0]).toHaveLength(32);
  });

  test("what an adapter says of a customer adds to what is known", async () => {
    const { database } = await openStore(engine);
    const customer = { integration: "harborline-chat", recipientId: "visitor-1" };
    const remember = (known: object) =>
      database.transaction((tx) => rememberCustomer(tx, { ...customer, ...known }, start));
    await remember({ email: mira, timeZone: "Europe/Vienna" });
    await remember({ phone });
    await remember({});
    const known = await readCustomer(database.db, "harborline-chat", "visitor-1");
    expect(known).toEqual({ ...customer, email: mira, phone, timeZone: "Europe/Vienna", language: undefined });
    expect(await readCustomer(database.db, "other", "visitor-1")).toBeUndefined();
    expect(await database.transaction((tx) => eraseCustomer(tx, "harborline-chat", "visitor-1"))).toBe(true);
    expect(await readCustomer(database.db, "harborline-chat", "visitor-1")).toBeUndefined();
  });
});

describe("sealed tokens", () => {
  const secret = Buffer.alloc(32, 1);

  test("give back what was sealed, and show nothing of it", () => {
    const token = seal(secret, "unsubscribe", { address: mira });
    expect(token).toMatch(/^[\w-]+$/);
    expect(Buffer.from(token, "base64url").toString("latin1")).not.toContain("Mira");
    expect(unseal(secret, "unsubscribe", token)).toEqual({ address: mira });
  });

  test("are refused once anything about them is different", () => {
    const token = seal(secret, "unsubscribe", { address: mira });
    expect(unseal(Buffer.alloc(32, 2), "unsubscribe", token)).toBeUndefined();
    expect(unseal(secret, "bounce", token)).toBeUndefined();
    expect(unseal(secret, "unsubscribe", "")).toBeUndefined();
    expect(unseal(secret, "unsubscribe", token.slice(1))).toBeUndefined();
    for (let n = 0; n < token.length; n += 1) {
      const other = token[n] === "A" ? "B" : "A";
      expect(unseal(secret, "unsubscribe", `${token.slice(0, n)}${other}${token.slice(n + 1)}`)).toBeUndefined();
    }
  });

  test("digests of different purposes differ", () => {
    expect(digest(secret, "address", mira)).not.toBe(digest(secret, "other", mira));
  });
});

const optOut = { purpose: "*", state: "optedOut", source: "operator", at: start } as const;

function save(
  database: Database,
  change: Partial<ConsentChange> & { address: string; channel: "email" | "sms" | "*" },
) {
  return database.transaction((tx) => saveConsent(tx, { ...optOut, ...change }));
}

function remove(database: Database, source: "operator" | "stopWord") {
  return database.transaction((tx) =>
    removeConsent(tx, { address: phone, channel: "sms", state: "optedOut", source, at: start }),
  );
}
