import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageJsonSchema } from "../../src/message/schema";

const published = join(__dirname, "../../config/schema/message.json");

describe("messageJsonSchema", () => {
  test("config/schema/message.json is current", () => {
    expect(JSON.parse(readFileSync(published, "utf8"))).toEqual(JSON.parse(JSON.stringify(messageJsonSchema())));
  });

  test("it tells the kinds apart by a constant", () => {
    expect(messageJsonSchema().oneOf).toMatchObject(
      ["text", "media", "template", "structured", "typing", "receipt", "event", "unsupported"].map((kind) => ({
        properties: { kind: { const: kind } },
      })),
    );
  });
});
