import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { normalize } from "../../src/message/normalize";
import { createRedactor } from "../../src/replay/redact";

const key = Buffer.alloc(32, 7);
const redactor = createRedactor(key);
const redact = (json: string) => redactor.body(Buffer.from(json)).toString("utf8");
const fixtures = join(__dirname, "../fixtures/open-messaging/outbound");
const ids = { id: "ours", integration: "harborline-chat", integrationId: "integration-1" };

/** Names, nesting and types, without values. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]));
}

test.each(readdirSync(fixtures))("%s keeps its shape, its length in bytes and its kind", (file) => {
  const body = readFileSync(join(fixtures, file));
  const redacted = redactor.body(body);
  expect(redacted).toHaveLength(body.length);
  const [was, now] = [body, redacted].map((one) => JSON.parse(one.toString("utf8")) as Record<string, unknown>);
  expect(shapeOf(now)).toEqual(shapeOf(was));
  expect(normalize(now ?? {}, ids).kind).toBe(normalize(was ?? {}, ids).kind);
});

test("any JSON keeps its shape and length", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()), fc.boolean(), (value, pretty) => {
      const json = JSON.stringify(value, null, pretty ? 2 : 0);
      const redacted = redact(json);
      expect(Buffer.byteLength(redacted)).toBe(Buffer.byteLength(json));
      expect(shapeOf(JSON.parse(redacted))).toEqual(shapeOf(JSON.parse(json)));
    }),
    { numRuns: 300 },
  );
});

test("nothing that was said, and nobody who said it, is left", () => {
  const body = JSON.stringify({
    id: "90519fdfcda199f52d6757d95d97d47f",
    type: "Text",
    text: "Hello Mira Novak, your code is 481516 at 48.2082, call +436601234567",
    channel: {
      to: { id: "mira.novak@harborline.example", idType: "Email", nickname: "Mira", firstName: "Mira" },
      from: { nickname: "Marta" },
      time: "2026-09-14T08:21:07.113Z",
    },
    content: [
      { contentType: "Location", location: { latitude: 48.2082, longitude: 16.3738 } },
      {
        contentType: "Attachment",
        attachment: { mediaType: "Image", url: "https://files.harborline.example/mira.png?t=abc" },
      },
    ],
    metadata: { type: "Marta", status: "Delivered", time: "1990-01-02T00:00:00Z", born: "1990-01-02" },
  });
  const redacted = redact(body);
  expect(redacted).not.toMatch(
    /mira|marta|novak|hello|481516|48\.2082|16\.3738|harborline|1990|436601234567|90519fdf/i,
  );
  const parsed = JSON.parse(redacted);
  expect(parsed).toMatchObject({
    type: "Text",
    channel: { to: { idType: "Email" }, time: "2026-09-14T08:21:07.113Z" },
    content: [{ contentType: "Location" }, { contentType: "Attachment", attachment: { mediaType: "Image" } }],
  });
  expect(parsed.metadata.status).not.toBe("Delivered");
  expect(URL.canParse(parsed.content[1].attachment.url)).toBe(true);
  expect(parsed.channel.to.id).toMatch(/^[a-z]{4}\.[a-z]{5}@[a-z]{10}\.[a-z]{7}$/);
});

test("equal words stay equal within a file, and nobody can look them up in another", () => {
  const again = createRedactor(key);
  const json = '{"to":"mira","from":"mira","other":"mora"}';
  const { to, from, other } = JSON.parse(redact(json));
  expect(to).toBe(from);
  expect(to).not.toBe(other);
  expect(again.body(Buffer.from(json)).toString()).toBe(redact(json));
  expect(createRedactor(randomBytes(32)).body(Buffer.from(json)).toString()).not.toBe(redact(json));
});

test("escapes stay escapes of the same length", () => {
  const json = '{"t":"\\u03a3\\ud83d\\ude0f\\n\\t\\"\\\\\\u0000\\u0041","n":-0.50e+10,"z":0}';
  const redacted = redact(json);
  expect(redacted).toHaveLength(json.length);
  expect(redacted).toContain('\\u00e9\\ud83d\\ude00\\n\\t\\"\\\\\\u0000\\u00');
  expect(() => JSON.parse(redacted)).not.toThrow();
  expect(redacted).not.toContain("\\u0041");
});

test("headers keep what kind of request it was, and no address or signature", () => {
  const headers = {
    "content-type": "application/json",
    "x-forwarded-for": "203.0.113.7",
    "x-hub-signature-256": "sha256=x",
  };
  const kept = redactor.headers(headers);
  expect(Object.keys(kept)).toEqual(["content-type", "x-forwarded-for"]);
  expect(kept["content-type"]).toBe("application/json");
  expect(kept["x-forwarded-for"]).toMatch(/^\d{3}\.\d\.\d{3}\.\d$/);
  expect(kept["x-forwarded-for"]).not.toBe("203.0.113.7");
});
