import { startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { delivered } from "../helpers/adapter";
import { until } from "../helpers/until";

describe.each(engines)("on %s", (engine) => {
  test("a text travels from the webhook to the adapter, and Genesys Cloud hears that it was delivered", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered("provider-1"));
    const id = await scene.say("mira@harborline.example");

    const found = await scene.untilFate(id, "delivered");
    expect(found.delivery).toEqual({
      channel: "chat",
      status: "delivered",
      attempts: 1,
      providerMessageId: "provider-1",
    });
    const [receipt] = await until(scene.receipts, (all) => all.length === 1);
    expect(receipt?.body).toMatchObject({ id, status: "Delivered", isFinalReceipt: true });
  });
});
