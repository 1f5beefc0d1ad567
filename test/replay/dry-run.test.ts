import { createHash } from "node:crypto";
import { Client } from "pg";
import { readFileSync } from "node:fs";
import { delivered, refused } from "../helpers/adapter";
import { startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { outboundBody } from "../helpers/webhook";
import { openOperation } from "./commands";
import { replay } from "./scenes";

interface Compared {
  total: number;
  differing: number;
  differences: Record<string, number>;
  messages: { messageId: string; changes: { what: string; was: string | null; now: string | null }[] }[];
}

const everything = ["replay", "--since", "2020-01-01T00:00:00Z", "--dry-run"];

/** Delivers one of each of these kinds, and one message that cannot be delivered and is to be told by a notice. */
async function fill(operation: Awaited<ReturnType<typeof openOperation>>): Promise<void> {
  operation.adapter.respond(({ message }) =>
    message.recipient.id === "lost" ? refused("InvalidDestination") : delivered(),
  );
  for (const fixture of [
    "text-agent",
    "structured-quick-replies",
    "attachment-image",
    "event-typing",
    "receipt-failed",
  ]) {
    await operation.post(JSON.stringify(outboundBody(fixture, "mira@harborline.example")));
  }
  await operation.post(JSON.stringify(outboundBody("text-agent", "lost")));
  await until(
    () => operation.get<{ items: { fate: string; notice: unknown }[] }>("/messages"),
    ({ items }) => items.length === 6 && items.every(({ fate, notice }) => fate !== "open" || notice !== null),
  );
}

describe.each([...engines])("on %s", (engine) => {
  test("nothing differs under the same code and settings; a changed setting shows, and nothing else", async () => {
    const operation = await openOperation(engine, {
      fallback: { missed: { graceSeconds: 0, steps: [{ channel: "email" }] } },
    });
    await operation.serve();
    await fill(operation);
    await until(
      () => operation.get<{ items: { fate: string }[] }>("/messages"),
      ({ items }) => items.every(({ fate }) => fate !== "open"),
    );

    expect(await operation.runJson<Compared>(...everything)).toMatchObject({ total: 6, differing: 0, messages: [] });

    operation.configure({
      fallback: { missed: { graceSeconds: 0, never: ["InvalidDestination"], steps: [{ channel: "email" }] } },
    });
    const policy = await operation.runJson<Compared>(...everything);
    expect(policy.differences).toEqual({ notice: 1 });
    expect(policy.messages[0]?.changes).toEqual([{ what: "notice", was: "missed", now: null }]);

    const chat = { type: "http", url: operation.adapter.url, secret: "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH" };
    const email = { type: "email", smtp: "smtp://127.0.0.1:9", from: "chat@harborline.example" };
    operation.configure({
      fallback: { missed: { graceSeconds: 0, steps: [{ channel: "email" }] } },
      channels: { chat: { ...chat, accepts: { kinds: ["text", "media"] } }, email },
    });
    const narrowed = await operation.runJson<Compared>(...everything);
    expect(narrowed.differences).toEqual({ parts: 1 });
    const { out } = await operation.run(...everything);
    expect(out).toContain("parts\n    - structured:");
    expect(out).toContain("1 of 6 messages would differ today; nothing was sent.");
  });

  test("a dry run sends nothing, and writes nothing but its own record", async () => {
    const scene = await startScene(engine, { fallback: {} });
    scene.adapter.respond(() => delivered());
    for (const to of ["visitor-1", "visitor-2"]) await scene.say(to);
    await scene.settle();
    const tables = [
      "captures",
      "messages",
      "deliveries",
      "attempts",
      "ledger",
      "tasks",
      "receipts",
      "notices",
      "callbacks",
    ];
    const dump = () =>
      scene.read(async (db) => {
        const rows = await Promise.all(
          tables.map((table) =>
            db
              .selectFrom(table as "messages")
              .selectAll()
              .execute(),
          ),
        );
        return createHash("sha256").update(JSON.stringify(rows)).digest("hex");
      });
    const before = { store: await dump(), calls: scene.adapter.calls.length, genesys: scene.genesys.requests.length };

    const compared = await replay(scene, { filter: {}, to: "self", dryRun: true });
    await scene.settle();

    expect(compared).toMatchObject({ state: "done", total: 2, done: 2, differing: 0, examples: [] });
    const after = { store: await dump(), calls: scene.adapter.calls.length, genesys: scene.genesys.requests.length };
    expect(after).toEqual(before);
    expect(scene.mails()).toEqual([]);
  });

  test("the command compares beside a running bridge without writing a byte", async () => {
    const operation = await openOperation(engine);
    await operation.serve();
    await fill(operation);
    await operation.stop();
    const { location } = operation;
    const image = async () => {
      if (location.kind === "sqlite") return readFileSync(location.file).toString("base64");
      const client = new Client({ connectionString: location.url });
      await client.connect();
      const { rows } = await client.query(
        "select sum(n_tup_ins + n_tup_upd + n_tup_del) as writes from pg_stat_user_tables",
      );
      await client.end();
      return String(rows[0]?.writes);
    };
    const before = await image();
    expect(await operation.runJson<Compared>(...everything)).toMatchObject({ total: 6, differing: 0 });
    expect(await image()).toBe(before);
  });
});
