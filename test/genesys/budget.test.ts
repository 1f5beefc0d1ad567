import * as fc from "fast-check";
import { latestTat, pace, patienceMs, postpone, priorities, reserve } from "../../src/genesys/budget";
import { createRotation } from "../../src/genesys/rotation";

const minuteMs = 60_000;
const limits = fc.oneof(fc.integer({ min: 2, max: 60 }), fc.constant(300), fc.integer({ min: 2, max: 3_000 }));
/** Pauses between arrivals: crowds, and quiet times in which a burst is saved up. */
const gaps = fc.array(fc.oneof(fc.constant(0), fc.nat(20), fc.nat(2_000), fc.nat(90_000)), {
  minLength: 50,
  maxLength: 400,
});

/** The most requests of any sliding minute, its ends included. */
function busiestMinute(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  let from = 0;
  return sorted.reduce((most, at, to) => {
    while ((sorted[from] ?? at) < at - minuteMs) from += 1;
    return Math.max(most, to - from + 1);
  }, 0);
}

describe("pace", () => {
  test("is a little under the limit", () => {
    for (const limit of [60, 300, 3_000]) {
      const { stepMs, burst } = pace(limit);
      const perMinute = burst + Math.floor(minuteMs / stepMs);
      expect(perMinute).toBeLessThan(limit);
      expect(perMinute).toBeGreaterThan(limit * 0.9);
    }
  });

  test.each([0, 1, -5, Number.NaN])("%p requests per minute is no budget", (limit) => {
    expect(() => pace(limit)).toThrow(RangeError);
  });
});

describe("reserve", () => {
  test("no sliding minute exceeds the limit, whatever arrives when and in groups of any size", () => {
    fc.assert(
      fc.property(limits, gaps, fc.nat(), (limit, pauses, seed) => {
        const rate = pace(limit);
        let tat = 0;
        let now = 1_000_000;
        const sent: number[] = [];
        pauses.forEach((gap, index) => {
          now += gap;
          const slots = 1 + ((seed + index) % rate.burst);
          const slot = reserve({ tat, now, slots }, rate);
          tat = slot.tat;
          expect(slot.readyAt).toBeGreaterThanOrEqual(now);
          sent.push(...Array.from({ length: slots }, () => slot.readyAt));
        });
        expect(busiestMinute(sent)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test("at 300 a minute, requests that travel up to a second longer than others still keep the limit", () => {
    fc.assert(
      fc.property(gaps, fc.array(fc.nat(1_000), { minLength: 400, maxLength: 400 }), (pauses, delays) => {
        const rate = pace(300);
        let tat = 0;
        let now = 1_000_000;
        const arrived = [...pauses, ...pauses].map((gap, index) => {
          now += gap > 2_000 ? gap : 0;
          const slot = reserve({ tat, now, slots: 1 }, rate);
          tat = slot.tat;
          return slot.readyAt + (delays[index % delays.length] ?? 0);
        });
        expect(busiestMinute(arrived)).toBeLessThanOrEqual(300);
      }),
    );
  });

  test("a crowd is served at the full pace, not slower", () => {
    const rate = pace(300);
    let tat = 0;
    const sent = Array.from({ length: 1_000 }, () => {
      const slot = reserve({ tat, now: 5_000, slots: 1 }, rate);
      tat = slot.tat;
      return slot.readyAt;
    });
    expect(busiestMinute(sent)).toBeGreaterThanOrEqual(280);
    expect(sent.filter((at) => at === 5_000)).toHaveLength(rate.burst);
  });

  test("groups larger than the burst are refused", () => {
    expect(() => reserve({ tat: 0, now: 0, slots: 7 }, { stepMs: 200, burst: 6 })).toThrow(RangeError);
    expect(() => reserve({ tat: 0, now: 0, slots: 0 }, { stepMs: 200, burst: 6 })).toThrow(RangeError);
  });
});

test("after a Retry-After nothing is ready before its time, and no burst follows", () => {
  fc.assert(
    fc.property(limits, fc.nat(120_000), fc.nat(200_000), (limit, retryAfterMs, ahead) => {
      const rate = pace(limit);
      const now = 1_000_000;
      const tat = postpone({ tat: now + ahead, now, retryAfterMs }, rate);
      const first = reserve({ tat, now, slots: 1 }, rate);
      const second = reserve({ tat: first.tat, now, slots: 1 }, rate);
      expect(first.readyAt).toBeGreaterThanOrEqual(now + retryAfterMs - 1e-6);
      expect(second.readyAt - first.readyAt).toBeCloseTo(rate.stepMs, 6);
    }),
  );
});

describe("priorities", () => {
  test("run from what a customer waits for to what may be lost", () => {
    expect(priorities).toEqual(["inbound", "failedReceipt", "deliveredReceipt", "lookup", "campaign", "typing"]);
    const patience = priorities.map((priority) => patienceMs[priority]);
    expect(patience).toEqual(patience.toSorted((a, b) => b - a));
  });

  test("a request is let in exactly when its slot comes within its patience", () => {
    const kinds = fc.constantFrom(...priorities);
    fc.assert(
      fc.property(limits, kinds, fc.nat(20_000), (limit, priority, ahead) => {
        const rate = pace(limit);
        const now = 1_000_000;
        const tat = now - 1_000 + ahead;
        const { readyAt } = reserve({ tat, now, slots: 1 }, rate);
        const fits = Math.max(tat, now) <= latestTat({ priority, now, slots: 1 }, rate);
        expect(fits).toBe(readyAt - now <= patienceMs[priority]);
      }),
    );
  });
});

test("a rotation gives each client its turn, the one whose last is longest ago first", async () => {
  const rotation = createRotation();
  const turns = [];
  for (const clientIds of [
    ["a", "b", "c"],
    ["a", "b", "c"],
    ["a", "c"],
    ["a", "b", "c"],
    ["a", "b"],
  ]) {
    turns.push(await rotation.take("inbound", clientIds));
  }
  expect(turns).toEqual(["a", "b", "c", "a", "b"].map((clientId) => ({ clientId })));
});
