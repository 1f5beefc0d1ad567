import { createHash } from "node:crypto";
import { accepted, delivered, refused } from "../helpers/adapter";
import { atEnd } from "../helpers/clean-up";
import { signatureSecret, startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { sign } from "../helpers/webhook";
import { answerWith, startLocalServer } from "../channels/local-server";
import { ask, listItems, replay, startReplay, untilEnded } from "./scenes";

describe.each([...engines])("on %s", (engine) => {
  test("a message replayed to the bridge itself is stored again, marked, and has a fate of its own", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    const first = await scene.say("mira@harborline.example");
    const original = await scene.untilFate(first, "delivered");

    const ended = await replay(scene, { ids: [original.id], to: "self", reason: "to look at it again", by: "ops" });

    expect(ended).toMatchObject({ state: "done", total: 1, done: 1, failed: 0, skipped: 0, by: "ops" });
    const [, copy] = await until(
      () => listItems(scene),
      (items) => items.length === 2 && items[1]?.fate === "delivered",
    );
    const again = await scene.find(copy?.id ?? "");
    expect(again.deliveries).toMatchObject([{ trigger: "replay", status: "delivered" }]);
    expect(again.timeline[0]).toMatchObject({
      event: "message.stored",
      detail: { replay: ended.id, replayOf: original.id },
    });
    const { timeline } = await scene.find(original.id);
    const line = { event: "replay.stored", detail: { replay: ended.id, as: again.id } };
    expect(timeline).toEqual(expect.arrayContaining([expect.objectContaining(line)]));
    // Genesys Cloud hears of a message once.
    await scene.settle();
    expect(scene.receipts()).toHaveLength(1);
    expect(again.receipt).toMatchObject({ status: "Delivered", state: "skipped" });
  });

  test("with deduplication kept, a replay to the bridge itself is a repeat", async () => {
    const scene = await startScene(engine);
    const id = await scene.say("mira@harborline.example");
    const ended = await replay(scene, { ids: [id], to: "self", keepDedup: true });
    expect(ended).toMatchObject({ state: "done", done: 0, skipped: 1, because: { "it is known already": 1 } });
    expect(await scene.find(id)).toMatchObject({ duplicates: 1 });
    expect(await listItems(scene)).toHaveLength(1);
  });

  test("a failed message replayed to its channel arrives after all, without a second receipt or notice", async () => {
    const scene = await startScene(engine, { fallback: {} });
    scene.adapter.respond(() => refused("InvalidDestination"));
    const id = await scene.say("mira@harborline.example");
    await scene.untilFate(id, "notified");
    await scene.settle();
    scene.adapter.respond(() => delivered());

    const ended = await replay(scene, { filter: { fate: "notified" }, to: "channel:chat" });

    expect(ended).toMatchObject({ done: 1 });
    const found = await scene.untilFate(id, "delivered");
    expect(found.deliveries).toMatchObject([
      { trigger: "first", status: "failed" },
      { trigger: "replay", status: "delivered" },
    ]);
    await scene.settle();
    expect(scene.mails()).toHaveLength(1);
    expect(scene.receipts().map(({ body }) => body.status)).toEqual(["Failed"]);
  });

  test("a replay that fails takes nothing away from a message that arrived", async () => {
    const scene = await startScene(engine, { chat: { confirms: "accepted" }, fallback: {} });
    scene.adapter.respond(() => accepted());
    const id = await scene.say("mira@harborline.example");
    await scene.untilFate(id, "accepted");
    scene.adapter.respond(() => refused("InvalidDestination"));

    await replay(scene, { ids: [id], to: "channel:chat" });

    const found = await until(
      () => scene.find(id),
      ({ deliveries }) => deliveries[1]?.status === "failed",
    );
    expect(found).toMatchObject({ fate: "accepted", reason: null, notice: null });
    await scene.settle();
    expect(scene.receipts()).toEqual([]);
  });

  test("replays keep the order of each recipient", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    for (let n = 0; n < 30; n += 1) await scene.say(`visitor-${n % 3}`, { text: `message ${n}` });
    await scene.settle();
    const before = scene.adapter.deliveries().length;

    await replay(scene, { filter: {}, to: "self" });
    await until(() => scene.adapter.deliveries().length === before + 30);

    for (const who of ["visitor-0", "visitor-1", "visitor-2"]) {
      const again = scene.adapter
        .deliveries()
        .slice(before)
        .filter(({ body }) => body.message.recipient.id === who)
        .map(({ body }) => Number(body.message.text?.split(" ")[1]));
      expect(again).toEqual([...again].sort((a, b) => a - b));
      expect(again).toHaveLength(10);
    }
  });

  test("a URL gets the body byte for byte under the current secret, and in order", async () => {
    const scene = await startScene(engine);
    const hook = await startLocalServer(answerWith(200));
    atEnd(hook.stop);
    const bodies = ["one", "two", "three"].map((text) =>
      Buffer.from(
        `{ "id":"${text}",  "type": "Text","text":"${text} \\u03a3 é",\n"channel":{"to":{"id":"visitor-1"}}}`,
      ),
    );
    for (const body of bodies) expect((await scene.post(body)).status).toBe(200);

    const ended = await replay(scene, { filter: {}, to: hook.url });

    expect(ended).toMatchObject({ state: "done", done: 3 });
    const digest = (body: Buffer) => createHash("sha256").update(body).digest("hex");
    expect(hook.received.map(({ body }) => digest(body))).toEqual(bodies.map(digest));
    for (const { body, headers } of hook.received) {
      expect(headers["x-hub-signature-256"]).toBe(sign(body, signatureSecret));
    }
    const found = await scene.find("two");
    const line = { event: "replay.sent", detail: { replay: ended.id, answer: "HTTP 200" } };
    expect(found.timeline).toEqual(expect.arrayContaining([expect.objectContaining(line)]));
  });

  test("on request a URL gets the signature that the body came with", async () => {
    const scene = await startScene(engine);
    const hook = await startLocalServer(answerWith(200));
    atEnd(hook.stop);
    const id = await scene.say("mira@harborline.example");
    const other = "another-secret-0002";
    await scene.restart({ integration: { signatureSecrets: [other, signatureSecret] } });

    await replay(scene, { ids: [id], to: hook.url });
    await replay(scene, { ids: [id], to: hook.url, signature: "original" });

    const [fresh, original] = hook.received;
    expect(fresh?.headers["x-hub-signature-256"]).toBe(sign(fresh?.body ?? "", other));
    expect(original?.headers["x-hub-signature-256"]).toBe(sign(original?.body ?? "", signatureSecret));
  });

  test("a target that answers 500 stops the replay, which goes on when it is resumed", async () => {
    const scene = await startScene(engine);
    let status = 500;
    const hook = await startLocalServer((response, received, request) =>
      answerWith(status)(response, received, request),
    );
    atEnd(hook.stop);
    for (let n = 0; n < 150; n += 1) await scene.say(`visitor-${n}`);

    const id = await startReplay(scene, { filter: {}, to: hook.url });
    const stopped = await untilEnded(scene, id, 15_000);
    expect(stopped).toMatchObject({ state: "stopped", because: { "HTTP 500": stopped.failed } });
    expect(stopped.failed).toBeGreaterThanOrEqual(20);
    expect(stopped.problem).toContain("in a row");

    status = 200;
    expect((await ask(scene, "POST", `/api/v1/replays/${id}/resume`)).status).toBe(200);
    const ended = await untilEnded(scene, id);
    expect(ended).toMatchObject({ state: "done", problem: null });
    expect(ended.done + ended.failed).toBe(150);
  });

  test("a replay into an integration that is gone says so of every message", async () => {
    const scene = await startScene(engine);
    const id = await scene.say("mira@harborline.example");
    await scene.settle();
    await scene.restart({ integration: { name: "harborline-new", id: "11111111-2222-3333-4444-555555555555" } });

    const because = { "its integration is not configured any more": 1 };
    expect(await replay(scene, { ids: [id], to: "self" })).toMatchObject({ state: "done", failed: 1, because });
    expect(await replay(scene, { ids: [id], to: "http://127.0.0.1:9/" })).toMatchObject({ failed: 1, because });
    const { timeline } = await scene.find(id);
    expect(timeline.at(-1)).toMatchObject({ event: "replay.failed" });
  });

  test("a replay is paused, resumed and cancelled, and an ended one cannot be", async () => {
    const scene = await startScene(engine);
    for (let n = 0; n < 5; n += 1) await scene.say("mira@harborline.example");
    const id = await startReplay(scene, { filter: {}, to: "self", rate: 0.5 });
    const { answer } = await ask(scene, "POST", `/api/v1/replays/${id}/pause`);
    expect(answer).toMatchObject({ state: "paused" });
    expect(answer.done).toBeLessThan(5);
    expect((await ask(scene, "POST", `/api/v1/replays/${id}/resume`)).answer).toMatchObject({ state: "running" });
    expect((await ask(scene, "POST", `/api/v1/replays/${id}/cancel`)).answer).toMatchObject({ state: "cancelled" });
    expect((await ask(scene, "POST", `/api/v1/replays/${id}/resume`)).status).toBe(409);
    expect((await ask(scene, "POST", "/api/v1/replays/nothing/pause")).status).toBe(404);
  });

  test("what cannot be replayed is refused, naming the field", async () => {
    const scene = await startScene(engine);
    const refusals: [object, number, string][] = [
      [{ to: "self" }, 400, "filter"],
      [{ ids: ["nothing"], to: "self" }, 404, "ids"],
      [{ filter: {}, to: "channel:pigeon" }, 400, "to"],
      [{ filter: {}, to: "ftp://somewhere" }, 400, "to"],
      [{ filter: { colour: "red" }, to: "self" }, 400, "colour"],
      [{ filter: { since: "yesterday" }, to: "self" }, 400, "filter.since"],
      [{ filter: {}, to: "self", rate: 0 }, 400, "rate"],
      [{ filter: {}, to: "self", rate: 1, originalSpacing: true }, 400, "rate"],
    ];
    for (const [wanted, status, field] of refusals) {
      const answered = await ask(scene, "POST", "/api/v1/replays", wanted);
      expect([wanted, answered.status, answered.answer.error.field]).toEqual([wanted, status, field]);
    }
    expect(await scene.get("/api/v1/replays")).toEqual({ items: [] });
  });
});
