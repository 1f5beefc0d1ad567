/** The example adapters, each in a process of its own, met by the bridge's HTTP channel and by a bridge that takes their receipts. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Channel } from "../../src/channels/channel";
import { createHttpChannel } from "../../src/channels/http";
import { verifyStandardWebhook } from "../../src/standard-webhooks";
import { deliveryOf, messageFields, retry, textMessage } from "./deliveries";
import { answerWith, startLocalServer, type LocalServer } from "./local-server";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const folder = path.join(__dirname, "../../config/examples");
const python = spawnSync("python3", ["--version"]).status === 0 ? [["Python", "python3", "adapter.py"]] : [];

describe.each([["TypeScript", process.execPath, "--import", "tsx", "adapter.ts"], ...python])(
  "the adapter in %s",
  (_, command = "", ...rest) => {
    let bridge: LocalServer;
    let adapter: ChildProcess;
    let url: string;
    let channel: Channel;

    beforeAll(async () => {
      bridge = await startLocalServer(answerWith(202));
      const env = {
        PATH: process.env.PATH,
        SECRET: secret,
        BRIDGE_URL: bridge.url,
        CHANNEL: "chat",
        PORT: "0",
        OFFLINE: "crew-0",
      };
      adapter = spawn(command, rest, { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
      if (!adapter.stdout) throw new Error("the adapter has no output");
      [url] = await once(createInterface({ input: adapter.stdout }), "line");
      channel = createOne(secret);
    });
    afterAll(async () => {
      await channel.close?.();
      adapter.kill();
      await once(adapter, "exit");
      await bridge.stop();
    });

    function createOne(withSecret: string, now = () => new Date()): Channel {
      return createHttpChannel(
        { name: "chat", url: `${url}/deliver`, secret: withSecret, confirms: "delivered", timeoutMs: 5_000, retry },
        { now },
      );
    }

    async function readOutbox(deliveryId: string): Promise<unknown[]> {
      const outbox = (await (await fetch(`${url}/outbox`)).json()) as { deliveryId: string }[];
      return outbox.filter((one) => one.deliveryId === deliveryId);
    }

    test("shows a message to its customer and reports it delivered", async () => {
      const delivery = deliveryOf(textMessage({ text: "Σας ευχαριστώ 🙏" }), { deliveryId: "one" });
      const receiptArrives = nextReceipt(bridge, "one");
      expect(await channel.send(delivery)).toMatchObject({ status: "accepted", providerMessageId: expect.any(String) });
      expect(await readOutbox("one")).toEqual([
        { deliveryId: "one", to: delivery.message.recipient.id, kind: "text", text: "Σας ευχαριστώ 🙏" },
      ]);

      const receipt = await receiptArrives;
      expect(receipt.path).toBe("/channels/chat/receipts");
      expect(JSON.parse(String(receipt.body))).toEqual({
        deliveryId: "one",
        status: "delivered",
        at: expect.any(String),
      });
      const verdict = verifyStandardWebhook({ secret, headers: receipt.headers, body: receipt.body, now: new Date() });
      expect(verdict).toMatchObject({ ok: true });
    });

    test("shows a repeat only once, and answers it as before", async () => {
      const delivery = deliveryOf(textMessage(), { deliveryId: "two" });
      const [first, second] = await Promise.all([channel.send(delivery), channel.send({ ...delivery, attempt: 2 })]);
      expect(second).toEqual(first);
      expect(await channel.send({ ...delivery, attempt: 3 })).toEqual(first);
      expect(await readOutbox("two")).toHaveLength(1);
    });

    test("repeats a receipt that the bridge did not take, under the same id", async () => {
      bridge.answer(answerWith(503));
      const refused = nextReceipt(bridge, "three");
      await channel.send(deliveryOf(textMessage(), { deliveryId: "three" }));
      const first = await refused;
      const taken = nextReceipt(bridge, "three");
      bridge.answer(answerWith(202));
      expect((await taken).headers["webhook-id"]).toBe(first.headers["webhook-id"]);
    });

    test("says for good that a customer is out of reach", async () => {
      const recipient = { id: "crew-0", idType: "Opaque" };
      const outcome = await channel.send(deliveryOf(textMessage({ recipient }), { deliveryId: "four" }));
      expect(outcome).toMatchObject({ status: "failed", retryable: false, reason: { code: "InvalidDestination" } });
    });

    test("takes a sign of typing and no notice", async () => {
      const typing = { kind: "typing" as const, ...messageFields(), typing: { type: "On", durationMs: 5_000 } };
      await channel.sendTyping?.(deliveryOf(typing, { deliveryId: "five" }));
      expect(await readOutbox("five")).toEqual([]);
      const notice = { to: "ines@example.org", subject: "s", text: "t" };
      expect(await channel.send(deliveryOf(textMessage(), { deliveryId: "six", notice }))).toMatchObject({
        retryable: false,
        reason: { code: "UnsupportedMessage" },
      });
    });

    test("believes neither another secret nor an old signature", async () => {
      const delivery = deliveryOf(textMessage(), { deliveryId: "seven" });
      const forger = createOne(`whsec_${Buffer.alloc(32, 8).toString("base64")}`);
      const late = createOne(secret, () => new Date(Date.now() - 301_000));
      for (const stranger of [forger, late]) {
        expect(await stranger.send(delivery)).toMatchObject({ status: "failed", answer: "HTTP 401" });
        await stranger.close?.();
      }
      expect(await readOutbox("seven")).toEqual([]);
    });

    test("survives a body nested 50,000 levels deep", async () => {
      const body = Buffer.from(`{"deep":${"[".repeat(50_000)}${"]".repeat(50_000)}}`);
      const deep = deliveryOf(textMessage(), { deliveryId: "eight", original: { body, headers: {} } });
      expect(["accepted", "failed"]).toContain((await channel.send(deep)).status);
      expect(await channel.send(deliveryOf(textMessage(), { deliveryId: "nine" }))).toMatchObject({
        status: "accepted",
      });
    });
  },
);

/** The next receipt for that delivery. */
async function nextReceipt(bridge: LocalServer, deliveryId: string) {
  const known = bridge.received.length;
  for (;;) {
    const receipt = bridge.received.slice(known).find(({ body }) => JSON.parse(String(body)).deliveryId === deliveryId);
    if (receipt) return receipt;
    await bridge.nextRequest();
  }
}
