import { findMissed, type MessageNews, planMissed } from "../../src/delivery/missed";

const message = (messageId: string, status: string, purpose = "agent"): MessageNews => ({
  messageId,
  status,
  at: "2026-09-14T08:21:07.113Z",
  participant: { purpose },
});

test("what our side sent is looked through, whoever it was and on whichever leg", () => {
  const messages = [
    message("agent", "delivery-failed"),
    message("bot", "delivery-failed", "bot"),
    message("flow", "failed", "workflow"),
    message("queue", "delivery-failed", "acd"),
    message("theirs", "delivery-failed", "customer"),
    message("theirs too", "failed", "external"),
    message("arrived", "delivery-success"),
    message("seen", "read"),
    message("going", "sent"),
  ];
  const { missed, arrived, isUndecided } = findMissed({ id: "c", messages }, new Set());
  expect(missed.map((one) => one.genesysMessageId)).toEqual(["agent", "bot", "flow", "queue"]);
  expect(arrived).toEqual(["arrived", "seen"]);
  expect(isUndecided).toBe(true);
});

test("a message that an event calls undelivered counts as missed, unless it has arrived by now", () => {
  const messages = [message("a", "sent"), message("b", "delivery-success"), message("c", "queued")];
  const { missed, isUndecided } = findMissed({ id: "c", messages }, new Set(["a", "b", "c"]));
  expect(missed.map((one) => one.genesysMessageId)).toEqual(["a", "c"]);
  expect(isUndecided).toBe(false);
});

const now = Date.parse("2026-09-14T09:00:00.000Z");
const given = { now: () => now, newId: () => "new-id" };
const reason = { code: "GeneralError", message: "not delivered" } as const;
const missed = { genesysMessageId: "g-1", sentAt: now - 60_000, reason };
const fallback = { policy: "missed", never: new Set<string>(), graceMs: 60_000, digest: true, maxAgeMs: 3_600_000 };
const webMessaging = {
  integration: { name: "web-messaging", id: "" },
  channel: "web-messaging",
  isWebMessaging: true,
  from: "Harborline",
  fallback,
};
const conversation = { id: "c-1", customer: { address: "session-1", externalContactId: "contact-1" } };

test("a web message is known by its contact, since its address is that of a browser session", () => {
  const planned = planMissed(missed, webMessaging, conversation, given);
  expect(planned).toMatchObject({ recipientId: "contact-1", fate: "open", kind: "text", conversationId: "c-1" });
  expect(planned.notice).toMatchObject({ policy: "missed", dueAt: now + 60_000 });
  const unknown = planMissed(missed, webMessaging, { id: "c-1", customer: undefined }, given);
  expect(unknown.recipientId).toBe("c-1");
});

test("messages of one visitor share a notice, or have one each where digests are off", () => {
  const keyOf = (id: string, changes = {}) =>
    planMissed(missed, { ...webMessaging, fallback: { ...fallback, ...changes } }, conversation, {
      ...given,
      newId: () => id,
    }).notice?.recipientKey;
  expect(keyOf("a")).toBe(keyOf("b"));
  expect(keyOf("a", { digest: false })).not.toBe(keyOf("b", { digest: false }));
});

test.each([
  ["no policy", undefined, missed, "failed"],
  ["a reason that is never told", { ...fallback, never: new Set(["GeneralError"]) }, missed, "failed"],
  ["old news", fallback, { ...missed, sentAt: now - 3_600_001 }, "exhausted"],
])("%s ends it at once, without a notice", (_name, policy, one, fate) => {
  const planned = planMissed(one, { ...webMessaging, fallback: policy }, conversation, given);
  expect(planned.fate).toBe(fate);
  expect(planned.notice).toBeUndefined();
});

test("an open message that never came through the webhook keeps its own recipient and text", () => {
  const normalized = {
    id: "g-1",
    type: "Text",
    text: "Your cabin is ready.",
    channel: { to: { id: "crew-7781@chat.harborline.example", idType: "Email" }, from: { nickname: "Marta" } },
  };
  const ours = { ...webMessaging, integration: { name: "chat", id: "i-1" }, channel: "chat", isWebMessaging: false };
  expect(planMissed({ ...missed, normalized }, ours, conversation, given)).toMatchObject({
    integration: "chat",
    recipientId: "crew-7781@chat.harborline.example",
    recipientIdType: "Email",
    summary: "Your cabin is ready.",
    delivery: { channel: "chat" },
  });
});
