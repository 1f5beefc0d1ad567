/** How long another server asks to be left alone. */

/** Longer waits than this outlive every delivery, and stay far from the limits of dates. */
const longestMs = 366 * 86_400_000;

/**
 * Reads a `Retry-After` header (RFC 9110 section 10.2.3): seconds, or a date in any of the three forms of section 5.6.7.
 *
 * @returns milliseconds from `now`, 0 for a date gone by; undefined when the header is absent or says neither
 */
export function parseRetryAfter(header: string | string[] | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  const values = [header].flat().map((value) => parseOne(value.trim(), now));
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(Math.max(...known), longestMs);
}

function parseOne(value: string, now: Date): number | undefined {
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value)) return undefined;
  // asctime's form names no zone and means UTC.
  const at = Date.parse(value.endsWith("GMT") ? value : `${value} GMT`);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}
