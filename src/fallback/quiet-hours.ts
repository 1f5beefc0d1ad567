/** When a customer is not to be disturbed, by the clock on their wall. Pure. */
import { IANAZone } from "luxon";

/** Minutes of the day, 0 to 1439; `fromMinute` may be later than `toMinute`: then the night lies between. */
export interface QuietHours {
  fromMinute: number;
  toMinute: number;
}

const minuteMs = 60_000;
const dayMinutes = 1440;
/** No clock change moves a wall clock further than this. */
const longestShift = 180;
/** Zones far apart may leave no common hour; two days of looking find every one there is. */
const longestSearchMs = 2 * dayMinutes * minuteMs;

/**
 * The first moment, not before `at` (milliseconds UTC), that is quiet in none of the zones (IANA names); undefined when there is no such
 * moment. On days on which clocks change it is exact: an hour that happens twice is quiet both times, one that is skipped ends the quiet
 * where the clock passes over `toMinute`.
 */
export function findWakingTime(at: number, hours: QuietHours, timeZones: readonly string[]): number | undefined {
  const zones = timeZones.map((name) => IANAZone.create(name));
  let time = at;
  while (time <= at + longestSearchMs) {
    const quiet = zones.find((zone) => isQuiet(time, hours, zone));
    if (quiet === undefined) return time;
    time = endOfQuiet(time, hours, quiet);
  }
  return undefined;
}

function isQuiet(at: number, { fromMinute, toMinute }: QuietHours, zone: IANAZone): boolean {
  const minute = minuteOfDay(at, zone);
  return fromMinute <= toMinute ? minute >= fromMinute && minute < toMinute : minute >= fromMinute || minute < toMinute;
}

function endOfQuiet(at: number, hours: QuietHours, zone: IANAZone): number {
  let time = at - (at % minuteMs);
  while (isQuiet(time, hours, zone)) {
    const left = (hours.toMinute - minuteOfDay(time, zone) + dayMinutes) % dayMinutes;
    // Near the end the clock may change: there it is read minute by minute.
    time += Math.max(1, left - longestShift) * minuteMs;
  }
  return time;
}

function minuteOfDay(at: number, zone: IANAZone): number {
  const local = Math.floor(at / minuteMs) + Math.round(zone.offset(at));
  return ((local % dayMinutes) + dayMinutes) % dayMinutes;
}
