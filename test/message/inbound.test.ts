import { adapterDedupKey, dedupKey } from "../../src/message/identity";
import { parseCall, readCall, understandCall } from "../../src/message/inbound";
import { message as messageSchema } from "../../src/message/message";
import { guessMime } from "../../src/message/mime";

const ids = { id: "m-1", integration: "harborline-chat", integrationId: "i-1" };
const from = { id: "mira", idType: "Opaque", nickname: "Mira" };

test.each([
  ["text", { integration: "i", messageId: "1", from, text: "hello" }],
  [
    "media",
    { integration: "i", messageId: "1", from, attachments: [{ mediaType: "Image", url: "https://a.example/b.png" }] },
  ],
  [
    "structured",
    {
      integration: "i",
      messageId: "1",
      from,
      originatingMessageId: "2",
      response: { type: "Button", text: "Yes", payload: "yes" },
    },
  ],
  ["typing", { integration: "i", from, type: "typing" }],
  ["event", { integration: "i", from, type: "online" }],
])("a kept request of kind %s is understood as when it came", (kind, raw) => {
  const call = parseCall(kind, raw);
  if (call === undefined) throw new Error("not understood");
  const message = readCall(call, ids, raw);
  expect(message).toEqual(messageSchema.parse(message));
  expect(message).toMatchObject({
    kind,
    recipient: { id: "mira", nickname: "Mira" },
    sender: { origin: "human" },
    raw,
  });
  expect(understandCall(kind, ids, raw)).toEqual(message);
});

test("a time of any offset becomes UTC, and none stays none", () => {
  const raw = { integration: "i", messageId: "1", from, text: "hello" };
  expect(understandCall("text", ids, { ...raw, at: "2026-09-14T10:19:05+02:00" }).sentAt).toBe(
    "2026-09-14T08:19:05.000Z",
  );
  expect(understandCall("text", ids, raw).sentAt).toBeNull();
});

test("a kept body that cannot be understood any more is unsupported, and keeps its raw body", () => {
  expect(understandCall("text", ids, { odd: true })).toMatchObject({ kind: "unsupported", raw: { odd: true } });
});

test("an attachment carries only what was said of it", () => {
  const attachment = { mediaType: "File", url: "https://a.example/b", mime: "", filename: "b.pdf" };
  const understood = understandCall("media", ids, {
    integration: "i",
    messageId: "1",
    from,
    attachments: [attachment],
  });
  expect(understood).toMatchObject({ kind: "media" });
  expect(understood.kind === "media" && understood.attachments).toEqual([
    { mediaType: "File", url: "https://a.example/b", filename: "b.pdf" },
  ]);
});

test("requests are the same only with the same id on the same route, channel and integration", () => {
  const by = { channel: "chat", integration: "a", route: "messages", id: "1" };
  const keys = [
    by,
    { ...by, channel: "web" },
    { ...by, integration: "b" },
    { ...by, route: "responses" },
    { ...by, id: "2" },
    { ...by, integration: "a|messages", route: "1" },
  ].map(adapterDedupKey);
  expect(new Set(keys).size).toBe(keys.length);
  expect(adapterDedupKey({ ...by })).toBe(keys[0]);
  const twin = { id: "1", type: "a", channel: { time: "%a" } };
  expect(keys).not.toContain(dedupKey(twin, Buffer.from(""), "chat"));
  expect(dedupKey(twin, Buffer.from(""), "chat").startsWith("%a|")).toBe(false);
});

test.each([
  [{ mediaType: "File", filename: "ticket.PDF", url: "https://a.example/x" }, "application/pdf"],
  [{ mediaType: "Image", url: "https://a.example/x.png?size=2" }, "image/png"],
  [{ mediaType: "Image", url: "https://a.example/constructor.toString" }, "image/jpeg"],
  [{ mediaType: "Video", url: "https://a.example/" }, "video/mp4"],
  [{ mediaType: "Link", url: "https://a.example/" }, "text/html"],
  [{ mediaType: "File", url: "https://a.example/x" }, "application/octet-stream"],
])("the MIME type of %j is guessed", (attachment, mime) => {
  expect(guessMime(attachment)).toBe(mime);
});
