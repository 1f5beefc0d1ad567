import { readFileSync } from "node:fs";
import { request } from "undici";
import { Webhook } from "standardwebhooks";
import { createAdapterForwarder, createWebhookForwarder, type StreamedCapture } from "../../src/app/forward";
import { readEvents } from "../../src/cli/running";
import { loadConfig } from "../../src/config";
import { createFollower } from "../../src/store/stream";
import { answerWith, startLocalServer } from "../channels/local-server";
import { delivered } from "../helpers/adapter";
import { adminToken, chatSecret, signatureSecret, startScene } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { outboundBody, sign } from "../helpers/webhook";
import { openOperation } from "./commands";

/** Collects the events of a stream until the test ends. */
async function listenTo(url: string, headers: Record<string, string> = {}) {
  const stopping = new AbortController();
  atEnd(() => stopping.abort());
  const { statusCode, body } = await request(url, {
    headers: { authorization: `Bearer ${adminToken}`, ...headers },
    signal: stopping.signal,
  });
  const events: { id: string; event: string; data: Record<string, unknown> }[] = [];
  const read = async () => {
    for await (const event of readEvents(body)) events.push(event as (typeof events)[number]);
  };
  const ended = read().catch(() => undefined);
  return { statusCode, events, ended };
}

describe.each([...engines])("on %s", (engine) => {
  test("the stream tells of a message when it comes and when its fate is known, and goes on where it ended", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    const { events } = await listenTo(scene.url("/api/v1/stream"));
    const id = await scene.say("mira@harborline.example");
    const found = await until(
      () => events.findLast(({ event }) => event === "message"),
      (last) => last?.data.fate === "delivered",
    );
    expect(found?.data).toMatchObject({ genesysMessageId: id, recipient: { id: "mira@harborline.example" } });
    const lines = events.filter(({ event }) => event === "ledger").map(({ data }) => data.event);
    expect(lines).toEqual(expect.arrayContaining(["message.stored", "delivery.sending", "delivery.delivered"]));
    expect(events.some(({ event }) => event === "capture")).toBe(false);

    await scene.settle();
    const resumed = await listenTo(scene.url("/api/v1/stream"), { "last-event-id": events[0]?.id ?? "" });
    const next = await scene.say("mira@harborline.example");
    await until(() => resumed.events.some(({ data }) => data.genesysMessageId === next));
    const ids = resumed.events.filter(({ event }) => event === "ledger").map((one) => Number(one.id));
    expect(Math.min(...ids)).toBe(Number(events[0]?.id) + 1);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("a stream ends with the bridge instead of holding it up", async () => {
    const scene = await startScene(engine);
    const { ended } = await listenTo(scene.url("/api/v1/stream"));
    const startedAt = Date.now();
    await scene.restart();
    await ended;
    expect(Date.now() - startedAt).toBeLessThan(5000);
  });

  test("who has no token cannot listen", async () => {
    const scene = await startScene(engine);
    expect((await scene.call("GET", "/api/v1/stream")).status).toBe(401);
    const { status } = await scene.call("GET", "/api/v1/stream?colour=red", { authorization: `Bearer ${adminToken}` });
    expect(status).toBe(400);
  });
});

describe("what comes in is passed on", () => {
  async function capture(): Promise<{
    capture: StreamedCapture;
    body: Buffer;
    config: Parameters<typeof createWebhookForwarder>[0];
  }> {
    const operation = await openOperation("sqlite");
    await operation.serve();
    const { events } = await listenTo(`${operation.url}/api/v1/stream?captures=1`);
    const body = Buffer.from(JSON.stringify(outboundBody("text-agent", "mira@harborline.example"), null, 3));
    expect(await operation.post(body)).toBe(200);
    const streamed = await until(() => events.find(({ event }) => event === "capture"));
    const loaded = loadConfig({
      env: operation.env,
      readFile: (path) => readFileSync(path, "utf8"),
    });
    if (!loaded.ok) throw new Error("the settings are refused");
    return { capture: streamed?.data as unknown as StreamedCapture, body, config: loaded.config };
  }

  test("as the webhook, byte for byte and signed", async () => {
    const hook = await startLocalServer(answerWith(200));
    atEnd(hook.stop);
    const { capture: streamed, body, config } = await capture();
    const forwarder = createWebhookForwarder(config, hook.url);
    atEnd(forwarder.close);
    expect(await forwarder.forward(streamed)).toEqual({ ok: true, answer: "HTTP 200" });
    expect(hook.received[0]?.body.equals(body)).toBe(true);
    expect(hook.received[0]?.headers["x-hub-signature-256"]).toBe(sign(body, signatureSecret));
  });

  test("as the bridge delivers it, signed with the channel's secret", async () => {
    const hook = await startLocalServer(answerWith(200));
    atEnd(hook.stop);
    const { capture: streamed, config } = await capture();
    const forwarder = createAdapterForwarder(config, hook.url, chatSecret);
    atEnd(forwarder.close);
    expect(await forwarder.forward(streamed)).toMatchObject({ ok: true });
    const [received] = hook.received;
    const verified = new Webhook(chatSecret).verify(received?.body ?? "", received?.headers as Record<string, string>);
    expect(verified).toMatchObject({ type: "message.outbound", message: { kind: "text" } });
    expect(await forwarder.forward({ ...streamed, kind: "typing" })).toBeUndefined();
  });

  test("a target that is not there is an answer, not an end", async () => {
    const { capture: streamed, config } = await capture();
    const forwarder = createWebhookForwarder(config, "http://127.0.0.1:9/");
    atEnd(forwarder.close);
    expect(await forwarder.forward(streamed)).toMatchObject({
      ok: false,
      answer: expect.stringContaining("no answer"),
    });
  });
});

describe("numbers that become visible out of order", () => {
  const lines = (...seqs: number[]) => seqs.map((seq) => ({ seq }));

  test("are told once each, the late one too", () => {
    const follower = createFollower(10);
    expect(follower.take(lines(11, 13), 0)).toEqual(lines(11, 13));
    expect(follower.after()).toBe(11);
    expect(follower.take(lines(12, 13, 14), 100)).toEqual(lines(12, 14));
    expect(follower.after()).toBe(14);
  });

  test("a gap that stays is passed after a while", () => {
    const follower = createFollower(10, 5000);
    follower.take(lines(12), 0);
    expect(follower.after()).toBe(10);
    expect(follower.take(lines(12), 6000)).toEqual([]);
    expect(follower.after()).toBe(12);
  });
});
