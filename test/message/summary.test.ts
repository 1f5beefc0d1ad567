import * as fc from "fast-check";
import { normalize } from "../../src/message/normalize";
import { summarize } from "../../src/message/summary";
import { bodies } from "./bodies";
import { capture } from "./fixtures";

const ofText = (text: string) => summarize(normalize({ type: "Text", text }, capture));

describe("summarize", () => {
  test("a short text is its own summary", () => {
    expect(ofText("Your ferry leaves from berth 4.")).toBe("Your ferry leaves from berth 4.");
  });

  test("lines and white space become single spaces", () => {
    expect(ofText("  one\r\n\ttwo\u2028three  ")).toBe("one two three");
  });

  test("a long text is cut with an ellipsis", () => {
    expect(ofText("word ".repeat(100))).toBe(`${"word ".repeat(24).trimEnd()}…`);
  });

  test("an emoji family is kept whole or left out", () => {
    const family = "👨‍👩‍👧‍👦";
    expect(ofText(`${"a".repeat(108)}${family}${family}`)).toBe(`${"a".repeat(108)}${family}…`);
    expect(ofText(`${"a".repeat(109)}${family}${family}`)).toBe(`${"a".repeat(109)}…`);
  });

  test("words after a screen of white space are found", () => {
    expect(ofText(`${" ".repeat(10_000)}late`)).toBe("late");
  });

  test("every summary is one printable line of at most 120 characters", () => {
    fc.assert(
      fc.property(bodies.distorted, fc.string({ unit: "binary", maxLength: 300 }), (body, text) => {
        for (const message of [normalize(body, capture), normalize({ ...body, text }, capture)]) {
          const summary = summarize(message);
          expect(summary.length).toBeLessThanOrEqual(120);
          expect(summary).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029]/u);
        }
      }),
    );
  });
});
