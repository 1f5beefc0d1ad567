import * as fc from "fast-check";
import { splitText } from "../../src/message/split-text";

const words = (text: string) => text.replace(/\s+/g, "");
const withoutNumbers = (pieces: string[]) => pieces.map((piece) => piece.replace(/^\(\d+\/\d+\) /, ""));
const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const graphemesOf = (text: string) => [...segmenter.segment(text)].map(({ segment }) => segment);
const visible = (graphemes: string[]) => graphemes.filter((one) => /\S/.test(one));

describe("splitText", () => {
  test("a text that fits stays as it is, white space included", () => {
    expect(splitText("  as it is \n", 12)).toEqual(["  as it is \n"]);
  });

  test("a long text is cut between words and numbered", () => {
    const pieces = splitText("The ferry leaves from berth four at half past six this evening, not at six.", 40);
    expect(pieces).toEqual([
      "(1/3) The ferry leaves from berth four",
      "(2/3) at half past six this evening, not",
      "(3/3) at six.",
    ]);
  });

  test("ten pieces get room for two digits", () => {
    const pieces = splitText("word ".repeat(100), 60);
    expect(pieces).toHaveLength(10);
    expect(pieces[0]).toBe(`(1/10)${" word".repeat(10)}`);
    expect(pieces[9]).toBe(`(10/10)${" word".repeat(10)}`);
  });

  test("a link that fits into a piece is not torn", () => {
    const link = `https://www.harborline.example/${"path/".repeat(8)}`;
    const pieces = splitText(`Here is what you asked for: ${link} and more words after it.`, 90);
    expect(pieces.some((piece) => piece.includes(link))).toBe(true);
  });

  test("an emoji family and a flag are not torn", () => {
    const pieces = withoutNumbers(splitText("👨‍👩‍👧‍👦🇦🇹".repeat(40), 100));
    expect(pieces.flatMap(graphemesOf).every((one) => one === "👨‍👩‍👧‍👦" || one === "🇦🇹")).toBe(true);
    expect(pieces.join("")).toBe("👨‍👩‍👧‍👦🇦🇹".repeat(40));
  });

  test("a character longer than the limit is cut between code points", () => {
    const pieces = splitText(`a${"\u0301".repeat(300)}😀`, 20);
    expect(pieces.join("")).toBe(`a${"\u0301".repeat(300)}😀`);
    expect(pieces.every((piece) => piece.length <= 20 && !/\p{Cs}/u.test(piece))).toBe(true);
  });

  test("a megabyte without a space is split in reasonable time", () => {
    const start = process.hrtime.bigint();
    const pieces = splitText("港".repeat(1_000_000), 1000);
    expect(words(withoutNumbers(pieces).join(""))).toHaveLength(1_000_000);
    expect(Number(process.hrtime.bigint() - start) / 1e9).toBeLessThan(2);
  });

  test("pieces keep to the limit and hold every word in its place", () => {
    const grapheme = fc.string({ unit: "grapheme", maxLength: 12 });
    const text = fc
      .array(fc.oneof(grapheme, fc.constantFrom(" ", "\n", "\r\n", "👩‍🚀", "e\u0301", " \u0301", "🇦🇹")))
      .map((all) => all.join(""));
    fc.assert(
      fc.property(text, fc.integer({ min: 12, max: 80 }), (long, limit) => {
        const pieces = splitText(long, limit);
        expect(pieces.every((piece) => piece.length <= limit)).toBe(true);
        const bare = pieces.length > 1 && limit >= 40 ? withoutNumbers(pieces) : pieces;
        expect(words(bare.join(""))).toBe(words(long));
        expect(visible(bare.flatMap(graphemesOf))).toEqual(visible(graphemesOf(long)));
      }),
      { numRuns: 500 },
    );
  });
});
