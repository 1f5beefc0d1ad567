import * as fc from "fast-check";
import { nextTryAt } from "../../src/delivery/retry";

const start = Date.UTC(2026, 8, 14);
const rule = { maxAgeSeconds: 900, firstDelayMs: 500, maxDelayMs: 30_000 };
const tried = { attempts: 1, firstAttemptAt: start, now: start };
const shortest = () => 0;
const longest = () => 1 - Number.EPSILON;

test.each([
  [1, 250, 500],
  [2, 500, 1000],
  [3, 1000, 2000],
  [7, 15_000, 30_000],
  [40, 15_000, 30_000],
  [5000, 15_000, 30_000],
])("after attempt %i the wait is between %i and %i ms", (attempts, least, most) => {
  expect(nextTryAt({ ...tried, attempts }, rule, shortest)).toBe(start + least);
  expect(nextTryAt({ ...tried, attempts }, rule, longest)).toBe(start + most);
});

test("the last try is at the end of the time allowed, and there is none after it", () => {
  const end = start + 900_000;
  expect(nextTryAt({ ...tried, attempts: 20, now: end - 10 }, rule, longest)).toBe(end);
  expect(nextTryAt({ ...tried, attempts: 20, now: end }, rule, longest)).toBeUndefined();
  expect(nextTryAt({ ...tried, attempts: 20, now: end + 1 }, rule, longest)).toBeUndefined();
});

test("without time allowed there is one try", () => {
  expect(nextTryAt(tried, { ...rule, maxAgeSeconds: 0 }, shortest)).toBeUndefined();
});

test("a wait asked for that leads beyond the time allowed is not waited for", () => {
  expect(nextTryAt({ ...tried, retryAfterMs: 900_001 }, rule, shortest)).toBeUndefined();
  expect(nextTryAt({ ...tried, retryAfterMs: 900_000 }, rule, shortest)).toBe(start + 900_000);
});

test("a wait of nothing asked for is no wait asked for", () => {
  expect(nextTryAt({ ...tried, retryAfterMs: 0 }, rule, shortest)).toBe(start + 250);
});

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a wait asked for is never undercut, and overrun by a tenth at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 900_000 }), random, (retryAfterMs, chance) => {
      const at = nextTryAt({ ...tried, retryAfterMs }, rule, () => chance) ?? 0;
      expect(at - start).toBeGreaterThanOrEqual(retryAfterMs);
      expect(at - start).toBeLessThanOrEqual(Math.ceil(retryAfterMs * 1.1));
    }),
  );
});

test("any sequence of tries goes forward, in whole milliseconds, and ends in time", () => {
  const rules = fc.record({
    maxAgeSeconds: fc.integer({ min: 0, max: 2000 }),
    firstDelayMs: fc.integer({ min: 1, max: 5000 }),
    maxDelayMs: fc.integer({ min: 5000, max: 60_000 }),
  });
  fc.assert(
    fc.property(rules, random, (some, chance) => {
      let now = start;
      for (let attempts = 1; attempts < 1_000_000; attempts += 1) {
        const at = nextTryAt({ attempts, firstAttemptAt: start, now }, some, () => chance);
        if (at === undefined) break;
        expect(Number.isInteger(at)).toBe(true);
        expect(at).toBeGreaterThan(now);
        expect(at).toBeLessThanOrEqual(start + some.maxAgeSeconds * 1000);
        now = at + 1;
      }
      expect(now).toBeGreaterThanOrEqual(start + some.maxAgeSeconds * 1000);
    }),
    { numRuns: 30 },
  );
});
