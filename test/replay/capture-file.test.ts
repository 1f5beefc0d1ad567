import * as fc from "fast-check";
import { type Capture, readBody, readLine, writeLine } from "../../src/replay/capture-file";
import { readLines } from "../../src/replay/lines";

const nameOf = (id: string) => (id === "integration-1" ? "harborline-chat" : undefined);
const defaults = { nameOf, now: Date.UTC(2026, 8, 14) };
const capture: Capture = {
  integration: "harborline-chat",
  receivedAt: Date.UTC(2026, 8, 14, 8, 21, 7, 113),
  headers: { "content-type": "application/json" },
  body: Buffer.from('{ "id":"a",\n"text":"Καλημέρα 😀 \\u03a3" }'),
  meaning: { kind: "text" },
};

/** The line with some fields replaced. */
function edited(changes: object): string {
  return JSON.stringify({ ...JSON.parse(writeLine(capture)), ...changes });
}

test("what is written is read as it was, to the byte", () => {
  expect(readLine(writeLine(capture), defaults)).toEqual({ ok: true, capture });
});

test("any JSON object survives the way through a file", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const body = Buffer.from(JSON.stringify(value));
      const read = readLine(writeLine({ ...capture, body }), defaults);
      expect(read.ok && read.capture.body.equals(body)).toBe(true);
    }),
  );
});

test("a line with the four fields of the format and no more is read", () => {
  const { integration, receivedAt, headers, bodyBase64 } = JSON.parse(writeLine(capture)) as Record<string, unknown>;
  const line = JSON.stringify({ integration, receivedAt, headers, bodyBase64 });
  expect(readLine(line, defaults)).toMatchObject({ ok: true, capture: { integration: "harborline-chat" } });
});

test.each([
  ["cut in the middle", writeLine(capture).slice(0, 100), /cut short/],
  ["from a newer bridge", edited({ version: 2 }), /newer bridge/],
  ["with a field nobody knows", edited({ colour: "red" }), /colour/],
  ["without an integration", edited({ integration: undefined }), /^integration: /],
  ["with a time that is none", edited({ receivedAt: "yesterday" }), /^receivedAt: /],
  ["with base64 that is none", edited({ bodyBase64: "e30=x" }), /base64/],
  ["with another body", edited({ bodyBase64: Buffer.from("{}").toString("base64") }), /sha256/],
  ["with a body that is no JSON", edited({ bodyBase64: "eA==", sha256: undefined }), /not JSON/],
  ["that is a list", "[1]", /not a JSON object/],
  ["that is a number", "7", /not a JSON object/],
])("a line %s is refused and says why", (_what, line, problem) => {
  expect(readLine(line, defaults)).toMatchObject({ ok: false, problem: expect.stringMatching(problem) });
});

test("a body alone belongs to the integration it names, at the time it names", () => {
  const body = Buffer.from('{"channel":{"id":"integration-1","time":"2026-09-14T08:21:07.113Z"}}');
  expect(readBody(body, defaults)).toEqual({
    ok: true,
    capture: {
      integration: "harborline-chat",
      receivedAt: capture.receivedAt,
      headers: { "content-type": "application/json" },
      body,
    },
  });
  expect(readLine(body.toString(), defaults)).toMatchObject({ ok: true });
  expect(readLine('{"channel":{"id":"other"}}', defaults)).toMatchObject({ ok: false });
  const named = readLine('{"text":"hello"}', { ...defaults, integration: "harborline-chat" });
  expect(named).toMatchObject({ ok: true, capture: { receivedAt: defaults.now } });
});

describe("lines of a stream", () => {
  async function split(chunks: string[], maxBytes = 1000) {
    const lines = [];
    for await (const line of readLines(bytesOf(chunks), maxBytes)) lines.push(line);
    return lines;
  }
  async function* bytesOf(chunks: string[]) {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }

  test("come whole however the chunks are cut", async () => {
    const text = "one\n\ntwo😀\n  \nthree";
    const whole = [
      { number: 1, text: "one" },
      { number: 3, text: "two😀" },
      { number: 5, text: "three" },
    ];
    expect(await split([text])).toEqual(whole);
    expect(await split([...text])).toEqual(whole);
    expect(await split(["one\n", "\n", "two😀\n  ", "\nthree"])).toEqual(whole);
  });

  test("one over the limit is told without being kept, and the next one is read", async () => {
    const long = "x".repeat(500);
    expect(await split([long, long, long, "\nshort\n"], 1000)).toEqual([
      { number: 1, text: undefined },
      { number: 2, text: "short" },
    ]);
  });
});
