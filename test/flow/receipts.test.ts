import { delivered, refused } from "../helpers/adapter";
import { integrationId, type Scene, startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import type { Reply } from "../genesys/genesys-server";

/** Answers the receipts one after the other, and the last answer for all that follow. */
function answerReceipts(scene: Scene, ...replies: Reply[]): void {
  scene.genesys.onRequest = () => (replies.length > 1 ? replies.shift() : replies[0]) ?? { status: 200, body: {} };
}

const receiptOf = async (scene: Scene, id: string) => (await scene.find(id)).receipt;
const untilState = (scene: Scene, id: string, state: string) =>
  until(
    () => receiptOf(scene, id),
    (receipt) => receipt?.state === state,
  );

describe.each(engines)("on %s", (engine) => {
  test("a receipt names the integration, the message, the customer and the time", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    const id = await scene.say("+436641234567", { channel: channelTo("+436641234567", "Phone") });
    await untilState(scene, id, "sent");
    expect(scene.receipts()).toEqual([
      {
        path: `/api/v2/conversations/messages/${integrationId}/inbound/open/receipt`,
        body: {
          id,
          channel: {
            to: { id: "+436641234567", idType: "Phone" },
            time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          },
          status: "Delivered",
          isFinalReceipt: true,
        },
      },
    ]);
    expect((await scene.find(id)).timeline.map((line) => line.event)).toContain("receipt.sent");
  });

  test.each([
    ["all", ["Delivered", "Failed"]],
    ["failures", ["Failed"]],
    ["none", []],
  ])("with receipts set to %s, these are sent: %j", async (receipts, expected) => {
    const scene = await startScene(engine, { integration: { receipts } });
    scene.adapter.respond(({ message }) => (message.recipient.id === "mira" ? delivered() : refused("GeneralError")));
    await scene.untilFate(await scene.say("mira"), "delivered");
    await scene.untilFate(await scene.say("noor"), "failed");
    await scene.settle();
    expect(
      scene
        .receipts()
        .map(({ body }) => body.status)
        .sort(),
    ).toEqual(expected);
  });

  test("a wait that Genesys Cloud asks for is kept to, to the second", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => refused("GeneralError"));
    const asked: number[] = [];
    scene.genesys.onRequest = () => {
      asked.push(scene.clock.now());
      return asked.length === 1
        ? { status: 429, headers: { "retry-after": "1" }, body: {} }
        : { status: 200, body: {} };
    };
    const id = await scene.say("mira");
    await untilState(scene, id, "sent");
    expect(asked).toHaveLength(2);
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(1000);
  });

  test("while Genesys Cloud is out of order a receipt waits, and goes out once after it is mended", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    answerReceipts(scene, { status: 503, body: {} }, { status: 500, body: {} }, { status: 200, body: {} });
    const id = await scene.say("mira");
    await until(() => scene.receipts().length === 1);
    expect(await receiptOf(scene, id)).toMatchObject({ state: "queued" });
    await until(async () => {
      scene.clock.advance(1000);
      return (await receiptOf(scene, id))?.state === "sent";
    });
    await scene.settle();
    expect(scene.receipts()).toHaveLength(3);
  });

  test("a token that Genesys Cloud no longer takes is renewed, and nothing is lost", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    await untilState(scene, await scene.say("mira"), "sent");
    scene.genesys.revokeTokens();
    await untilState(scene, await scene.say("mira"), "sent");
    expect(scene.genesys.logins).toHaveLength(2);
  });

  test("wrong credentials hold up receipts, never messages", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => refused("GeneralError"));
    // The bridge may have logged in when it started: what it holds is worth nothing any more.
    scene.genesys.clients.clear();
    scene.genesys.revokeTokens();
    const logins = scene.genesys.logins.length;
    const id = await scene.say("mira");
    await scene.untilFate(id, "failed");
    await until(() => scene.genesys.logins.length > logins);
    expect(await receiptOf(scene, id)).toMatchObject({ state: "queued" });
    scene.genesys.clients.set("client-a", "secret-a");
    await until(async () => {
      scene.clock.advance(10_000);
      return (await receiptOf(scene, id))?.state === "sent";
    });
    // The try with the worthless token is among them.
    expect(new Set(scene.receipts().map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  test("a receipt that Genesys Cloud refuses is not sent again, and the ledger says what it was told", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    answerReceipts(scene, { status: 400, body: { code: "bad.request", message: "no such message", status: 400 } });
    const id = await scene.say("mira");
    expect(await untilState(scene, id, "refused")).toMatchObject({ answer: expect.stringContaining("HTTP 400") });
    await scene.settle();
    expect(scene.receipts()).toHaveLength(1);
    const last = (await scene.find(id)).timeline.at(-1);
    expect(last).toMatchObject({ event: "receipt.refused", detail: { status: "Delivered" } });
    expect((await scene.find(id)).fate).toBe("delivered");
  });

  test("a Delivered receipt that waited longer than ten minutes is skipped, a Failed one never", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(({ message }) => (message.recipient.id === "mira" ? delivered() : refused("GeneralError")));
    answerReceipts(scene, { status: 503, body: {} });
    const [arrived, failed] = [await scene.say("mira"), await scene.say("noor")];
    await until(() => scene.receipts().length === 2);
    await scene.settleUnderWay();
    answerReceipts(scene, { status: 200, body: {} });
    scene.clock.advance(601_000);
    expect(await untilState(scene, arrived, "skipped")).toMatchObject({ status: "Delivered" });
    expect(await untilState(scene, failed, "sent")).toMatchObject({ status: "Failed" });
  });

  test("a message without Genesys Cloud's id is delivered, and no receipt is tried", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    const answer = await scene.post({ type: "Text", text: "Hello", channel: { to: { id: "mira" } } });
    await scene.untilFate(JSON.parse(answer.text).id, "delivered");
    await scene.settle();
    expect(scene.genesys.requests).toEqual([]);
  });
});

function channelTo(id: string, idType: string) {
  return { id: integrationId, platform: "Open", type: "Private", to: { id, idType }, time: new Date().toISOString() };
}
