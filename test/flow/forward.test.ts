/** The bridge in front of a middleware that a team already has. */
import { answerWith, startLocalServer } from "../channels/local-server";
import { startScene } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { outboundBody } from "../helpers/webhook";

/** A scene whose one integration goes through `forward` to a middleware. */
async function startInFront(engine: (typeof engines)[number]) {
  const middleware = await startLocalServer();
  atEnd(() => middleware.stop());
  const retry = { maxAgeSeconds: 60, firstDelayMs: 5, maxDelayMs: 20 };
  const scene = await startScene(engine, {
    integration: { channel: "legacy" },
    fallback: {},
    channels: { legacy: { type: "forward", url: middleware.url, retry } },
  });
  return { scene, middleware };
}

test.each(engines)("on %s, everything that came goes on as it came, in the order of one customer", async (engine) => {
  const { scene, middleware } = await startInFront(engine);
  const receipt = outboundBody("receipt-published", "mira");
  const presence = outboundBody("text-agent", "mira", {
    type: "Event",
    text: undefined,
    events: [{ eventType: "Presence", presence: { type: "Disconnect" } }],
  });
  const bodies = [outboundBody("text-agent", "mira"), receipt, presence, outboundBody("text-agent", "mira")];
  for (const body of bodies) expect((await scene.post(body)).status).toBe(200);
  await until(() => middleware.received.length === bodies.length);
  expect(middleware.received.map(({ body }) => String(body))).toEqual(bodies.map((body) => JSON.stringify(body)));
  await scene.settle();
  const fates = [];
  for (const { id } of bodies) {
    const { fate, delivery } = await scene.find(String(id));
    fates.push([fate, delivery?.status]);
  }
  expect(fates).toEqual([
    ["accepted", "accepted"],
    ["accepted", "accepted"],
    ["accepted", "accepted"],
    ["accepted", "accepted"],
  ]);
});

test("what concerns nobody and cannot be handed on is told to nobody", async () => {
  const { scene, middleware } = await startInFront("sqlite");
  middleware.answer(answerWith(500));
  const id = await scene.say("mira", {}, "receipt-published");
  await until(() => middleware.received.length > 1);
  scene.clock.advance(120_000);
  await until(async () => (await scene.find(id)).delivery?.status === "failed");
  await scene.settle();
  expect(await scene.find(id)).toMatchObject({ fate: "failed", notice: null });
});
