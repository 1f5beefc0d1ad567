import { message as messageSchema } from "../../src/message/message";
import { normalize } from "../../src/message/normalize";
import { writeJson } from "../../src/message/write-json";
import { capture, fixtures } from "./fixtures";

describe("writeJson", () => {
  test.each(fixtures)("$name is written in full", ({ body }) => {
    const message = normalize(body, capture);
    expect(writeJson(message)).toBe(JSON.stringify(message));
  });

  test("a body nested 50,000 levels deep is written without its depths", () => {
    const deep = JSON.parse(`${'{"a":['.repeat(25_000)}1${"]}".repeat(25_000)}`);
    const body = { type: "Text", text: "Deep.", novelty: deep, content: [{ contentType: "Card", card: deep }] };
    const message = normalize(body, capture);
    expect(() => JSON.stringify(message)).toThrow(RangeError);
    const written = JSON.parse(writeJson(message));
    expect(messageSchema.safeParse(written).success).toBe(true);
    expect(written).toMatchObject({ text: "Deep.", raw: { novelty: { a: [{ a: [{}] }] } } });
  });
});
