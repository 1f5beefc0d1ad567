import { compare, type Today } from "../../src/replay/diff";
import type { SelectedMessage } from "../../src/store/selection";

const recorded: SelectedMessage = {
  seq: 1,
  id: "ours-1",
  integration: "harborline-chat",
  integrationId: "integration-1",
  genesysMessageId: "g-1",
  direction: "outbound",
  kind: "text",
  source: null,
  conversationId: "c-1",
  recipientId: "mira@harborline.example",
  recipientIdType: "Email",
  receivedAt: 0,
  sentAt: 1000,
  summary: "Good morning",
  fate: "delivered",
  reasonCode: null,
  headers: {},
  body: Buffer.from("{}"),
  meaning: JSON.stringify({ kind: "text", text: "aaa", sender: "bbb", parts: "text:ccc" }),
  delivery: { channel: "chat", status: "delivered", reasonCode: null, answer: "HTTP 200" },
  noticePolicy: null,
};
const today: Today = {
  meaning: { kind: "text", text: "aaa", sender: "bbb", parts: "text:ccc" },
  summary: "Good morning",
  recipientId: "mira@harborline.example",
  conversationId: "c-1",
  genesysMessageId: "g-1",
  sentAt: 1000,
  channel: "chat",
  parts: "text:ccc",
  refusal: null,
  noticeAfter: () => null,
};
const failed: SelectedMessage = {
  ...recorded,
  fate: "notified",
  delivery: { channel: "chat", status: "failed", reasonCode: "InvalidDestination", answer: "HTTP 400" },
  noticePolicy: "missed",
};

test("the same code and settings differ in nothing", () => {
  expect(compare(recorded, today)).toEqual([]);
  expect(compare(failed, { ...today, noticeAfter: () => "missed" })).toEqual([]);
});

test.each<[string, Partial<SelectedMessage>, Partial<Today>, string[]]>([
  ["kind", {}, { meaning: { ...today.meaning, kind: "structured" } }, ["kind"]],
  ["words", {}, { meaning: { ...today.meaning, text: "zzz" }, summary: "Good" }, ["summary", "message.text"]],
  ["new field", {}, { meaning: { ...today.meaning, template: "ttt" } }, ["message.template"]],
  ["lost field", {}, { meaning: { kind: "text", text: "aaa", parts: "text:ccc" } }, ["message.sender"]],
  ["recipient", {}, { recipientId: "" }, ["recipient"]],
  ["time", {}, { sentAt: null }, ["sentAt"]],
  ["channel", {}, { channel: "sms" }, ["channel"]],
  ["parts", {}, { parts: "text+text:ddd" }, ["parts"]],
  ["refusal", {}, { refusal: "UnsupportedMessage" }, ["reason"]],
  [
    "recorded refusal",
    {
      delivery: { channel: "chat", status: "failed", reasonCode: "UnsupportedMessage", answer: "not sent" },
      fate: "failed",
    },
    {},
    ["reason"],
  ],
])("a difference in %s is named, and nothing else", (_what, was, now, expected) => {
  const changes = compare({ ...recorded, ...was }, { ...today, ...now });
  expect(changes.map(({ what }) => what)).toEqual(expected);
});

test("a policy that would tell nobody now, or another one, is a difference", () => {
  expect(compare(failed, today)).toEqual([{ what: "notice", was: "missed", now: null }]);
  expect(
    compare(failed, { ...today, noticeAfter: (code) => (code === "InvalidDestination" ? "other" : null) }),
  ).toEqual([{ what: "notice", was: "missed", now: "other" }]);
});

test("what was never sent has no channel, parts or notice to compare", () => {
  const noted = { ...recorded, fate: "noted", delivery: null, meaning: null };
  expect(compare(noted, { ...today, channel: "other", parts: "x" })).toEqual([]);
});

test("a redacted capture, of which only the kind is known, is compared by that", () => {
  const redacted = { ...recorded, meaning: JSON.stringify({ kind: "text" }) };
  expect(compare(redacted, { ...today, meaning: { kind: "text", text: "other" } })).toEqual([]);
});
