import { parseCall } from "../../src/message/inbound";
import { planInbound } from "../../src/webhook/inbound";

const from = { id: "mira", idType: "Email" };
const integration = { name: "harborline-chat", id: "i-1", organisation: "main" };

function plan(
  kind: string,
  parsed: Record<string, unknown>,
  to: typeof integration | { name: string; id: string } = integration,
) {
  const call = parseCall(kind, parsed);
  if (call === undefined) throw new Error("not a request of an adapter");
  let count = 0;
  const body = Buffer.from(JSON.stringify(parsed));
  const request = { channel: "chat", webhookId: "w-1", call, parsed, body, headers: {}, receivedAt: 1000 };
  return planInbound(request, to, () => `id-${++count}`);
}
const text = { integration: "harborline-chat", messageId: "1", from, text: "hello" };

test("a message goes into the organisation in the customer's own lane", () => {
  expect(plan("text", text)).toMatchObject({
    id: "id-1",
    direction: "inbound",
    fate: "open",
    source: "chat",
    showsPresence: true,
    recipientId: "mira",
    delivery: { id: "id-2", channel: "genesys:main", lane: '["inbound","harborline-chat","mira"]' },
  });
});

test("without an organisation a message is kept, fails with a reason, and its adapter is to be told", () => {
  const arrival = plan("text", text, { name: "harborline-chat", id: "i-1" });
  expect(arrival).toMatchObject({
    fate: "failed",
    reason: { code: "GeneralError", message: expect.stringContaining("no organisation") },
    tasks: [{ key: "failure:id-1", queue: "failures:chat", dueAt: 1000, detail: { messageId: "id-1", at: 1000 } }],
    ledger: [{ event: "message.stored" }, { event: "delivery.failed" }],
  });
  expect(arrival).not.toHaveProperty("delivery");
});

test("typing is due at once, for as long as it is worth showing, and only where there is somebody to show it", () => {
  const typing = { integration: "harborline-chat", from, type: "typing" };
  expect(plan("typing", typing)).toMatchObject({
    fate: "noted",
    tasks: [{ queue: "typing:genesys:main", dueAt: 1000, detail: { staleAt: 6000 } }],
  });
  expect(plan("typing", typing, { name: "a", id: "b" })).not.toHaveProperty("tasks");
});

test("only one who is there to read shows presence", () => {
  const event = (type: string) => plan("event", { integration: "harborline-chat", from, type });
  expect(event("online").showsPresence).toBe(true);
  expect(event("offline")).not.toHaveProperty("showsPresence");
  expect(plan("text", text, { name: "a", id: "b" }).showsPresence).toBe(true);
});
