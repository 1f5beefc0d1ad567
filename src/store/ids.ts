/** Ids of messages, deliveries and notices: unique over all bridges, in order of time. */
import { randomFillSync } from "node:crypto";

const pool = Buffer.alloc(16 * 256);
let used = pool.length;

/** The last id's milliseconds and counter. */
let latest = 0;
let counter = 0;

/**
 * A UUID of version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, a counter of 12 bits that begins at random (section 6.2,
 * method 1), then random bits. Those of one process count up, so that an index of them grows at its end only.
 */
export function newId(now: number = Date.now()): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = pool.subarray(used, used + 16);
  used += 16;
  if (now > latest) {
    latest = now;
    counter = id.readUInt16BE(6) & 0x7ff;
  } else if (counter < 0xfff) counter += 1;
  else {
    latest += 1;
    counter = 0;
  }
  id.writeUIntBE(latest, 0, 6);
  id.writeUInt16BE(0x7000 | counter, 6);
  id[8] = 0x80 | ((id[8] ?? 0) & 0x3f);
  const hex = id.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
