import { createHash } from "node:crypto";
import type { Channel } from "../../src/channels/channel";
import { createSmsChannel, type SmsChannelSettings } from "../../src/channels/sms";
import { countSegments } from "../../src/channels/sms-segments";
import { atEnd } from "../helpers/clean-up";
import { deliveryOf, retry, textMessage } from "./deliveries";
import { account, type Manner, startTwilio } from "./twilio-server";

const to = "+436641234567";
const notice = { to, subject: "", text: "You have a new message." };
const hash = (text: string) => createHash("sha256").update(text).digest("base64url");

async function open(changes: Partial<SmsChannelSettings> = {}, account_: Partial<SmsChannelSettings["twilio"]> = {}) {
  const twilio = await startTwilio();
  atEnd(twilio.stop);
  const channel: Channel = createSmsChannel({
    name: "sms",
    twilio: { ...account, from: "+43123456789", baseUrl: twilio.url, ...account_ },
    timeoutMs: 500,
    retry,
    ...changes,
  });
  return { twilio, channel, send: () => channel.send(deliveryOf(textMessage(), { notice })) };
}

test("a notice goes from the number, and its report is asked for with the delivery's id", async () => {
  const { twilio, channel, send } = await open({ statusUrl: "https://bridge.example/twilio/status?channel=sms" });
  expect(channel.confirms).toBe("delivered");
  expect(await send()).toEqual({
    status: "accepted",
    providerMessageId: twilio.messages[0]?.sid,
    answer: "HTTP 201, 1 × GSM-7",
  });
  expect(twilio.messages).toMatchObject([{ to, from: "+43123456789", messagingServiceSid: null, body: notice.text }]);
  const callback = new URL(twilio.messages[0]?.statusCallback ?? "");
  expect(Object.fromEntries(callback.searchParams)).toEqual({ channel: "sms", delivery: deliveryOf().deliveryId });
});

test("a messaging service goes before the number", async () => {
  const { twilio, send } = await open({}, { messagingServiceSid: "MG01" });
  await send();
  expect(twilio.messages).toMatchObject([{ from: null, messagingServiceSid: "MG01", statusCallback: null }]);
});

test("numbers are written as E.164, and what is none is refused unsent", async () => {
  const { twilio, channel } = await open();
  const recipient = (id: string) => deliveryOf(textMessage({ recipient: { id, idType: "Phone" } }));
  await channel.send(recipient("+43 (664) 123 45 67"));
  expect(twilio.messages[0]?.to).toBe("+436641234567");
  for (const id of ["0664 1234567", "visitor-1", "+1", ""]) {
    expect(await channel.send(recipient(id))).toMatchObject({
      retryable: false,
      reason: { code: "InvalidDestination" },
    });
  }
  expect(twilio.messages).toHaveLength(1);
});

test.each<[Manner, object]>([
  [
    { status: 400, code: 21610 },
    { retryable: false, reason: { code: "RecipientOptedOut" } },
  ],
  [
    { status: 400, code: 21211 },
    { retryable: false, reason: { code: "InvalidDestination" } },
  ],
  [
    { status: 400, code: 21408 },
    { retryable: false, reason: { code: "MessageNotAllowed" } },
  ],
  [
    { status: 400, code: 99999 },
    { retryable: false, reason: { code: "GeneralError" } },
  ],
  [
    { status: 429, code: 20429 },
    { retryable: true, reason: { code: "RateLimited" } },
  ],
  [{ status: 503 }, { retryable: true, reason: { code: "ServerError" } }],
  [
    { status: 502, text: "<html>Bad Gateway</html>" },
    { retryable: false, uncertain: true },
  ],
  ["takes it and hangs up", { retryable: false, uncertain: true }],
  ["is silent", { retryable: false, uncertain: true }],
])("a Twilio that %j is understood", async (manner, expected) => {
  const { twilio, send } = await open();
  twilio.behave(manner);
  expect(await send()).toMatchObject({ status: "failed", ...expected });
});

test("a wrong token may be mended", async () => {
  const { twilio, send } = await open({}, { authToken: "wrong" });
  expect(await send()).toMatchObject({ status: "failed", retryable: true, answer: "HTTP 401, Twilio 20003" });
  expect(twilio.refusedLogins()).toBe(1);
});

describe("asked about a send that nobody knows of", () => {
  const hidden = (changes: object = {}) => ({ to, sentAt: Date.now(), textHash: hash(notice.text), ...changes });

  test("it finds a message that was taken without an answer", async () => {
    const { twilio, channel, send } = await open();
    const question = hidden();
    twilio.behave("takes it and hangs up");
    await send();
    const found = await channel.lookUp?.(question);
    const accepted = { status: "accepted", providerMessageId: twilio.messages[0]?.sid };
    expect(found).toMatchObject({ status: "found", outcome: accepted });
  });

  test.each([
    ["delivered", null, { status: "delivered" }],
    ["sent", null, { status: "accepted" }],
    ["undelivered", 30005, { status: "failed", retryable: false, reason: { code: "InvalidDestination" } }],
  ])("it tells that the message is %s", async (status, errorCode, outcome) => {
    const { twilio, channel, send } = await open();
    await send();
    Object.assign(twilio.messages[0] ?? {}, { status, errorCode });
    expect(await channel.lookUp?.(hidden())).toMatchObject({ status: "found", outcome });
  });

  test("it says that a message never arrived, whatever else was sent there", async () => {
    const { twilio, channel, send } = await open();
    twilio.behave({ status: 503 });
    await send();
    twilio.behave("accepts");
    await channel.send(deliveryOf(textMessage(), { notice: { ...notice, text: "Something else." } }));
    expect(await channel.lookUp?.(hidden())).toMatchObject({
      status: "found",
      outcome: { status: "failed", retryable: true },
    });
  });

  test("it takes no earlier message of the same words for it, and knows a trial account's", async () => {
    const { twilio, channel, send } = await open();
    await send();
    const [message] = twilio.messages;
    Object.assign(message ?? {}, { createdAt: new Date(Date.now() - 60_000) });
    expect(await channel.lookUp?.(hidden())).toMatchObject({ outcome: { status: "failed" } });
    const body = `Sent from your Twilio trial account - ${notice.text}`;
    Object.assign(message ?? {}, { createdAt: new Date(), body });
    expect(await channel.lookUp?.(hidden())).toMatchObject({ outcome: { status: "accepted" } });
  });

  test("it says later when Twilio cannot be asked", async () => {
    const { twilio, channel } = await open();
    await twilio.stop();
    expect(await channel.lookUp?.(hidden())).toEqual({ status: "later" });
  });
});

test.each([
  ["", { encoding: "GSM-7", segments: 0 }],
  ["a".repeat(160), { encoding: "GSM-7", segments: 1 }],
  ["a".repeat(161), { encoding: "GSM-7", segments: 2 }],
  ["€".repeat(80), { encoding: "GSM-7", segments: 1 }],
  ["€".repeat(81), { encoding: "GSM-7", segments: 2 }],
  ["Grüße", { encoding: "GSM-7", segments: 1 }],
  ["š".repeat(70), { encoding: "UCS-2", segments: 1 }],
  ["😀".repeat(36), { encoding: "UCS-2", segments: 2 }],
] as const)("%j takes %j", (text, expected) => {
  expect(countSegments(text)).toEqual(expected);
});
