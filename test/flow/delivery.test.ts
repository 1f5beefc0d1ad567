import { accepted, delivered, refused } from "../helpers/adapter";
import { startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { answerWith } from "../channels/local-server";

const eventsOf = (found: { timeline: { event: string }[] }) => found.timeline.map((line) => line.event);

describe.each(engines)("on %s", (engine) => {
  test.each([
    ["text-agent", "text"],
    ["text-bot", "text"],
    ["attachment-image", "media"],
    ["attachment-file", "media"],
    ["structured-notification-template", "template"],
    ["structured-quick-replies", "structured"],
    ["structured-carousel", "structured"],
  ])("%s travels to the adapter, and Genesys Cloud hears that it was delivered", async (fixture, kind) => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered("provider-1"));
    const id = await scene.say("mira", {}, fixture);

    const found = await scene.untilFate(id, "delivered");
    expect(found.delivery).toEqual({
      channel: "chat",
      status: "delivered",
      attempts: 1,
      providerMessageId: "provider-1",
    });
    const [call] = scene.adapter.calls;
    expect(call).toMatchObject({
      webhookId: found.deliveries[0]?.id,
      body: {
        type: "message.outbound",
        deliveryId: found.deliveries[0]?.id,
        attempt: 1,
        message: { id: found.id, genesysMessageId: id, kind, recipient: { id: "mira" }, raw: { id } },
      },
    });
    const [receipt] = await until(scene.receipts, (all) => all.length === 1);
    expect(receipt?.body).toMatchObject({ id, status: "Delivered", isFinalReceipt: true });
    expect(eventsOf(await scene.find(id)).slice(0, 3)).toEqual([
      "message.stored",
      "delivery.sending",
      "delivery.delivered",
    ]);
  });

  test.each([
    ["receipt-published", "receipt"],
    ["event-presence-disconnect", "event"],
  ])("%s is noted, and goes to nobody", async (fixture, kind) => {
    const scene = await startScene(engine);
    const id = await scene.say("mira", {}, fixture);
    expect(await scene.untilFate(id, "noted")).toMatchObject({ kind, delivery: null, deliveries: [] });
    await scene.settle();
    expect(scene.adapter.calls).toEqual([]);
    expect(scene.receipts()).toEqual([]);
  });

  test("what no channel can show fails with a reason that Genesys Cloud is told", async () => {
    const scene = await startScene(engine);
    const id = await scene.say("mira", {}, "message-type-unknown");
    const reason = { code: "UnsupportedMessage", message: expect.stringMatching(/\w/) };
    expect(await scene.untilFate(id, "failed")).toMatchObject({ reason });
    const [receipt] = await until(scene.receipts, (all) => all.length === 1);
    expect(receipt?.body).toMatchObject({ id, status: "Failed", reasons: [reason] });
    expect(scene.adapter.calls).toEqual([]);
  });

  test("typing goes out once, beside the lane, whatever becomes of it", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(({ type }) => (type === "typing" ? answerWith(500) : delivered()));
    await scene.say("mira", {}, "event-typing");
    await scene.say("mira");
    await until(() => scene.adapter.calls.length === 2);
    await scene.settle();
    expect(scene.adapter.calls.map((call) => call.body.type).sort()).toEqual(["message.outbound", "typing"]);
  });

  test("accepted is the fate of a channel that confirms no more, and nobody is told", async () => {
    const scene = await startScene(engine, { chat: { confirms: "accepted" } });
    scene.adapter.respond(() => answerWith(204));
    const id = await scene.say("mira");
    expect(await scene.untilFate(id, "accepted")).toMatchObject({ delivery: { status: "accepted" }, receipt: null });
    await scene.settle();
    expect(scene.receipts()).toEqual([]);
  });

  test("accepted is told as Delivered where the settings say that it counts so", async () => {
    const scene = await startScene(engine, {
      chat: { confirms: "accepted" },
      integration: { acceptedCountsAsDelivered: true },
    });
    const id = await scene.say("mira");
    await scene.untilFate(id, "accepted");
    const [receipt] = await until(scene.receipts, (all) => all.length === 1);
    expect(receipt?.body).toMatchObject({ id, status: "Delivered" });
  });

  test("a failure that passes is tried again under the same webhook-id until it has passed", async () => {
    const scene = await startScene(engine);
    const answers = [answerWith(500), answerWith(302, "", { location: "/" }), answerWith(200, "nonsense"), delivered()];
    scene.adapter.respond(({ attempt }) => answers[attempt - 1] ?? delivered());
    const id = await scene.say("mira");

    const found = await scene.untilFate(id, "delivered");
    expect(found.attempts.map(({ number, result, answer }) => [number, result, answer])).toEqual([
      [1, "failed", "HTTP 500"],
      [2, "failed", "HTTP 302"],
      [3, "failed", "HTTP 200, not understood"],
      [4, "delivered", "HTTP 200"],
    ]);
    expect(new Set(scene.adapter.calls.map((call) => call.webhookId)).size).toBe(1);
    await until(() => scene.receipts().length === 1);
  });

  test("a wait that the adapter asks for is kept to: never early, a tenth late at most", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(({ attempt }) => (attempt === 1 ? answerWith(429, "", { "retry-after": "1" }) : delivered()));
    const id = await scene.say("mira");
    const found = await scene.untilFate(id, "delivered");

    const [first, second] = scene.adapter.calls;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1000);
    const postponed = found.timeline.find((line) => line.event === "delivery.postponed");
    const wait = Date.parse(String(postponed?.detail?.retryAt)) - Date.parse(postponed?.at ?? "");
    expect(wait).toBeGreaterThanOrEqual(1000);
    expect(wait).toBeLessThanOrEqual(1100);
  });

  test.each([
    [429, "RateLimited"],
    [503, "ServerError"],
  ])("tries end with the time for them, and the last answer (%i) says why", async (status, code) => {
    const scene = await startScene(engine, {
      chat: { retry: { maxAgeSeconds: 1, firstDelayMs: 5, maxDelayMs: 100 } },
    });
    scene.adapter.respond(() => answerWith(status));
    const id = await scene.say("mira");
    const found = await scene.untilFate(id, "failed");
    expect(found.reason?.code).toBe(code);
    expect(found.attempts.length).toBeGreaterThan(1);
    const [receipt] = await until(scene.receipts, (all) => all.length === 1);
    expect(receipt?.body).toMatchObject({ status: "Failed", reasons: [{ code }] });
  });

  test("a refusal in the contract's words is final at once, and told with them", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => refused("RecipientOptedOut", "said STOP"));
    const id = await scene.say("mira");
    expect(await scene.untilFate(id, "failed")).toMatchObject({
      reason: { code: "RecipientOptedOut", message: "said STOP" },
      delivery: { attempts: 1 },
    });
    const [receipt] = await until(scene.receipts, (all) => all.length === 1);
    expect(receipt?.body).toMatchObject({
      status: "Failed",
      reasons: [{ code: "RecipientOptedOut", message: "said STOP" }],
    });
  });

  test("messages to one recipient keep their order through retries, and nobody else waits for them", async () => {
    const scene = await startScene(engine);
    const failing = new Set<string>();
    scene.adapter.respond((call) => {
      const id = call.message.genesysMessageId ?? "";
      return failing.has(id) && call.attempt < 4 ? answerWith(500) : delivered();
    });
    const toMira: string[] = [];
    for (let n = 0; n < 6; n += 1) {
      const id = await scene.say("mira");
      if (n % 2 === 0) failing.add(id);
      toMira.push(id);
    }
    const toNoor = await scene.say("noor");
    await Promise.all([...toMira, toNoor].map((id) => scene.untilFate(id, "delivered")));

    const order = (to: string) => [
      ...new Set(
        scene.adapter
          .deliveries()
          .filter((call) => call.body.message.recipient.id === to)
          .map((call) => call.body.message.genesysMessageId),
      ),
    ];
    expect(order("mira")).toEqual(toMira);
    expect(order("noor")).toEqual([toNoor]);
  });

  test("a recipient whose delivery hangs holds up nobody else", async () => {
    const scene = await startScene(engine);
    const waiting: (() => void)[] = [];
    scene.adapter.respond(({ message }) =>
      message.recipient.id === "mira"
        ? (response) => void waiting.push(() => response.end('{"status":"delivered"}'))
        : delivered(),
    );
    const [first, second] = [await scene.say("mira"), await scene.say("mira")];
    const others = await Promise.all(["noor", "otto", "pia"].map((to) => scene.say(to)));
    await Promise.all(others.map((id) => scene.untilFate(id, "delivered")));
    expect(scene.adapter.calls.filter(({ body }) => body.message.recipient.id === "mira")).toHaveLength(1);
    expect(await scene.find(second)).toMatchObject({ delivery: { status: "pending" } });

    waiting.shift()?.();
    await until(() => waiting.length === 1);
    waiting.shift()?.();
    await Promise.all([first, second].map((id) => scene.untilFate(id, "delivered")));
  });

  test("a long text goes out in parts, and a retry sends only what is missing", async () => {
    const scene = await startScene(engine, { chat: { accepts: { textLength: 40 } } });
    const texts: [string | undefined, number][] = [];
    scene.adapter.respond(({ message, attempt }) => {
      texts.push([message.text, attempt]);
      return texts.length === 2 ? answerWith(500) : delivered();
    });
    const id = await scene.say("mira", {
      text: "The first sentence of some. The second sentence of some. The third of them.",
    });
    const found = await scene.untilFate(id, "delivered");
    expect(found.delivery?.attempts).toBe(2);
    const [first, second, again, ...rest] = texts;
    expect(first?.[0]).not.toBe(second?.[0]);
    expect(again).toEqual([second?.[0], 2]);
    expect(rest.map(([text]) => text)).not.toContain(first?.[0]);
  });

  test("stopping waits for what is under way and records how it ended", async () => {
    const scene = await startScene(engine);
    let finish: (() => void) | undefined;
    scene.adapter.respond(() => (response) => {
      finish = () => response.end('{"status":"delivered"}');
    });
    const [first, second] = [await scene.say("mira"), await scene.say("mira")];
    await until(() => finish !== undefined);
    const stopping = scene.stop();
    finish?.();
    await stopping;

    const statuses = await scene.read((db) => db.selectFrom("deliveries").select("status").orderBy("seq").execute());
    expect(statuses.map((row) => row.status)).toEqual(["delivered", "pending"]);
    scene.adapter.respond(() => delivered());
    await scene.restart();
    await Promise.all([first, second].map((id) => scene.untilFate(id, "delivered")));
    expect(scene.adapter.deliveries()).toHaveLength(2);
  });

  test("an adapter that is broken is left alone until it answers, without a storm of notices", async () => {
    const scene = await startScene(engine, {
      fallback: {},
      chat: { retry: { maxAgeSeconds: 900, firstDelayMs: 1, maxDelayMs: 1 } },
    });
    scene.adapter.respond(() => answerWith(500));
    const details = () => scene.get<{ channels: { queue: string; breaker: { state: string } }[] }>("/health/details");
    const breaker = async () => (await details()).channels.find((one) => one.queue === "deliver:chat")?.breaker.state;
    const ids = await Promise.all(Array.from({ length: 25 }, (_, n) => scene.say(`customer-${n}@harborline.example`)));
    await until(breaker, (state) => state === "open");
    const { text } = await scene.call("GET", "/metrics", { authorization: "Bearer test-admin-token" });
    expect(text).toContain('omb_breaker_open{channel="chat"} 1');

    // A probe goes out each time the wait is over; everything else stays where it is.
    // What had been claimed before it opened still goes out.
    await scene.settleUnderWay();
    const callsWhenOpen = scene.adapter.calls.length;
    scene.clock.advance(1000);
    await until(() => scene.adapter.calls.length > callsWhenOpen);
    await scene.settleUnderWay();
    expect(scene.adapter.calls.length).toBeLessThan(callsWhenOpen + 5);

    scene.adapter.respond(() => delivered());
    scene.clock.advance(60_000);
    await Promise.all(ids.map((id) => scene.untilFate(id, "delivered")));
    expect(await breaker()).toBe("closed");
    expect(scene.mails()).toEqual([]);
    const { findings } = await scene.get<{ findings: unknown[] }>("/api/v1/audit");
    expect(findings).toEqual([]);
  });
});

describe.each(engines)("news from the adapter on %s", (engine) => {
  test("a confirmation decides the fate, by our id or the adapter's own", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(({ message }) => accepted(`p-${message.recipient.id}`));
    const [mira, noor] = [await scene.say("mira"), await scene.say("noor")];
    const waiting = await scene.untilStatus(mira, "accepted");
    await scene.untilStatus(noor, "accepted");
    expect(waiting.fate).toBe("open");
    const at = "2026-09-14T08:21:09.000Z";
    await scene.tell("receipts", { deliveryId: waiting.deliveries[0]?.id, status: "delivered", at });
    await scene.tell("receipts", { providerMessageId: "p-noor", status: "delivered", at });
    await scene.untilFate(mira, "delivered");
    await scene.untilFate(noor, "delivered");
    const receipts = await until(scene.receipts, (all) => all.length === 2);
    expect(receipts.map(({ body }) => body.channel.time)).toEqual([at, at]);
  });

  test("a confirmation that overtakes the answer counts, and is not lost", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(({ deliveryId, message }) => async (response) => {
      await scene.tell("receipts", { deliveryId, status: "delivered" });
      await scene.untilFate(message.id, "delivered");
      response.end('{"status":"accepted","providerMessageId":"p-1"}');
    });
    const id = await scene.say("mira");
    const next = await scene.say("mira");
    await scene.untilFate(id, "delivered");
    for (const each of [id, next]) {
      await until(async () => (await scene.find(each)).attempts[0]?.result === "accepted");
      expect((await scene.find(each)).delivery?.status).toBe("delivered");
    }
  });

  test("a receipt by an id that only the answer will tell waits for that answer", async () => {
    const scene = await startScene(engine);
    let finish: (() => void) | undefined;
    scene.adapter.respond(() => (response) => {
      finish = () => response.end('{"status":"accepted","providerMessageId":"p-early"}');
    });
    const id = await scene.say("mira");
    await until(() => finish !== undefined);
    await scene.tell("receipts", { providerMessageId: "p-early", status: "delivered" });
    await until(async () => (await scene.read((db) => db.selectFrom("tasks").selectAll().execute())).some(waitsAgain));
    finish?.();
    const found = await scene.untilFate(id, "delivered");
    expect(found.delivery).toMatchObject({ status: "delivered", providerMessageId: "p-early" });
  });

  test("read before delivered is read, and told once", async () => {
    const scene = await startScene(engine);
    const id = await scene.say("mira");
    const { deliveries } = await scene.untilStatus(id, "accepted");
    const deliveryId = deliveries[0]?.id;
    await scene.tell("receipts", { deliveryId, status: "read" });
    await scene.untilStatus(id, "read");
    await scene.tell("receipts", { deliveryId, status: "delivered" });
    await scene.settle();
    expect(await scene.find(id)).toMatchObject({ fate: "delivered", delivery: { status: "read" } });
    expect(scene.receipts()).toHaveLength(1);
  });

  test("failed after delivered is noted and believed no more", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    const id = await scene.say("mira");
    const { deliveries } = await scene.untilFate(id, "delivered");
    const failed = { deliveryId: deliveries[0]?.id, status: "failed", reason: { code: "GeneralError", message: "" } };
    await scene.tell("receipts", failed);
    await until(async () => eventsOf(await scene.find(id)).includes("confirmation.ignored"));
    expect(await scene.find(id)).toMatchObject({ fate: "delivered", delivery: { status: "delivered" } });
    expect(scene.receipts().map(({ body }) => body.status)).toEqual(["Delivered"]);
  });

  test("failed after accepted is a failure, with the adapter's reason", async () => {
    const scene = await startScene(engine);
    const id = await scene.say("mira");
    const { deliveries } = await scene.untilStatus(id, "accepted");
    const reason = { code: "MessageNotAllowed", message: "blocked" };
    await scene.tell("receipts", { deliveryId: deliveries[0]?.id, status: "failed", reason });
    expect(await scene.untilFate(id, "failed")).toMatchObject({ reason });
    const [receipt] = await until(scene.receipts, (all) => all.length === 1);
    expect(receipt?.body).toMatchObject({ status: "Failed", reasons: [reason] });
  });

  test("delivered after failed changes the fate; Genesys Cloud has had its one receipt", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => refused("GeneralError"));
    const id = await scene.say("mira");
    const { deliveries } = await scene.untilFate(id, "failed");
    await scene.tell("receipts", { deliveryId: deliveries[0]?.id, status: "delivered" });
    expect(await scene.untilFate(id, "delivered")).toMatchObject({ reason: null });
    await scene.settle();
    expect(scene.receipts().map(({ body }) => body.status)).toEqual(["Failed"]);
    expect(eventsOf(await scene.find(id))).toEqual(expect.arrayContaining(["delivery.failed", "delivery.delivered"]));
  });

  test("a repeat of the same news changes nothing", async () => {
    const scene = await startScene(engine);
    const id = await scene.say("mira");
    const { deliveries } = await scene.untilStatus(id, "accepted");
    const news = { deliveryId: deliveries[0]?.id, status: "delivered" };
    await Promise.all([1, 2, 3, 4, 5].map(() => scene.tell("receipts", news)));
    await scene.untilFate(id, "delivered");
    await scene.settle();
    expect(eventsOf(await scene.find(id)).filter((event) => event === "delivery.delivered")).toHaveLength(1);
    expect(scene.receipts()).toHaveLength(1);
  });

  test("no news in time fails the message, and Genesys Cloud hears of it only where the settings say so", async () => {
    for (const onUnconfirmed of ["none", "fail"]) {
      const scene = await startScene(engine, { integration: { undeliveredAfterSeconds: 60, onUnconfirmed } });
      const id = await scene.say("mira");
      await scene.untilStatus(id, "accepted");
      scene.clock.advance(59_000);
      await scene.settle();
      expect((await scene.find(id)).fate).toBe("open");
      scene.clock.advance(2000);
      expect(await scene.untilFate(id, "failed")).toMatchObject({
        reason: { code: "MessageExpired" },
        delivery: { status: "unconfirmed" },
      });
      await scene.settle();
      expect(scene.receipts().map(({ body }) => body.reasons?.[0]?.code)).toEqual(
        onUnconfirmed === "fail" ? ["MessageExpired"] : [],
      );
      const { deliveries } = await scene.find(id);
      await scene.tell("receipts", { deliveryId: deliveries[0]?.id, status: "read" });
      await scene.untilFate(id, "delivered");
    }
  });

  test("news of a delivery that never turns up is given up after an hour", async () => {
    const scene = await startScene(engine);
    await scene.tell("receipts", { deliveryId: "never", status: "read" });
    const states = () => scene.read((db) => db.selectFrom("callbacks").select("state").execute());
    await scene.settleUnderWay();
    expect(await states()).toEqual([{ state: "waiting" }]);
    scene.clock.advance(3_700_000);
    await until(async () => (await states())[0]?.state === "unmatched");
  });
});

function waitsAgain(task: { queue: string; attempt: number; leased: number }): boolean {
  return task.queue === "callbacks:receipts" && task.attempt > 0 && task.leased === 0;
}
