import * as fc from "fast-check";
import { DateTime } from "luxon";
import { findWakingTime, type QuietHours } from "../../src/fallback/quiet-hours";

const night: QuietHours = { fromMinute: 21 * 60, toMinute: 8 * 60 };
const at = (text: string, zone: string) => DateTime.fromISO(text, { zone }).toMillis();
const shown = (ms: number | undefined, zone: string) =>
  ms === undefined ? undefined : DateTime.fromMillis(ms, { zone }).toFormat("yyyy-MM-dd HH:mm ZZ");

test.each([
  ["in the afternoon nothing waits", "2026-09-14T15:00", "2026-09-14 15:00 +02:00"],
  ["the minute before the night still counts as day", "2026-09-14T20:59", "2026-09-14 20:59 +02:00"],
  ["the night begins on the minute", "2026-09-14T21:00", "2026-09-15 08:00 +02:00"],
  ["after midnight it is still the same night", "2026-09-15T03:00", "2026-09-15 08:00 +02:00"],
  ["the night ends on the minute", "2026-09-15T08:00", "2026-09-15 08:00 +02:00"],
  ["a night in which clocks go forward ends at eight by the new time", "2026-03-28T22:00", "2026-03-29 08:00 +02:00"],
  ["a night in which clocks go back ends at eight by the new time", "2026-10-24T22:00", "2026-10-25 08:00 +01:00"],
])("%s", (_, from, expected) => {
  expect(shown(findWakingTime(at(from, "Europe/Vienna"), night, ["Europe/Vienna"]), "Europe/Vienna")).toBe(expected);
});

test("quiet hours within one day end the same day", () => {
  const lunch = { fromMinute: 12 * 60, toMinute: 13 * 60 + 30 };
  expect(shown(findWakingTime(at("2026-09-14T12:10", "UTC"), lunch, ["UTC"]), "UTC")).toBe("2026-09-14 13:30 +00:00");
});

test("an end that the clock skips is passed when the clock jumps over it", () => {
  const early = { fromMinute: 60, toMinute: 150 };
  const woken = findWakingTime(at("2026-03-29T01:30", "Europe/Vienna"), early, ["Europe/Vienna"]);
  expect(shown(woken, "Europe/Vienna")).toBe("2026-03-29 03:00 +02:00");
});

test("an end that comes twice is over after the second time only if the clock goes back into the quiet", () => {
  const early = { fromMinute: 60, toMinute: 150 };
  const first = findWakingTime(at("2026-10-25T01:30", "Europe/Vienna"), early, ["Europe/Vienna"]);
  expect(shown(first, "Europe/Vienna")).toBe("2026-10-25 02:30 +02:00");
  const hour = 3_600_000;
  const again = findWakingTime((first ?? 0) + hour / 2, early, ["Europe/Vienna"]);
  expect(shown(again, "Europe/Vienna")).toBe("2026-10-25 02:30 +01:00");
});

test("where a country has several zones, none of them is disturbed", () => {
  const zones = ["America/New_York", "America/Los_Angeles"];
  const woken = findWakingTime(at("2026-09-14T07:00", "America/New_York"), night, zones);
  expect(shown(woken, "America/New_York")).toBe("2026-09-14 11:00 -04:00");
});

test("zones without a common hour are never awake together", () => {
  const long = { fromMinute: 18 * 60, toMinute: 12 * 60 };
  expect(findWakingTime(at("2026-09-14T07:00", "UTC"), long, ["Asia/Tokyo", "America/New_York"])).toBeUndefined();
});

test("whatever the zone, the day and the hours: the moment found is not quiet, and every minute before it was", () => {
  const zones = ["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"];
  const minute = fc.integer({ min: 0, max: 1439 });
  const anyTime = fc.integer({ min: Date.UTC(2026, 0, 1) / 60_000, max: Date.UTC(2027, 0, 1) / 60_000 });
  fc.assert(
    fc.property(fc.constantFrom(...zones), anyTime, minute, minute, (zone, start, fromMinute, toMinute) => {
      fc.pre(fromMinute !== toMinute);
      const isQuiet = (ms: number) => {
        const local = DateTime.fromMillis(ms, { zone });
        const now = local.hour * 60 + local.minute;
        return fromMinute < toMinute ? now >= fromMinute && now < toMinute : now >= fromMinute || now < toMinute;
      };
      const from = start * 60_000;
      const woken = findWakingTime(from, { fromMinute, toMinute }, [zone]) ?? Number.NaN;
      expect(isQuiet(woken)).toBe(false);
      for (let time = from; time < woken; time += 60_000) if (!isQuiet(time)) throw new Error("woken too late");
    }),
    { numRuns: 60 },
  );
});
