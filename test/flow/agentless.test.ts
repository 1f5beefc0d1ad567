/** Notices that Genesys Cloud carries: by the official SDK to a Genesys Cloud to practise on, and read back there. */
import { refused } from "../helpers/adapter";
import { adminToken } from "../helpers/bridge";
import { type PracticeOptions, startPractice } from "../helpers/practice";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";

const phone = "+436641234567";
const email = "mira@harborline.example";
const ours = "+13175550142";
const smsRoute = "POST /api/v2/conversations/messages/agentless";
const mailRoute = "POST /api/v2/conversations/emails/agentless";
const retry = { maxAgeSeconds: 60, firstDelayMs: 5, maxDelayMs: 20 };
const channels = {
  mail: { type: "email", provider: "genesys", from: "Harborline <notices@mail.harborline.example>", retry },
  sms: { type: "sms", provider: "genesys", from: ours, retry },
};
const addressOf = { "visitor-1": { phone, email } };

describe.each(engines)("on %s", (engine) => {
  async function start(channel: "mail" | "sms", { fallback, ...options }: PracticeOptions = {}) {
    const practice = await startPractice(engine, {
      publicUrl: "https://bridge.example",
      channels,
      ...options,
      fallback: { steps: [{ channel }], addressOf, ...fallback },
    });
    practice.adapter.respond(() => refused("InvalidDestination"));
    const { simulator } = practice;
    const suppressions = async () => {
      const { text } = await practice.call("GET", "/api/v1/suppressions", { authorization: `Bearer ${adminToken}` });
      return (JSON.parse(text) as { items: object[] }).items;
    };
    const events = async (id: string) => (await practice.find(id)).timeline.map((line) => line.event);
    /** How often a route was called, answered or not. */
    const asked = (route: string) =>
      simulator.requests.list().filter(({ method, path }) => `${method} ${path}` === route).length;
    return { ...practice, suppressions, events, asked };
  }

  test("a missed message is told by agentless e-mail, with the way out of further ones in its body", async () => {
    const { say, untilFate, simulator, mails, call } = await start("mail");
    const found = await untilFate(await say("visitor-1", { text: "The secret is 4711" }), "notified");
    expect(found).toMatchObject({ notice: { channel: "mail", status: "accepted" } });
    expect(simulator.emails()).toMatchObject([
      {
        fromAddress: { email: "notices@mail.harborline.example", name: "Harborline" },
        toAddresses: [{ email }],
        subject: "You have a new message from Harborline Chat",
      },
    ]);
    const [mail] = simulator.emails();
    const link = /https:\/\/bridge\.example(\/unsubscribe\/[\w.-]+)/.exec(String(mail?.["textBody"]));
    expect(mail?.["htmlBody"]).toContain(link?.[0]);
    expect(JSON.stringify(mail)).not.toContain("4711");
    expect(mails()).toEqual([]);
    expect((await call("GET", link?.[1] ?? "")).status).toBe(200);
  });

  test("a missed message is told by agentless SMS, once for all that was missed", async () => {
    const { say, untilFate, untilStatus, simulator, clock } = await start("sms", { fallback: { graceSeconds: 60 } });
    const ids = [await say("visitor-1"), await say("visitor-1")];
    for (const id of ids) await untilStatus(id, "failed");
    clock.advance(60_000);
    for (const id of ids) await untilFate(id, "notified");
    expect(simulator.messagesTo(phone)).toMatchObject([
      { fromAddress: ours, messengerType: "sms", normalized: { text: "Harborline Chat: you have 2 new messages." } },
    ]);
  });

  test("a limit, an expired token and maintenance are waited for", async () => {
    const { say, untilFate, simulator, asked, settle, clock } = await start("sms");
    simulator.faults.add({ route: smsRoute, expireTokens: true, count: 1 });
    simulator.faults.add({ route: smsRoute, status: 503, count: 1 });
    simulator.faults.add({ route: smsRoute, status: 429, retryAfterSeconds: 30, count: 1 });
    const id = await say("visitor-1");
    await until(() => asked(smsRoute) === 3);
    await settle();
    expect(simulator.messagesTo(phone)).toEqual([]);
    clock.advance(31_000);
    await untilFate(id, "notified");
    expect(simulator.messagesTo(phone)).toHaveLength(1);
  });

  test("whoever opted out there is not written to again", async () => {
    const { say, untilFate, simulator, suppressions, asked } = await start("sms");
    const message = "The recipient has opted out of messages from this number.";
    simulator.faults.add({ route: smsRoute, status: 400, message, count: 1 });
    await untilFate(await say("visitor-1"), "exhausted");
    expect(await suppressions()).toMatchObject([{ address: phone, channel: "sms", source: "channel" }]);
    await untilFate(await say("visitor-1"), "suppressed");
    expect([simulator.messagesTo(phone), asked(smsRoute)]).toEqual([[], 1]);
  });

  test("an address that is refused goes on to the next step, a permission that is missing to the other provider", async () => {
    const { say, untilFate, simulator, mails } = await start("sms", {
      fallback: { steps: [{ channel: "sms" }, { channel: "mail", backup: "email" }] },
    });
    simulator.faults.add({ route: smsRoute, status: 400, message: "toAddress is not a mobile number" });
    await untilFate(await say("visitor-1"), "notified");
    expect(simulator.emails()).toHaveLength(1);
    simulator.faults.add({ route: mailRoute, status: 403 });
    await untilFate(await say("visitor-1"), "notified");
    expect(mails().map(({ envelope }) => envelope.rcptTo[0]?.address)).toEqual([email]);
  });

  test("a mail whose answer got lost is unknown, and not sent again", async () => {
    const { say, untilFate, simulator, events, settle, clock, asked } = await start("mail");
    simulator.faults.add({ route: mailRoute, drop: "after", count: 1 });
    const id = await say("visitor-1");
    await untilFate(id, "unknown");
    expect(await events(id)).toContain("notice.unknown");
    clock.advance(3_600_000);
    await settle();
    expect([simulator.emails().length, asked(mailRoute)]).toEqual([1, 1]);
  });

  test("a mail that is not answered in time is unknown, too", async () => {
    const { say, untilFate, simulator, settle, asked } = await start("mail", {
      channels: { ...channels, mail: { ...channels.mail, timeoutSeconds: 0.2 } },
    });
    simulator.faults.add({ route: mailRoute, delayMs: 1000, count: 1 });
    await untilFate(await say("visitor-1"), "unknown");
    await settle();
    await until(() => asked(mailRoute) === 1);
    expect(simulator.emails()).toHaveLength(1);
  });

  test("an SMS whose answer got lost is found in its conversation, and not sent again", async () => {
    const { say, untilFate, find, simulator, settle, clock, asked } = await start("sms");
    simulator.faults.add({ route: smsRoute, drop: "after", count: 1 });
    const id = await say("visitor-1");
    await until(() => simulator.messagesTo(phone).length === 1);
    await settle();
    expect((await find(id)).fate).toBe("open");
    clock.advance(10_000);
    const [sent] = simulator.messagesTo(phone);
    expect(await untilFate(id, "notified")).toMatchObject({ notice: { channel: "sms", status: "accepted" } });
    expect([sent?.normalized["text"], asked(smsRoute)]).toEqual(["Harborline Chat: you have a new message.", 1]);
  });

  test("an SMS that does not show up is unknown after a while, and not sent again", async () => {
    const { say, untilFate, find, simulator, settle, clock, asked } = await start("sms");
    simulator.faults.add({ route: smsRoute, drop: "before", count: 1 });
    const id = await say("visitor-1");
    await until(() => asked(smsRoute) === 1);
    await settle();
    clock.advance(10_000);
    await until(() => asked("POST /api/v2/analytics/conversations/details/query") === 1);
    await settle();
    expect((await find(id)).fate).toBe("open");
    clock.advance(900_000);
    await untilFate(id, "unknown");
    await settle();
    expect([simulator.messagesTo(phone), asked(smsRoute)]).toEqual([[], 1]);
  });

  test("a message of an integration whose customers are numbers goes in parts that fit", async () => {
    const practice = await start("sms");
    await practice.restart({ channels, integration: { channel: "sms" }, publicUrl: "https://bridge.example" });
    practice.connect();
    const id = await practice.say(phone, { text: "ferry ".repeat(200).trim() });
    await practice.untilStatus(id, "accepted");
    const texts = practice.simulator.messagesTo(phone).map(({ normalized }) => String(normalized["text"]));
    expect(texts.map((text) => text.slice(0, 6))).toEqual(["(1/2) ", "(2/2) "]);
    expect(texts.join(" ").match(/ferry/g)).toHaveLength(200);
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(765);
  });
});
