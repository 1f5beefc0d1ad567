import pino from "pino";
import { GenesysError, readConnectionFailure, readRefusal, readRetryAfter } from "../../src/genesys/error";

const now = Date.parse("2026-09-14T08:00:00Z");

test.each([
  ["17", 17_000],
  ["0", 0],
  ["1.5", 1_500],
  ["Mon, 14 Sep 2026 08:00:30 GMT", 30_000],
  ["Mon, 14 Sep 2026 07:00:00 GMT", 0],
  ["soon", undefined],
  ["-5", undefined],
  ["", undefined],
  [undefined, undefined],
])("a Retry-After of %p is %p milliseconds", (value, expected) => {
  expect(readRetryAfter(value, now)).toBe(expected);
});

test("a Retry-After that is a date is read by the clock it was written by", () => {
  const headers = { date: "Mon, 14 Sep 2026 09:00:00 GMT", "retry-after": "Mon, 14 Sep 2026 09:00:20 GMT" };
  const answer = { status: 429, headers };
  expect(readRefusal("t", answer, now).retryAfterMs).toBe(20_000);
  const undated = { ...answer, headers: { "retry-after": headers["retry-after"] } };
  expect(readRefusal("t", undated, now).retryAfterMs).toBe(3_620_000);
});

test("the correlation id comes from the body, else from either header", () => {
  const read = (headers: Record<string, string>, data: unknown) =>
    readRefusal("t", { status: 500, headers, data }, now).correlationId;
  expect(read({ "inin-correlation-id": "from-header" }, { contextId: "from-body" })).toBe("from-body");
  expect(read({ "inin-correlation-id": "older" }, undefined)).toBe("older");
  expect(read({ "genesys-correlation-id": "newer" }, "text")).toBe("newer");
  expect(read({ "inin-correlation-id": "two words\nof mischief" }, null)).toBeUndefined();
});

test("after a 5xx but 503 the work may have been done", () => {
  const read = (status: number) => readRefusal("t", { status, headers: {} }, now).uncertain;
  expect([400, 429, 500, 502, 503, 504].map(read)).toEqual([false, false, true, true, false, true]);
});

test.each([
  ["ECONNREFUSED", false],
  ["UND_ERR_SOCKET", true],
])("a request that ended with %s may have done the work: %p", (code, mayHaveArrived) => {
  const error = readConnectionFailure("t", { code, mayHaveArrived });
  expect(error).toMatchObject({ code, uncertain: mayHaveArrived, retryable: true, status: undefined });
});

test("a log line of an error holds nothing that Genesys Cloud quoted", () => {
  const lines: string[] = [];
  const data = { code: "invalid.value", message: "Value [ines@example.com] is not valid", status: 400 };
  const error = readRefusal("t", { status: 400, headers: {}, data }, now);
  pino({}, { write: (line) => lines.push(line) }).error(error, error.message);
  expect(error.detail).toContain("ines@example.com");
  expect(lines.join()).toContain("invalid.value");
  expect(lines.join()).not.toContain("ines@example.com");
});

test("an error seen in another light keeps what it knew", () => {
  const failure = { operation: "t", status: 429, code: "c", correlationId: "x", retryable: true, uncertain: false };
  const error = new GenesysError(failure, { detail: "d" }).with({ retryAfterMs: 5 });
  expect(error).toMatchObject({ ...failure, retryAfterMs: 5, detail: "d", message: "t: HTTP 429, c (correlation x)" });
});
