import * as fc from "fast-check";
import { recognize, showElement, showsAnything } from "../../src/message/elements";
import { deliverableKinds, message as messageSchema } from "../../src/message/message";
import { normalize } from "../../src/message/normalize";
import { summarize } from "../../src/message/summary";
import { isReceipt, readObjects } from "../../src/message/wire";
import { bodies } from "./bodies";
import { capture, fixtures } from "./fixtures";

describe("normalize", () => {
  test.each(fixtures)("$name becomes the reviewed message", ({ body, expected }) => {
    const message = normalize(body, capture);
    const { raw, ...rest } = message;
    expect(raw).toBe(body);
    expect({ ...rest, summary: summarize(message) }).toStrictEqual(expected);
  });

  test.each(fixtures)("$name fits the schema and is left as it was", ({ body, bytes }) => {
    expect(messageSchema.safeParse(normalize(body, capture)).error).toBeUndefined();
    expect(body).toStrictEqual(JSON.parse(bytes.toString("utf8")));
  });

  test("any JSON object becomes a message that fits the schema and keeps the body", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (body) => {
        const message = normalize(body, capture);
        expect(message.raw).toBe(body);
        expect(messageSchema.safeParse(message).error).toBeUndefined();
      }),
    );
  });

  test("bodies with wrong types anywhere become messages that fit the schema", () => {
    fc.assert(
      fc.property(bodies.distorted, (body) => {
        const before = JSON.stringify(body);
        const message = normalize(body, capture);
        expect(messageSchema.safeParse(message).error).toBeUndefined();
        expect(message.raw).toBe(body);
        expect(JSON.stringify(body)).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  test("text is never dropped, whatever stands beside it", () => {
    fc.assert(
      fc.property(bodies.distorted, fc.string({ minLength: 1, unit: "binary" }), (body, text) => {
        expect(normalize({ ...body, text }, capture).text).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("words go out whatever stands beside them, except in a receipt", () => {
    const words = fc.string({ unit: "binary" }).map((text) => `x${text}`);
    fc.assert(
      fc.property(bodies.distorted, words, (body, text) => {
        const { kind } = normalize({ ...body, text }, capture);
        expect([...deliverableKinds, "receipt"]).toContain(kind);
        expect(kind === "receipt").toBe(isReceipt({ ...body, text }));
      }),
      { numRuns: 500 },
    );
  });

  test("elements keep every field and value of the content", () => {
    fc.assert(
      fc.property(fc.array(bodies.element, { minLength: 1 }), bodies.unknownFields, (content, more) => {
        const message = normalize({ ...more, type: "Structured", content }, capture);
        expect(message.elements).toStrictEqual(content);
      }),
    );
  });

  test("fields that nobody knows change nothing but raw", () => {
    fc.assert(
      fc.property(fc.constantFrom(...fixtures), bodies.unknownFields, ({ body, expected }, more) => {
        const { raw: _, ...rest } = normalize({ ...more, ...body }, capture);
        const { summary: __, ...message } = expected;
        expect(rest).toStrictEqual(message);
      }),
    );
  });

  test("a body nested 50,000 levels deep is understood", () => {
    const deep = JSON.parse("[".repeat(50_000) + "]".repeat(50_000));
    const message = normalize(
      {
        type: "Text",
        text: "Deep.",
        novelty: deep,
        metadata: { deep },
        content: [deep, { contentType: "Card", card: deep }],
      },
      capture,
    );
    expect(message.kind).toBe("text");
    expect(messageSchema.safeParse(message).success).toBe(true);
  });

  test("an id too large for a JSON number names nobody", () => {
    const body = JSON.parse('{"type":"Text","text":"x","channel":{"to":{"id":90071992547409931}}}');
    expect(normalize(body, capture).recipient.id).toBe("");
  });

  test("keys called __proto__ reach no prototype", () => {
    const body = JSON.parse(
      '{"type":"Text","__proto__":{"text":"x"},"metadata":{"__proto__":{"polluted":1}},"channel":{"__proto__":{"to":{"id":"x"}}}}',
    );
    const message = normalize(body, capture);
    expect(message.kind).toBe("unsupported");
    expect(message.recipient.id).toBe("");
    expect(Object.getPrototypeOf(message.metadata)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each([
    ["2026-09-14T08:50:00Z", "2026-09-14T08:50:00.000Z"],
    ["2026-09-14T08:50:00.123456Z", "2026-09-14T08:50:00.123Z"],
    ["2026-09-14T10:50:00+0200", "2026-09-14T08:50:00.000Z"],
    ["2026-09-14T08:50:00", "2026-09-14T08:50:00.000Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
    ["2026-02-29T00:00:00Z", null],
    ["2026-13-01T00:00:00Z", null],
    ["2026-09-14", null],
    ["1", null],
    ["yesterday", null],
    [1789375800000, null],
    [null, null],
  ])("channel.time %p is sent at %p", (time, sentAt) => {
    expect(normalize({ channel: { time } }, capture).sentAt).toBe(sentAt);
  });
});

describe("showsAnything", () => {
  test("its short cuts agree with what is shown", () => {
    const elements = bodies.distorted.map(({ content }) => readObjects(content));
    fc.assert(
      fc.property(elements, (list) => {
        for (const element of list) {
          const known = recognize(element);
          const shown = showElement({ contentType: "Unknown", ...element }).length > 0;
          expect(known !== undefined && showsAnything(known)).toBe(shown);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
