import { parseRetryAfter } from "../../src/channels/retry-after";

const now = new Date("1994-11-06T08:49:07.500Z");

test.each([
  ["0", 0],
  [" 90 ", 90_000],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 29_500],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 29_500],
  ["Sun Nov  6 08:49:37 1994", 29_500],
  ["Sun, 06 Nov 1994 08:00:00 GMT", 0],
  ["99999999999999999999", 366 * 86_400_000],
])("%p means %d ms", (header, expected) => {
  expect(parseRetryAfter(header, now)).toBe(expected);
});

test.each(["", "-5", "1.5", "5s", "soon", "2026-11-20T10:00:00Z", "Sunday", "1e3"])("%p says nothing", (header) => {
  expect(parseRetryAfter(header, now)).toBeUndefined();
});

test("an absent header says nothing, of several the longest wait counts", () => {
  expect(parseRetryAfter(undefined, now)).toBeUndefined();
  expect(parseRetryAfter(["3", "soon", "5"], now)).toBe(5_000);
});
