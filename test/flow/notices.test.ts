import { delivered, refused } from "../helpers/adapter";
import { type Scene, startScene } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { answerWith } from "../channels/local-server";
import { refusal, startMailServer } from "../channels/mail-server";

const mira = "mira@harborline.example";
const noor = "noor@harborline.example";

const eventsOf = async (scene: Scene, id: string) => (await scene.find(id)).timeline.map((line) => line.event);
const recipientsOf = (scene: Scene) =>
  scene.mails().flatMap(({ envelope }) => envelope.rcptTo.map(({ address }) => address));

/** A scene whose adapter refuses everything, with a fallback to e-mail. */
async function startFailing(engine: Parameters<typeof startScene>[0], options: Parameters<typeof startScene>[1] = {}) {
  const scene = await startScene(engine, { fallback: {}, ...options });
  scene.adapter.respond(() => refused("InvalidDestination", "not online"));
  return scene;
}

/** The settings of an e-mail channel over another mail server than the scene's own. */
function mailOver(url: string, maxAgeSeconds = 60) {
  const retry = { maxAgeSeconds, firstDelayMs: 5, maxDelayMs: 20 };
  return { channels: { email: { type: "email", smtp: url, from: "chat@harborline.example", retry } } };
}

describe.each(engines)("on %s", (engine) => {
  test("who missed a message is told by e-mail, without a word of it, and Genesys Cloud hears of the failure at once", async () => {
    const scene = await startFailing(engine);
    const id = await scene.say(mira, { text: "The secret is 4711" });

    expect(await scene.untilFate(id, "notified")).toMatchObject({
      reason: { code: "InvalidDestination", message: "not online" },
      delivery: { status: "failed" },
      notice: { channel: "email", status: "accepted" },
    });
    expect(scene.mails()).toHaveLength(1);
    const [mail] = scene.mails();
    expect(mail?.envelope.rcptTo).toMatchObject([{ address: mira }]);
    expect(mail?.mail.subject).toBe("You have a new message from Harborline Chat");
    expect(mail?.mail.from?.address).toBe("chat@harborline.example");
    expect(mail?.raw).not.toContain("4711");
    const [receipt] = await until(scene.receipts, (all) => all.length === 1);
    expect(receipt?.body).toMatchObject({ status: "Failed", reasons: [{ code: "InvalidDestination" }] });
    const events = await eventsOf(scene, id);
    expect(events.filter((event) => event !== "receipt.sent")).toEqual([
      "message.stored",
      "delivery.sending",
      "delivery.failed",
      "notice.joined",
      "notice.sending",
      "notice.accepted",
    ]);
  });

  test("all that one customer missed is told in one mail, after the grace time", async () => {
    const scene = await startFailing(engine, { fallback: { graceSeconds: 60 } });
    const ids = [await scene.say(mira), await scene.say(mira), await scene.say(mira)];
    const other = await scene.say(noor);
    for (const id of [...ids, other]) await scene.untilStatus(id, "failed");
    await scene.settle();
    expect(scene.mails()).toEqual([]);
    expect((await scene.find(ids[0] ?? "")).fate).toBe("open");

    scene.clock.advance(60_000);
    for (const id of [...ids, other]) await scene.untilFate(id, "notified");
    expect(recipientsOf(scene).sort()).toEqual([mira, noor]);
    expect(
      scene
        .mails()
        .map(({ mail }) => mail.subject)
        .sort(),
    ).toEqual(["You have 3 new messages from Harborline Chat", "You have a new message from Harborline Chat"]);
    const notices = await Promise.all(ids.map((id) => scene.find(id)));
    expect(new Set(notices.map((found) => found.notice?.id)).size).toBe(1);
  });

  test("without a digest each missed message is told by itself", async () => {
    const scene = await startFailing(engine, { fallback: { digest: false } });
    const ids = [await scene.say(mira), await scene.say(mira)];
    for (const id of ids) await scene.untilFate(id, "notified");
    expect(recipientsOf(scene)).toEqual([mira, mira]);
  });

  test("nobody is told of what arrived after all", async () => {
    const scene = await startFailing(engine, { fallback: { graceSeconds: 60 } });
    const id = await scene.say(mira);
    const { deliveries } = await scene.untilStatus(id, "failed");
    await scene.tell("receipts", { deliveryId: deliveries[0]?.id, status: "delivered" });
    await scene.untilFate(id, "delivered");
    expect(
      await until(
        () => scene.find(id),
        (found) => found.notice?.status === "cancelled",
      ),
    ).toMatchObject({
      fate: "delivered",
    });
    scene.clock.advance(60_000);
    await scene.settle();
    expect(scene.mails()).toEqual([]);
  });

  test("of several missed messages the mail tells of those that are still missed", async () => {
    const scene = await startFailing(engine, { fallback: { graceSeconds: 60 } });
    const ids = [await scene.say(mira), await scene.say(mira), await scene.say(mira)];
    for (const id of ids) await scene.untilStatus(id, "failed");
    const { deliveries } = await scene.find(ids[1] ?? "");
    await scene.tell("receipts", { deliveryId: deliveries[0]?.id, status: "read" });
    await scene.untilFate(ids[1] ?? "", "delivered");
    await scene.settle();
    expect(scene.mails()).toEqual([]);

    scene.clock.advance(60_000);
    await scene.untilFate(ids[0] ?? "", "notified");
    await scene.untilFate(ids[2] ?? "", "notified");
    expect(scene.mails().map(({ mail }) => mail.subject)).toEqual(["You have 2 new messages from Harborline Chat"]);
    expect((await scene.find(ids[1] ?? "")).fate).toBe("delivered");
  });

  test("what was told and arrives later has arrived, and the ledger keeps both", async () => {
    const scene = await startFailing(engine);
    const id = await scene.say(mira);
    const { deliveries } = await scene.untilFate(id, "notified");
    await scene.tell("receipts", { deliveryId: deliveries[0]?.id, status: "delivered" });
    expect(await scene.untilFate(id, "delivered")).toMatchObject({ notice: { status: "accepted" } });
    expect(await eventsOf(scene, id)).toEqual(expect.arrayContaining(["notice.accepted", "delivery.delivered"]));
  });

  test("a message that nobody confirmed in time is told of, too", async () => {
    const scene = await startScene(engine, { fallback: { undeliveredAfterSeconds: 300 } });
    const id = await scene.say(mira);
    await scene.untilStatus(id, "accepted");
    scene.clock.advance(299_000);
    await scene.settle();
    expect(scene.mails()).toEqual([]);
    scene.clock.advance(2000);
    expect(await scene.untilFate(id, "notified")).toMatchObject({
      reason: { code: "MessageExpired" },
      delivery: { status: "unconfirmed" },
    });
    expect(recipientsOf(scene)).toEqual([mira]);
    await scene.settle();
    expect(scene.receipts()).toEqual([]);
  });

  test("a reason after which nobody is to be told ends in failure", async () => {
    const scene = await startFailing(engine, { fallback: { never: ["InvalidDestination"] } });
    const id = await scene.say(mira);
    expect(await scene.untilFate(id, "failed")).toMatchObject({ notice: null });
    await scene.settle();
    expect(scene.mails()).toEqual([]);
  });

  test("a customer without an address is unreachable", async () => {
    const scene = await startFailing(engine, { fallback: { addresses: ["recipient", "adapter"] } });
    const id = await scene.say("crew-7781");
    expect(await scene.untilFate(id, "unreachable")).toMatchObject({
      notice: { status: "unreachable", channel: null },
      reason: { code: "InvalidDestination" },
    });
  });

  test("the address in the policy goes before the recipient's own", async () => {
    const scene = await startFailing(engine, {
      fallback: { addressOf: { "crew-7781": { email: noor }, [mira]: { email: "desk@harborline.example" } } },
    });
    const ids = [await scene.say("crew-7781"), await scene.say(mira)];
    for (const id of ids) await scene.untilFate(id, "notified");
    expect(recipientsOf(scene).sort()).toEqual(["desk@harborline.example", noor]);
  });

  test("the mail is worded as the policy says, and leads back to the chat", async () => {
    const scene = await startFailing(engine, {
      fallback: {
        returnUrl: "https://chat.harborline.example/",
        templates: { en: { subject: "{{ count }} for you", text: "Read on at {{ returnUrl }} <{{ from }}>" } },
      },
    });
    await scene.untilFate(await scene.say(mira), "notified");
    const [mail] = scene.mails();
    expect(mail?.mail).toMatchObject({
      subject: "1 for you",
      text: expect.stringContaining("Read on at https://chat.harborline.example/ <Harborline Chat>"),
    });
  });

  test("a mail server that cannot take it now is asked again, under the same Message-ID", async () => {
    let refusals = 2;
    const ids: unknown[] = [];
    const server = await startMailServer({
      onMailFrom(address, _session, done) {
        ids.push((address.args as { ENVID?: string }).ENVID);
        refusals -= 1;
        done(refusals >= 0 ? refusal(451, "later") : null);
      },
    });
    atEnd(server.stop);
    const scene = await startFailing(engine, mailOver(server.url));
    const id = await scene.say(mira);
    await scene.untilFate(id, "notified");
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
    expect(server.received).toHaveLength(1);
    expect((await eventsOf(scene, id)).filter((event) => event === "notice.postponed")).toHaveLength(2);
  });

  test("a mail server that refuses the customer for good exhausts the notice", async () => {
    const server = await startMailServer({
      onRcptTo: (_address, _session, done) => done(refusal(550, "5.1.1 no such user")),
    });
    atEnd(server.stop);
    const scene = await startFailing(engine, mailOver(server.url));
    const id = await scene.say(mira);
    expect(await scene.untilFate(id, "exhausted")).toMatchObject({
      notice: { status: "exhausted", channel: "email" },
      reason: { code: "InvalidDestination" },
    });
    await scene.settle();
    expect(await eventsOf(scene, id)).toContain("notice.exhausted");
  });

  test("a mail server that stays away is given up in time", async () => {
    const server = await startMailServer();
    await server.stop();
    const scene = await startFailing(engine, mailOver(server.url, 1));
    const id = await scene.say(mira);
    expect(await scene.untilFate(id, "exhausted")).toMatchObject({ notice: { status: "exhausted" } });
    expect(await eventsOf(scene, id)).toContain("notice.postponed");
  });

  test("news that has grown too old is not told any more", async () => {
    const scene = await startFailing(engine, { fallback: { graceSeconds: 60, maxAgeSeconds: 30 } });
    const id = await scene.say(mira);
    await scene.untilStatus(id, "failed");
    scene.clock.advance(61_000);
    await scene.untilFate(id, "exhausted");
    expect(scene.mails()).toEqual([]);
  });

  test("a notice waits through a restart", async () => {
    const scene = await startFailing(engine, { fallback: { graceSeconds: 60 } });
    const id = await scene.say(mira);
    await scene.untilStatus(id, "failed");
    await scene.restart();
    expect(scene.mails()).toEqual([]);
    scene.clock.advance(61_000);
    await scene.untilFate(id, "notified");
    expect(recipientsOf(scene)).toEqual([mira]);
  });

  test("a crash between sending a mail and recording it leaves unknown what nobody can tell, and sends no second one", async () => {
    const scene = await startFailing(engine, { fallback: { graceSeconds: 600 } });
    const id = await scene.say(mira);
    await scene.untilStatus(id, "failed");
    await scene.stop();
    // What such a crash leaves: sending was committed, and the task is still leased.
    const leaseEnd = scene.clock.now() + 60_000;
    await scene.write(async (db) => {
      const state = { status: "sending", channel: "email", attempts: 1, in_flight: 1 };
      await db.updateTable("notices").set(state).execute();
      const leased = { leased: 1, attempt: 1, due_at: leaseEnd };
      await db.updateTable("tasks").set(leased).where("queue", "=", "notices").execute();
    });
    await scene.restart();
    scene.clock.advance(60_000);
    expect(await scene.untilFate(id, "unknown")).toMatchObject({ notice: { status: "unknown" } });
    await scene.settle();
    expect(scene.mails()).toEqual([]);
  });

  test("a policy that is gone from the settings leaves its notices exhausted, not waiting", async () => {
    const scene = await startFailing(engine, { fallback: { graceSeconds: 60 } });
    const id = await scene.say(mira);
    await scene.untilStatus(id, "failed");
    await scene.restart({ fallback: undefined } as unknown as Parameters<Scene["restart"]>[0]);
    scene.clock.advance(61_000);
    await scene.untilFate(id, "exhausted");
    expect(scene.mails()).toEqual([]);
  });

  test("a message missed after the mail went out is told in the next one", async () => {
    const scene = await startFailing(engine);
    await scene.untilFate(await scene.say(mira), "notified");
    await scene.untilFate(await scene.say(mira), "notified");
    expect(recipientsOf(scene)).toEqual([mira, mira]);
  });

  test("a customer who is back gets the next message as always", async () => {
    const scene = await startFailing(engine);
    await scene.untilFate(await scene.say(mira), "notified");
    scene.adapter.respond(() => delivered());
    await scene.untilFate(await scene.say(mira), "delivered");
    expect(scene.mails()).toHaveLength(1);
  });

  test("a message that may still arrive is not told of while it is tried", async () => {
    const scene = await startScene(engine, { fallback: {} });
    let tries = 0;
    scene.adapter.respond(() => {
      tries += 1;
      return tries < 5 ? answerWith(503) : delivered();
    });
    await scene.untilFate(await scene.say(mira), "delivered");
    await scene.settle();
    expect(scene.mails()).toEqual([]);
  });
});
