import { account, startTwilio } from "../channels/twilio-server";
import { refused } from "../helpers/adapter";
import { adminToken, type Item, startScene } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";

const phone = "+436641234567";
const publicUrl = "https://bridge.example";
const sms = { steps: [{ channel: "sms" }], addressOf: { "visitor-1": { phone } } };

describe.each(engines)("on %s", (engine) => {
  async function startWithTwilio(fallback: object = sms) {
    const twilio = await startTwilio();
    atEnd(twilio.stop);
    const env = {
      PUBLIC_URL: publicUrl,
      TWILIO_ACCOUNT_SID: account.accountSid,
      TWILIO_AUTH_TOKEN: account.authToken,
      TWILIO_FROM: "+4366000000",
      TWILIO_BASE_URL: twilio.url,
    };
    const channels = { sms: { type: "sms", retry: { maxAgeSeconds: 60, firstDelayMs: 5, maxDelayMs: 20 } } };
    const scene = await startScene(engine, { fallback: { ...fallback }, channels, env });
    scene.adapter.respond(() => refused("InvalidDestination"));
    const receive = (form: Record<string, string>) =>
      twilio.receive(`${publicUrl}/twilio/inbound`, { From: phone, ...form }, scene.url(""));
    const suppressions = async () => {
      const headers = { authorization: `Bearer ${adminToken}` };
      const { text } = await scene.call("GET", "/api/v1/suppressions", headers);
      return (JSON.parse(text) as { items: object[] }).items;
    };
    return { scene, twilio, receive, suppressions };
  }

  test("a notice by SMS has notified once Twilio says that it was delivered, not before", async () => {
    const { scene, twilio } = await startWithTwilio();
    const id = await scene.say("visitor-1");
    const [message] = await until(
      () => twilio.messages,
      (all) => all.length === 1,
    );
    if (message === undefined) throw new Error("no SMS");
    expect(message.to).toBe(phone);
    expect(await twilio.report(message, "sent", scene.url(""))).toBe(204);
    await scene.settle();
    expect((await scene.find(id)).fate).toBe("open");
    for (const status of ["delivered", "sent", "delivered", "undelivered"]) {
      expect(await twilio.report(message, status, scene.url(""))).toBe(204);
    }
    await scene.untilFate(id, "notified");
    await scene.settle();
    expect(await scene.find(id)).toMatchObject({ fate: "notified", notice: { channel: "sms", status: "delivered" } });
    expect(twilio.messages).toHaveLength(1);
  });

  test("an SMS that could not be delivered goes on to the next step", async () => {
    const address = { phone, email: "mira@harborline.example" };
    const { scene, twilio } = await startWithTwilio({
      steps: [{ channel: "sms" }, { channel: "email" }],
      addressOf: { "visitor-1": address },
    });
    const id = await scene.say("visitor-1");
    const [message] = await until(
      () => twilio.messages,
      (all) => all.length === 1,
    );
    if (message) await twilio.report(message, "undelivered", scene.url(""), 30005);
    await scene.untilFate(id, "notified");
    expect(scene.mails()).toHaveLength(1);
    const failed = (await scene.find(id)).timeline.find((line) => line.event === "notice.postponed");
    expect(failed?.detail).toMatchObject({ channel: "sms", code: "InvalidDestination", step: 2 });
  });

  test("a report that is forged is refused and changes nothing", async () => {
    const { scene, twilio } = await startWithTwilio();
    const id = await scene.say("visitor-1");
    await until(() => twilio.messages.length === 1);
    const form = new URLSearchParams({ MessageSid: twilio.messages[0]?.sid ?? "", MessageStatus: "delivered" });
    const headers = { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "AAAA" };
    expect((await scene.call("POST", "/twilio/status?channel=sms", headers, form.toString())).status).toBe(401);
    expect((await scene.call("POST", "/twilio/inbound", {}, "From=1")).status).toBe(401);
    await scene.settle();
    expect((await scene.find(id)).fate).toBe("open");
  });

  test("a report that comes before our own record is not lost", async () => {
    const { scene, twilio } = await startWithTwilio();
    const early = { sid: "", statusCallback: "" };
    const at = scene.url("");
    const reports: Promise<number>[] = [];
    const timer = setInterval(() => {
      const [message] = twilio.messages;
      if (message === undefined || early.sid !== "") return;
      early.sid = message.sid;
      reports.push(twilio.report(message, "delivered", at));
    }, 0);
    atEnd(() => clearInterval(timer));
    const id = await scene.say("visitor-1");
    await scene.untilFate(id, "notified");
    expect(await Promise.all(reports)).toEqual([204]);
  });

  test("whoever opted out at Twilio is not written to again", async () => {
    const { scene, twilio, suppressions } = await startWithTwilio();
    twilio.behave({ status: 400, code: 21610 });
    await scene.untilFate(await scene.say("visitor-1"), "exhausted");
    expect(await suppressions()).toMatchObject([{ address: phone, channel: "sms", source: "twilio" }]);
    twilio.behave("accepts");
    await scene.untilFate(await scene.say("visitor-1"), "suppressed");
    expect(twilio.messages).toEqual([]);
  });

  test("whoever opted out is known wherever the message was a delivery of its own", async () => {
    const { scene, twilio, suppressions } = await startWithTwilio();
    await scene.restart({
      fallback: sms,
      channels: { sms: { type: "sms" } },
      integration: { channel: "sms" },
      env: {
        PUBLIC_URL: publicUrl,
        TWILIO_ACCOUNT_SID: account.accountSid,
        TWILIO_AUTH_TOKEN: account.authToken,
        TWILIO_FROM: "+4366000000",
        TWILIO_BASE_URL: twilio.url,
      },
    });
    twilio.behave({ status: 400, code: 21610 });
    const id = await scene.say(phone);
    await scene.untilStatus(id, "failed");
    expect(await suppressions()).toMatchObject([{ address: phone, channel: "sms", source: "channel" }]);
  });

  test("STOP opts out, START lifts that, and HELP or a sentence changes nothing", async () => {
    const { receive, suppressions } = await startWithTwilio();
    expect(await receive({ Body: "please stop" })).toMatchObject({ status: 200 });
    expect(await receive({ Body: "help" })).toMatchObject({ status: 200 });
    expect(await suppressions()).toEqual([]);
    const answer = await receive({ Body: " Stop. " });
    expect(answer.text).toBe('<?xml version="1.0" encoding="UTF-8"?><Response></Response>');
    expect(await suppressions()).toMatchObject([{ address: phone, channel: "sms", source: "stopWord" }]);
    await receive({ Body: "START" });
    expect(await suppressions()).toEqual([]);
  });

  test("what Twilio's own opt-out handling understood is honoured, whatever the words", async () => {
    const { receive, suppressions } = await startWithTwilio();
    await receive({ Body: "arrêt", OptOutType: "STOP" });
    expect(await suppressions()).toMatchObject([{ address: phone, source: "stopWord" }]);
    await receive({ Body: "stop", OptOutType: "START" });
    expect(await suppressions()).toEqual([]);
  });

  test("an answer to a notice is noted with its messages, and answered where the policy says so", async () => {
    const { scene, twilio, receive } = await startWithTwilio({
      ...sms,
      replies: "autoreply",
      returnUrl: "https://chat.example/?a=1&b=2",
    });
    expect((await receive({ Body: "Who is this?" })).text).not.toContain("<Message>");
    const id = await scene.say("visitor-1");
    await until(() => twilio.messages.length === 1);
    const { text } = await receive({ Body: "Who is this?" });
    expect(text).toContain("<Message>Nobody reads answers to this number.");
    expect(text).toContain("https://chat.example/?a=1&amp;b=2");
    expect((await scene.find(id)).timeline.map((line) => line.event)).toContain("notice.answered");
  });

  test("an answer is carried into the conversation, and shows that the notice has arrived", async () => {
    const { scene, twilio, receive } = await startWithTwilio();
    const id = await scene.say("visitor-1");
    await until(() => twilio.messages.length === 1);
    await scene.settle();
    expect((await scene.find(id)).fate).toBe("open");
    await receive({ Body: "I am on my way" });
    await scene.untilFate(id, "notified");
    const { items } = await scene.get<{ items: Item[] }>("/api/v1/messages?direction=inbound&kind=text");
    expect(items).toMatchObject([{ recipient: { id: "visitor-1" }, summary: "I am on my way" }]);
  });

  test("an SMS that Twilio took without an answer is found there, and not sent again", async () => {
    const { scene, twilio } = await startWithTwilio();
    twilio.behave("takes it and hangs up");
    const id = await scene.say("visitor-1");
    await until(() => twilio.messages.length === 1);
    await scene.settle();
    expect((await scene.find(id)).fate).toBe("open");
    twilio.behave("accepts");
    scene.clock.advance(10_000);
    await until(async () => (await scene.find(id)).notice?.status === "accepted");
    const [message] = twilio.messages;
    if (message) await twilio.report(message, "delivered", scene.url(""));
    await scene.untilFate(id, "notified");
    expect(twilio.messages).toHaveLength(1);
  });
});
