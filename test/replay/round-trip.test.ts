import { HmacSHA256, enc, lib } from "crypto-js";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answerWith, startLocalServer } from "../channels/local-server";
import { type Delivered, delivered, refused } from "../helpers/adapter";
import { signatureSecret } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { type Body, outboundBody } from "../helpers/webhook";
import { openOperation, type Operation } from "./commands";

const fixtures = readdirSync(join(__dirname, "../fixtures/open-messaging/outbound")).map((file) =>
  file.replace(/\.json$/, ""),
);

/** What becomes of a message depends on whom it is to. */
function respond({ message }: Delivered) {
  const [outcome] = message.recipient.id.split("-");
  if (outcome === "closed") return refused("RecipientOptedOut");
  if (outcome === "lost") return refused("InvalidDestination");
  return delivered();
}

const outcomes = ["open-1", "closed-2", "open-3", "lost-4"];

/** One body of every kind, to customers who can be reached and who cannot, written in ways that parsing would not keep. */
function makeBodies(): Buffer[] {
  return fixtures.map((fixture, index) => {
    const body = outboundBody(fixture, outcomes[index % outcomes.length] ?? "");
    return Buffer.from(JSON.stringify(body, null, index % 3).replaceAll("é", "\\u00e9"));
  });
}

interface Item {
  id: string;
  genesysMessageId: string;
  fate: string;
  reason: unknown;
  kind: string;
}

async function untilSettled(operation: Operation): Promise<Item[]> {
  const { items } = await until(
    () => operation.get<{ items: Item[] }>("/messages?limit=1000"),
    ({ items: all }) => all.every(({ fate }) => fate !== "open"),
    20_000,
  );
  return items;
}

describe.each([...engines])("from %s", (engine) => {
  test("an export, imported elsewhere and replayed to itself, means and becomes the same", async () => {
    const noGrace = {
      fallback: { missed: { graceSeconds: 0, never: ["RecipientOptedOut"], steps: [{ channel: "email" }] } },
    };
    const from = await openOperation(engine, noGrace);
    const to = await openOperation(engine === "sqlite" ? "postgres" : "sqlite", noGrace);
    const hook = await startLocalServer(answerWith(200));
    atEnd(hook.stop);
    for (const one of [from, to]) {
      one.adapter.respond(respond);
      await one.serve();
    }
    const bodies = makeBodies();
    for (const body of bodies) expect(await from.post(body)).toBe(200);
    const originals = await untilSettled(from);
    expect(new Set(originals.map(({ fate }) => fate))).toEqual(
      new Set(["delivered", "noted", "failed", "unreachable"]),
    );

    const file = join(from.directory, "captures.ndjson");
    expect(await from.run("captures", "export", file, "--since", "2020-01-01T00:00:00Z")).toMatchObject({ code: 0 });
    expect(await to.run("captures", "import", file)).toMatchObject({ code: 0 });
    const again = await to.runJson("captures", "import", file);
    expect(again).toEqual({ stored: 0, known: bodies.length, refused: [] });
    const imported = await untilSettled(to);
    expect(imported.map(({ fate }) => fate)).toEqual(imported.map(() => "noted"));

    const ran = await to.run("replay", "--since", "2020-01-01T00:00:00Z", "--to", "self", "--yes");
    expect(ran).toMatchObject({ code: 0, out: expect.stringContaining(`${bodies.length} sent, 0 failed`) });
    const all = await untilSettled(to);
    const replayed = all.slice(0, bodies.length);

    const meaningOf = async (operation: Operation, { id }: Item) => {
      const { message, ...shown } = await operation.get<Body & { message: Body }>(`/messages/${id}`);
      return { fate: shown.fate, reason: shown.reason, message: { ...message, id: "" } };
    };
    for (const [index, original] of originals.entries()) {
      const copy = replayed[index];
      expect(copy?.genesysMessageId).toBe(original.genesysMessageId);
      expect(await meaningOf(to, copy ?? original)).toEqual(await meaningOf(from, original));
    }

    // Byte for byte, signed so that another implementation agrees.
    await to.run("replay", ...replayed.map(({ id }) => id), "--to", hook.url);
    expect(hook.received).toHaveLength(bodies.length);
    const sent = hook.received.map(({ body }) => body.toString("latin1")).sort();
    expect(sent).toEqual(bodies.map((body) => body.toString("latin1")).sort());
    for (const { body, headers } of hook.received) {
      const mac = HmacSHA256(lib.WordArray.create(body as unknown as number[]), signatureSecret);
      expect(headers["x-hub-signature-256"]).toBe(`sha256=${enc.Base64.stringify(mac)}`);
    }
    expect(await to.run("audit")).toMatchObject({ code: 0 });
  }, 60_000);

  test("a file that is cut, edited or newer is told by line, and the rest goes on", async () => {
    const operation = await openOperation(engine);
    await operation.serve();
    const [one, two, three] = makeBodies();
    for (const body of [one, two, three]) if (body) await operation.post(body);
    const file = join(operation.directory, "captures.ndjson");
    await operation.run("captures", "export", file);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    const [first = "", second = "", third = ""] = lines;
    const edited = JSON.stringify({ ...JSON.parse(second), bodyBase64: Buffer.from("{}").toString("base64") });
    const newer = JSON.stringify({ ...JSON.parse(third), version: 9 });
    const elsewhere = JSON.stringify({ ...JSON.parse(third), integration: "gone" });
    writeFileSync(file, [first, edited, newer, elsewhere, "", third.slice(0, -30)].join("\n"));

    const ran = await operation.run("captures", "import", file);

    expect(ran.code).toBe(1);
    expect(ran.out).toContain("1 webhooks kept, 4 could not be taken");
    expect(ran.err).toMatch(/line 2: .*sha256/);
    expect(ran.err).toMatch(/line 3: .*newer/);
    expect(ran.err).toMatch(/line 4: .*"gone"/);
    expect(ran.err).toMatch(/line 6: .*cut short/);
  });

  test("without a bridge a command works on the store itself, and bodies alone and folders of them are taken", async () => {
    const operation = await openOperation(engine);
    const bodies = makeBodies().slice(0, 4);
    const file = join(operation.directory, "bodies.ndjson");
    const asLines = bodies.map((body) => JSON.stringify(JSON.parse(body.toString())));
    writeFileSync(file, `${asLines.join("\n")}\n`);
    expect(await operation.runJson("captures", "import", file)).toMatchObject({ stored: 4, refused: [] });
    const folder = join(__dirname, "../fixtures/open-messaging/outbound");
    const result = await operation.runJson<{ stored: number }>("captures", "import", folder);
    expect(result.stored).toBe(fixtures.length);

    const ran = await operation.run("replay", "--kind", "text", "--to", "self", "--yes");
    expect(ran).toMatchObject({ code: 0, err: expect.stringContaining("delivered when") });
    operation.adapter.respond(() => delivered());
    await operation.serve();
    const texts = await until(
      () => operation.get<{ items: Item[] }>("/messages?kind=text&fate=delivered"),
      ({ items }) => items.length > 0,
    );
    expect(texts.items.length).toBeGreaterThan(0);
  });

  test("what reaches customers is not sent where nobody can be asked, unless --yes says so", async () => {
    const operation = await openOperation(engine);
    await operation.serve();
    await operation.post(makeBodies()[0] ?? "");
    const ran = await operation.run("replay", "--since", "2020-01-01T00:00:00Z", "--to", "self");
    expect(ran).toMatchObject({ code: 2, err: expect.stringContaining("--yes") });
    expect(await operation.get("/replays")).toEqual({ items: [] });
    expect(await operation.run("replay", "--to", "self")).toMatchObject({ code: 2 });
    expect(await operation.run("replay", "--since", "2020-01-01T00:00:00Z")).toMatchObject({ code: 2 });
  });
});
