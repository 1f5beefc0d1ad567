import { planArrival } from "../../src/webhook/arrival";
import { outboundBody } from "../helpers/webhook";

const integration = { name: "harborline-chat", id: "i-1", signatureSecrets: [], channel: "chat" };

const receivedAt = Date.now();

function plan(parsed: Record<string, unknown>, to: Parameters<typeof planArrival>[2] = integration) {
  let count = 0;
  const body = Buffer.from(JSON.stringify(parsed));
  return planArrival(parsed, { body, headers: {}, receivedAt }, to, () => `id-${++count}`);
}

test("content of which the customer will see nothing is named in the ledger, once and no longer than a line", () => {
  const unknown = ["Hologram", "Hologram", "x".repeat(500)].map((contentType) => ({ contentType, scene: 1 }));
  const content = [...unknown, { contentType: "QuickReply", quickReply: { text: "Yes", payload: "yes" } }];
  const { ledger } = plan({ ...outboundBody("text-agent", "mira"), type: "Structured", text: "Look", content });
  expect(ledger).toMatchObject([
    { event: "message.stored", detail: { unknownElements: ["Hologram", "x".repeat(100)] } },
  ]);
  expect(plan(outboundBody("structured-card", "mira")).ledger[0]?.detail).toBeUndefined();
  expect(plan(outboundBody("text-agent", "mira")).ledger[0]?.detail).toBeUndefined();
});

test.each(["receipt-published", "event-presence-disconnect"])("%s is delivered only where all is handed on", (name) => {
  const body = outboundBody(name, "mira");
  expect(plan(body)).toMatchObject({ fate: "noted" });
  expect(plan(body)).not.toHaveProperty("delivery");
  const handedOn = plan(body, { ...integration, forwards: true });
  expect(handedOn).toMatchObject({ fate: "open", delivery: { channel: "chat", lane: expect.any(String) } });
  expect(handedOn.tasks).toEqual(plan(body).tasks);
});
