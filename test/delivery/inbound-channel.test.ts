import { createInboundChannel, type InboundAnswer, judgeAnswer, paceInbound } from "../../src/delivery/inbound-channel";
import type { QueueWork } from "../../src/delivery/worker";
import { understandCall } from "../../src/message/inbound";

const later = (changes: Partial<Extract<InboundAnswer, { status: "later" }>> = {}): InboundAnswer => ({
  status: "later",
  answer: "inbound.message: HTTP 503, http.503",
  error: { status: 503, code: "http.503" },
  ...changes,
});
const refused = (status: number | undefined, code = "bad.request"): InboundAnswer => ({
  status: "refused",
  answer: `HTTP ${status}`,
  error: { status, code },
});

test.each([
  [refused(400), "InvalidMessageStructure"],
  [refused(undefined, "invalid.from.idType"), "InvalidMessageStructure"],
  [refused(403), "MessageNotAllowed"],
  [refused(404), "InvalidDestination"],
  [refused(409), "GeneralError"],
  [refused(415), "MediaTypeNotAllowed"],
])("%j fails for good with %s", (answer, code) => {
  expect(judgeAnswer(answer)).toMatchObject({ status: "failed", retryable: false, reason: { code } });
});

test("a 404 to a response means that the message it speaks of is not known", () => {
  expect(judgeAnswer(refused(404), "UnknownMessage")).toMatchObject({ reason: { code: "UnknownMessage" } });
});

test("what is put off is tried again after the wait it asks for; only a busy Genesys Cloud is not taken for a broken one", () => {
  expect(judgeAnswer(later())).toMatchObject({ retryable: true, reason: { code: "ServerError" } });
  const busy = later({ error: { status: 429, code: "too.many.requests" }, retryAfterMs: 3000 });
  expect(judgeAnswer(busy)).toMatchObject({ retryable: true, retryAfterMs: 3000, reason: { code: "RateLimited" } });
  const spent = later({ error: { status: undefined, code: "budget.spent" }, retryAfterMs: 40 });
  expect(judgeAnswer(spent)).toMatchObject({ retryable: true, retryAfterMs: 40, reason: { code: "RateLimited" } });
});

function channelThat(answers: InboundAnswer) {
  const sent: unknown[] = [];
  const take = async (integrationId: string, body: unknown) => {
    sent.push([integrationId, body]);
    return answers;
  };
  const channel = createInboundChannel({
    organisation: "main",
    inbound: { sendMessage: take, sendResponse: take, sendTyping: take },
    findGenesysIds: async (id) =>
      id === "ours"
        ? { genesysMessageId: "theirs", conversationId: "c-1" }
        : id === "idless"
          ? { genesysMessageId: null, conversationId: null }
          : undefined,
    now: () => 5000,
  });
  return { channel, sent };
}
const ids = { id: "m-1", integration: "harborline-chat", integrationId: "i-1" };
const from = { id: "mira", idType: "Opaque", nickname: "", phone: "+4312345" };
const tap = (originatingMessageId: string) =>
  understandCall("structured", ids, {
    integration: "i",
    messageId: "1",
    from,
    originatingMessageId,
    response: { type: "Button", text: "Yes", payload: "yes" },
  });

test("the customer is told in the fields that Genesys Cloud knows, and the time of arrival stands for none", async () => {
  const { channel, sent } = channelThat({
    status: "done",
    answer: "HTTP 200",
    value: { id: "g-1", conversationId: "c-2" },
  });
  const message = understandCall("text", ids, { integration: "i", messageId: "1", from, text: "hello" });
  const outcome = await channel.send({ deliveryId: "d-1", attempt: 1, message, receivedAt: 1000 });
  expect(outcome).toEqual({ status: "accepted", providerMessageId: "g-1", conversationId: "c-2", answer: "HTTP 200" });
  expect(sent).toEqual([
    [
      "i-1",
      { from: { id: "mira", idType: "Opaque" }, time: "1970-01-01T00:00:01.000Z", messageId: "m-1", text: "hello" },
    ],
  ]);
});

test("a response joins the conversation of the message it answers", async () => {
  const { channel, sent } = channelThat({ status: "done", answer: "HTTP 200", value: { id: "g-1" } });
  expect(await channel.send({ deliveryId: "d", attempt: 1, message: tap("ours") })).toMatchObject({
    conversationId: "c-1",
  });
  await channel.send({ deliveryId: "d", attempt: 1, message: tap("unknown") });
  expect(sent.map((one) => (one as [string, { originatingMessageId: string }])[1].originatingMessageId)).toEqual([
    "theirs",
    "unknown",
  ]);
  const outcome = await channel.send({ deliveryId: "d", attempt: 1, message: tap("idless") });
  expect(outcome).toMatchObject({ status: "failed", retryable: false, reason: { code: "UnknownMessage" } });
  expect(sent).toHaveLength(2);
});

test("the queue rests while Genesys Cloud asks to be left alone", async () => {
  const { channel } = channelThat(later({ retryAfterMs: 3000 }));
  const work: QueueWork = { queue: "q", concurrency: 128, leaseMs: 1, begin: async () => [] };
  const paced = paceInbound(work, channel);
  expect(paced.permits?.(5000).count).toBeGreaterThan(0);
  await channel.send({ deliveryId: "d", attempt: 1, message: tap("ours") });
  expect(paced.permits?.(7999)).toEqual({ count: 0, askAgainAt: 8000 });
  expect(paced.permits?.(8000).count).toBe(Number.POSITIVE_INFINITY);
});
