import type { Message } from "../../src/message/message";
import { digestMessage, digestParts } from "../../src/replay/meaning";

const message = {
  kind: "text",
  id: "ours-1",
  genesysMessageId: "g-1",
  integration: "harborline-chat",
  integrationId: "integration-1",
  recipient: { id: "mira@harborline.example", idType: "Email" },
  sender: { origin: "human" },
  sentAt: "2026-09-14T08:21:07.113Z",
  text: "Good morning, Mira",
  metadata: { b: 1, a: { d: [1, { y: 1, x: 2 }], c: 2 } },
  raw: { text: "Good morning, Mira" },
} satisfies Message;

test("nothing of the message can be read from its digest but its kind", () => {
  const text = JSON.stringify(digestMessage(message));
  expect(text).toContain('"kind":"text"');
  expect(text).not.toMatch(/mira|morning|harborline|2026/i);
});

test("our own ids, the integration and the body as it came change nothing", () => {
  const elsewhere = { ...message, id: "ours-2", integration: "other", integrationId: "integration-2", raw: {} };
  expect(digestMessage(elsewhere)).toEqual(digestMessage(message));
});

test("the order of keys changes nothing, the order of a list does", () => {
  const turned = { ...message, metadata: { a: { c: 2, d: [1, { x: 2, y: 1 }] }, b: 1 } };
  expect(digestMessage(turned)).toEqual(digestMessage(message));
  const reordered = { ...message, metadata: { a: { c: 2, d: [{ x: 2, y: 1 }, 1] }, b: 1 } };
  expect(digestMessage(reordered)).not.toEqual(digestMessage(message));
});

test("a changed field changes its own digest and no other", () => {
  const was = digestMessage(message);
  const now = digestMessage({ ...message, text: "Good evening, Mira" });
  const changed = Object.keys(was).filter((field) => was[field] !== now[field]);
  expect(changed).toEqual(["text"]);
});

test("a value nested fifty thousand levels deep has a digest", () => {
  const deep = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`) as unknown;
  expect(digestMessage({ ...message, metadata: { deep } }).metadata).toBe("too-deep");
});

test("parts are known by their kinds and content", () => {
  const part = { kind: "text", text: "one" };
  expect(digestParts([part, part])).toMatch(/^text\+text:/);
  const other = { kind: "text", text: "two" };
  expect(digestParts([part])).not.toBe(digestParts([other]));
});
