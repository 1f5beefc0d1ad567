import { sql } from "kysely";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type AuditOptions, audit } from "../../src/store/audit";
import { createCallbacks } from "../../src/store/callbacks";
import type { Database } from "../../src/store/database";
import { eraseRecipient } from "../../src/store/erase";
import { quarantine } from "../../src/store/quarantine";
import { sealLedger } from "../../src/store/seals";
import { delivered, refused } from "../helpers/adapter";
import { startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { ask, replay } from "../replay/scenes";
import { apply, arrivalOf, headsOf, indexAll, lease, openStore, save, start } from "./open-store";

const mira = "mira.novak@customer.example";
const secret = "the-word-nobody-else-says";
const deps = { now: () => start, removeFiles: async () => 0 };
const options: AuditOptions = {
  now: start + 10_000,
  tellsFailures: [],
  tellsDeliveries: [],
  queues: ["deliver:chat"],
  chain: true,
};
const tables = [
  "messages",
  "captures",
  "deliveries",
  "attempts",
  "ledger",
  "tasks",
  "receipts",
  "notices",
  "callbacks",
  "quarantine",
  "lookups",
  "replays",
  "meta",
  "genesys_events",
  "contact_proofs",
  "contact_journal",
] as const;

/** Everything in the store as one text, bytes read as text. */
async function textOf(database: Database): Promise<string> {
  const rows = await Promise.all(tables.map((table) => database.db.selectFrom(table).selectAll().execute()));
  return JSON.stringify(rows, (_key, value: unknown) => {
    if (value instanceof ArrayBuffer) return Buffer.from(value).toString("latin1");
    if (typeof value === "object" && value !== null && "type" in value && "data" in value && value.type === "Buffer") {
      return Buffer.from(value.data as number[]).toString("latin1");
    }
    return value;
  });
}

function personal(to: string, text: string) {
  const body = Buffer.from(JSON.stringify({ type: "Text", text, channel: { to: { id: to } } }));
  return arrivalOf(to, { body, summary: text, conversationId: `conversation of ${to}`, recipientIdType: "Email" });
}

describe.each(engines)("on %s", (engine) => {
  test("copies of files go before the messages are blanked, and what came meanwhile after", async () => {
    const { database } = await openStore(engine);
    const arrival = arrivalOf(mira);
    await save(database, arrival);
    const asked: unknown[] = [];
    const erased = await eraseRecipient(
      database,
      { recipient: mira },
      {
        now: () => start,
        async removeFiles(ids) {
          const found = await database.db.selectFrom("messages").select("recipient_id").execute();
          asked.push([ids, found[0]?.recipient_id]);
          return ids.length;
        },
      },
    );
    expect(asked).toEqual([
      [[arrival.id], mira],
      [[arrival.id], ""],
    ]);
    expect(erased).toMatchObject({ messages: 1, files: 2 });
  });

  test("what only sounds like the recipient stays: other people's refused webhooks, reports and replays", async () => {
    const { database } = await openStore(engine);
    const refuse = (integration: string, body: string) =>
      quarantine(database, { integration, receivedAt: start, problem: "no", headers: {}, body: Buffer.from(body) });
    const report = createCallbacks(database, () => start);
    const told = (webhookId: string, body: object) =>
      report({ channel: "chat", kind: "receipts", webhookId, receivedAt: start, body: JSON.stringify(body) });
    await refuse("chat", '{"text":"Going to Canada","channel":{"to":{"id":"otto"}}}');
    await refuse("chat", '{"text":"ada","channel":{"to":{"id":"otto"}}}');
    await refuse("chat", '{"channel":{"to":{"id":"ada"}}}');
    await refuse("chat", '{"channel":{"from":{"id":"ada"}}}');
    await refuse("chat", '{"channel":{"to":{"id":"ada"}}');
    await refuse("chat", '{"channel":{"to":{"id":"Canada"}}');
    await refuse("other", '{"channel":{"to":{"id":"ada"}}}');
    await told("w1", { providerMessageId: "p-1", status: "delivered" });
    await told("w2", { from: { id: "ada" }, integration: "chat" });
    await told("w3", { from: { id: "ada" }, integration: "other" });
    const count = (recipient: string, integrations?: string[]) =>
      eraseRecipient(database, { recipient, integrations }, deps);

    expect(await count("delivered")).toMatchObject({ callbacks: 0, quarantined: 0 });
    expect(await count("undefined")).toMatchObject({ callbacks: 0, quarantined: 0 });
    expect(await count("p-1")).toMatchObject({ callbacks: 0 });
    expect(await count("ada", ["nowhere"])).toMatchObject({ callbacks: 0, quarantined: 0 });
    expect(await count("ada", ["chat"])).toMatchObject({ callbacks: 1, quarantined: 3 });
    expect(await count("ada")).toMatchObject({ callbacks: 1, quarantined: 1 });
    const left = await database.db.selectFrom("quarantine").select("body").orderBy("seq").execute();
    expect(left.map(({ body }) => Buffer.from(body as Uint8Array).toString()).filter((text) => text !== "")).toEqual([
      '{"text":"Going to Canada","channel":{"to":{"id":"otto"}}}',
      '{"text":"ada","channel":{"to":{"id":"otto"}}}',
      '{"channel":{"to":{"id":"Canada"}}',
    ]);
  });

  test("nothing personal about the recipient is left anywhere, and everything about others is", async () => {
    const { database, directory } = await openStore(engine);
    await save(
      database,
      personal(mira, secret),
      personal("otto@customer.example", "hello Otto"),
      personal(mira, secret),
    );
    const [head] = await headsOf(database, await lease(database));
    await apply(database, head?.delivery.seq ?? 0, {
      lane: "release",
      delivery: {
        status: "failed",
        attempts: 1,
        firstAttemptAt: start,
        providerMessageId: `provider-of-${mira}`,
        reason: { code: "ServerError", message: `no ${mira}` },
      },
      attempt: { number: 1, at: start, result: "failed", answer: `no ${mira}` },
      message: { reason: { code: "ServerError", message: `no ${mira}` } },
      ledger: [{ at: start, event: "delivery.failed" }],
      receipt: {
        status: "Failed",
        reason: { code: "ServerError", message: `no ${mira}` },
        at: start,
        queue: "receipts-failed:main",
      },
      notice: {
        id: "notice-1",
        policy: "missed",
        recipientKey: JSON.stringify(["missed", mira]),
        dueAt: start + 60_000,
      },
    });
    const report = createCallbacks(database, () => start);
    const told = (webhookId: string, body: object) =>
      report({ channel: "chat", kind: "receipts", webhookId, receivedAt: start, body: JSON.stringify(body) });
    await told("w1", {
      deliveryId: head?.delivery.id,
      status: "failed",
      reason: { code: "ServerError", message: `no ${mira}` },
    });
    await told("w2", { providerMessageId: `provider-of-${mira}`, status: "read" });
    await told("w3", { from: { id: mira }, text: secret });
    await told("w4", { deliveryId: "of somebody else", status: "read" });
    const refusedBody = Buffer.from(JSON.stringify({ text: secret, channel: { to: { id: mira } } }));
    await quarantine(database, {
      integration: "harborline-chat",
      receivedAt: start,
      problem: "no signature",
      headers: {},
      body: refusedBody,
    });
    const conversation = `conversation of ${mira}`;
    await sql`insert into genesys_events (dedup_key, type, conversation_id, received_at, due_at, body, state) values ('e', 't', ${conversation}, 0, 0, ${mira}, 'done')`.execute(
      database.db,
    );
    await sql`insert into contact_proofs (id, conversation_id, channel, address, address_key, created_at, expires_at, state) values ('p', ${conversation}, 'email', ${mira}, 'k', 0, 0, 'proven')`.execute(
      database.db,
    );
    await sql`insert into contact_journal (id, at, organisation, action, cause, proof, conversation_id, before) values ('j', 0, 'main', 'merged', 'c', 'p', ${conversation}, ${mira})`.execute(
      database.db,
    );
    await indexAll(database);
    await sealLedger(database, start + 3_600_000);
    expect(await textOf(database)).toContain(mira);

    const erased = await eraseRecipient(database, { recipient: mira }, { ...deps, now: () => start + 5000 });

    expect(erased).toEqual({
      messages: 2,
      cancelled: 2,
      deliveries: 2,
      notices: 1,
      callbacks: 3,
      quarantined: 1,
      replays: 0,
      contacts: 3,
      customers: 0,
      files: 0,
      consents: 0,
    });
    const left = await textOf(database);
    expect(left).not.toContain(mira);
    expect(left).not.toContain("novak");
    expect(left).not.toContain(secret);
    expect(left).toContain("otto@customer.example");
    expect(left).toContain("hello Otto");
    const { ok, counts, chain, findings } = await audit(database.db, options);
    expect(findings).toEqual([]);
    expect({ ok, counts, chain }).toMatchObject({
      ok: true,
      counts: { messages: 3, failed: 2, open: 1 },
      chain: { seals: 1 },
    });
    // Another run finds nothing more, and the other lane is still served.
    expect(await eraseRecipient(database, { recipient: mira }, deps)).toMatchObject({
      messages: 0,
      callbacks: 0,
    });
    expect(await lease(database, { now: start + 60_000 })).toMatchObject([{ key: expect.stringContaining("otto") }]);
    const files = engine === "sqlite" ? readdirSync(directory).filter((name) => name.startsWith("omb.sqlite")) : [];
    for (const file of files) expect(readFileSync(join(directory, file)).includes(secret)).toBe(false);
  });

  test("a whole bridge goes on after an erasure under way", async () => {
    const scene = await startScene(engine, { fallback: {} });
    const held = new Promise<void>((resolve) => {
      scene.adapter.respond(() => (response) => {
        resolve();
        setTimeout(() => response.writeHead(200).end(JSON.stringify({ status: "delivered" })), 300);
      });
    });
    for (let n = 0; n < 3; n += 1) await scene.say(mira);
    await held;
    const { status, answer } = await ask(scene, "POST", "/api/v1/erasures", { recipient: mira });
    expect([status, answer]).toMatchObject([200, { messages: 3, cancelled: 3 }]);
    await scene.settle();
    scene.adapter.respond(() => delivered());
    const after = await scene.say(mira);
    await scene.untilFate(after, "delivered");
    const { items } = await scene.get<{ items: { fate: string; summary: string }[] }>("/api/v1/messages?fate=failed");
    expect(items).toHaveLength(3);
    expect(items.every(({ summary }) => summary === "[erased]")).toBe(true);
    expect(scene.mails()).toEqual([]);
  });

  test("an erased message cannot be replayed, and what was asked of replays is forgotten too", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => refused("InvalidDestination"));
    const id = await scene.say(mira);
    await scene.untilFate(id, "failed");
    await replay(scene, { filter: { recipient: mira }, to: "self", dryRun: true });
    const { id: ours } = await scene.find(id);
    expect((await ask(scene, "POST", "/api/v1/erasures", { recipient: mira })).answer).toMatchObject({ replays: 1 });
    const ended = await replay(scene, { ids: [ours], to: "channel:chat" });
    expect(ended).toMatchObject({ failed: 1, because: { "its content was removed by retention or an erasure": 1 } });
    expect(JSON.stringify(await scene.get("/api/v1/replays"))).not.toContain(mira);
  });

  test("an erasure in one integration leaves the others alone", async () => {
    const { database } = await openStore(engine);
    await save(database, arrivalOf(mira), arrivalOf(mira, { integration: "other", integrationId: "id-of-other" }));
    await indexAll(database);
    const erased = await eraseRecipient(database, { recipient: mira, integrations: ["id-of-other"] }, deps);
    expect(erased).toMatchObject({ messages: 1 });
    const again = await until(() => eraseRecipient(database, { recipient: mira }, deps));
    expect(again).toMatchObject({ messages: 1 });
  });
});
