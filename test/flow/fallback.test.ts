import { refused } from "../helpers/adapter";
import { startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";

const unreachable = () => refused("InvalidDestination", "nobody is online");

describe.each(engines)("on %s", (engine) => {
  test("messages that one customer missed are told in one e-mail, without what they said", async () => {
    const scene = await startScene(engine, { fallback: { graceSeconds: 60, returnUrl: "https://chat.example/" } });
    scene.adapter.respond(unreachable);
    const ids = [await scene.say("mira@harborline.example"), await scene.say("mira@harborline.example")];
    for (const id of ids) await scene.untilStatus(id, "failed");
    expect(scene.mails()).toEqual([]);

    scene.clock.advance(60_000);
    for (const id of ids) await scene.untilFate(id, "notified");
    await scene.settle();
    expect(scene.mails()).toHaveLength(1);
    const [mail] = scene.mails();
    expect(mail?.envelope.rcptTo.map((one) => one.address)).toEqual(["mira@harborline.example"]);
    const read = mail?.mail;
    expect(read?.subject).toMatch(/^You have 2 new messages from /);
    expect(read?.text).toContain("https://chat.example/");
    const { text } = (await scene.find(ids[0] ?? "")).message as { text: string };
    expect(read?.text).not.toContain(text);
    expect(read?.html).not.toContain(text);
  });

  test("what an adapter told of a customer is where the notice goes", async () => {
    const scene = await startScene(engine, { fallback: {} });
    scene.adapter.respond(unreachable);
    const from = { id: "visitor-1", idType: "Opaque", email: "mira@harborline.example", language: "de-AT" };
    const told = { integration: "harborline-chat", messageId: "m-1", from, text: "Guten Tag" };
    expect((await scene.tell("messages", told)).status).toBe(202);
    await scene.untilFate(await scene.say("visitor-1"), "notified");
    expect(scene.mails()[0]?.envelope.rcptTo.map((one) => one.address)).toEqual(["mira@harborline.example"]);
    expect(scene.mails()[0]?.mail.subject).toMatch(/^Eine neue Nachricht von /);
  });

  test("a customer who writes before the notice goes out is not told of what they missed", async () => {
    const scene = await startScene(engine, { fallback: { graceSeconds: 600 } });
    scene.adapter.respond(unreachable);
    const id = await scene.say("visitor-1");
    await scene.untilStatus(id, "failed");
    const from = { id: "visitor-1", idType: "Opaque", email: "mira@harborline.example" };
    await scene.tell("events", { integration: "harborline-chat", from, type: "online" });
    await scene.untilFate(id, "returned");
    scene.clock.advance(600_000);
    await scene.settle();
    expect(scene.mails()).toEqual([]);
  });

  test("whoever reads the message after all is not written to", async () => {
    const scene = await startScene(engine, { fallback: { graceSeconds: 600 } });
    scene.adapter.respond(unreachable);
    const id = await scene.say("mira@harborline.example");
    const found = await scene.untilStatus(id, "failed");
    await scene.tell("receipts", { deliveryId: found.deliveries[0]?.id, status: "delivered" });
    await scene.untilFate(id, "delivered");
    await until(async () => (await scene.find(id)).notice?.status === "cancelled");
    scene.clock.advance(600_000);
    await scene.settle();
    expect(scene.mails()).toEqual([]);
  });
});
