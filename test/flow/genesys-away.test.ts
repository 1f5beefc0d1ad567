/** A Genesys Cloud that cannot be logged in to: said at the start, and no message waits for it. */
import { engines } from "../helpers/stores";
import { startScene } from "../helpers/bridge";
import { until } from "../helpers/until";

const accepting = { chat: { confirms: "accepted" }, integration: { acceptedCountsAsDelivered: true } };

describe.each(engines)("on %s", (engine) => {
  test("wrong credentials are named at the start, ingest goes on, and the receipts follow once they are right", async () => {
    const scene = await startScene(engine, { ...accepting, logLevel: "info" });
    scene.genesys.clients.set("client-a", "another-secret");
    scene.logged.length = 0;
    await scene.restart();

    const line = await until(() => scene.logged.find((one) => one.includes("genesys.doubted")));
    expect(JSON.parse(line ?? "")).toMatchObject({
      level: "error",
      organisation: "main",
      code: "invalid_client",
      httpStatus: 400,
      warning: expect.stringContaining("the OAuth client client-a is refused"),
    });
    expect(scene.logged.join()).not.toContain("secret-a");

    const id = await scene.say("crew-7781");
    await scene.untilFate(id, "accepted");
    expect(scene.receipts()).toEqual([]);

    scene.genesys.clients.set("client-a", "secret-a");
    await until(() => {
      scene.clock.advance(1000);
      return scene.receipts().length === 1;
    });
    expect(scene.receipts()[0]?.body).toMatchObject({ id, status: "Delivered" });
  });

  test("calls to Genesys Cloud are counted by what was asked and how it ended", async () => {
    const scene = await startScene(engine, accepting);
    await scene.untilFate(await scene.say("crew-7781"), "accepted");
    await until(() => scene.receipts().length === 1);
    await scene.settle();
    const { text } = await scene.call("GET", "/metrics", { authorization: "Bearer test-admin-token" });
    expect(text).toContain('omb_genesys_calls_total{organisation="main",operation="receipts.send",result="done"} 1');
    expect(text).toMatch(/omb_genesys_call_seconds_count\{organisation="main",priority="deliveredReceipt"\} 1/);
  });
});
