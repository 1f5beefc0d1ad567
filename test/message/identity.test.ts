import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { dedupKey, direction } from "../../src/message/identity";
import { normalize } from "../../src/message/normalize";
import { capture, fixtures } from "./fixtures";

const none = new Uint8Array();
const key = (body: Record<string, unknown>, integration = "chat") => dedupKey(body, none, integration);
const text = { id: "90519fdf", type: "Text", channel: { time: "2026-09-14T08:21:07.113Z" } };
const receipt = { id: "90519fdf", type: "Receipt", status: "Published", channel: { time: "2026-09-14T08:21:09.000Z" } };
const typing = {
  id: "1c8758bd",
  type: "Event",
  events: [{ eventType: "Typing" }],
  channel: { time: "2026-09-14T08:21:03.000Z" },
};

describe("dedupKey", () => {
  test("a text is known by id, integration, type and time", () => {
    expect(key(text)).toBe("2026-09-14T08:21:07.113Z|90519fdf|chat|text");
    expect(key({ ...text, text: "changed", novelty: 1 })).toBe(key(text));
  });

  test("a receipt is known by its status, not by its time", () => {
    expect(key(receipt)).toBe("receipt|90519fdf|chat|receipt|published");
    expect(key({ ...receipt, channel: { time: "2026-09-14T09:00:00.000Z" } })).toBe(key(receipt));
    expect(key({ ...receipt, status: "Failed" })).not.toBe(key(receipt));
  });

  test("an event is known by its type and time", () => {
    expect(key(typing)).toBe("2026-09-14T08:21:03.000Z|1c8758bd|chat|event|typing");
    expect(key({ ...typing, channel: { time: "2026-09-14T08:21:08.000Z" } })).not.toBe(key(typing));
    expect(key({ ...typing, events: [{ eventType: "Presence" }] })).not.toBe(key(typing));
  });

  test("the same message of two integrations counts twice", () => {
    expect(key(text, "chat")).not.toBe(key(text, "kiosk"));
  });

  test("a body without an id is known by its bytes", () => {
    const bytes = Buffer.from('{"type":"Text"}');
    const digest = createHash("sha256").update(bytes).digest("hex");
    for (const id of [undefined, null, "", {}]) {
      expect(dedupKey({ id, type: "Text" }, bytes, "chat")).toBe(`|sha256:${digest}|chat|text`);
    }
  });

  test("an id written like a digest is not taken for one", () => {
    expect(key({ id: "sha256:ab", type: "Text" })).toMatch(/^\|sha256%003Aab\|/);
  });

  test("keys of different fixtures differ", () => {
    const keys = fixtures.map(({ body, bytes }) => dedupKey(body, bytes, "chat"));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("keys are short printable ASCII, and differ when a part does", () => {
    const part = fc.oneof(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.constantFrom("a|b", "a", "b|", "", "%007C", "\u0000"),
    );
    const parts = fc.record({ id: part.filter((id) => id !== ""), type: part, time: part, integration: part });
    const keyOf = ({ id, type, time, integration }: { id: string; type: string; time: string; integration: string }) =>
      dedupKey({ id, type: `x${type.toLowerCase()}`, channel: { time } }, none, integration);
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(keyOf(one)).toMatch(/^[\x21-\x7e]{1,300}$/);
        const same =
          one.id === other.id &&
          one.type.toLowerCase() === other.type.toLowerCase() &&
          one.time === other.time &&
          one.integration === other.integration;
        expect(keyOf(one) === keyOf(other)).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });

  test("any JSON object has a key", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (body) => {
        expect(dedupKey(body, none, "chat")).toMatch(/^[\x21-\x7e]{1,300}$/);
      }),
    );
  });
});

describe("direction", () => {
  test("receipts are inbound, all else is outbound", () => {
    const inbound = fixtures.filter(({ body }) => direction(normalize(body, capture)) === "inbound");
    expect(inbound.length).toBeGreaterThan(0);
    expect(inbound.every(({ expected }) => expected.kind === "receipt")).toBe(true);
    expect(fixtures.filter(({ expected }) => expected.kind === "receipt")).toHaveLength(inbound.length);
  });
});
