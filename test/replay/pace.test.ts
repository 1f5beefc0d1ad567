import { type Pace, type Paced, planStep } from "../../src/replay/pace";

const now = 1_000_000;

/** When each message goes out, if every step is taken on time, from `now`. */
function walk(pace: Pace, receivedAt: number[], until = now + 600_000): number[] {
  const sent: number[] = [];
  let at = now;
  let last: Paced | undefined;
  while (sent.length < receivedAt.length && at < until) {
    const step = planStep(pace, receivedAt.slice(sent.length, sent.length + 100), last, at);
    for (let n = 0; n < step.take; n += 1) sent.push(at);
    last = step.paced;
    at = Math.max(at, step.nextAt);
  }
  return sent.map((time) => time - now);
}

test("at once, everything at hand is due", () => {
  expect(planStep({ type: "atOnce" }, [1, 2, 3], undefined, now)).toMatchObject({ take: 3, nextAt: now });
});

test("two a second go out half a second apart", () => {
  expect(walk({ type: "rate", perSecond: 2 }, [5, 5, 5, 5])).toEqual([0, 500, 1000, 1500]);
});

test("a high rate is kept over ten seconds and never exceeded in any one", () => {
  const sent = walk({ type: "rate", perSecond: 700 }, Array(7000).fill(0));
  const last = sent.at(-1) ?? 0;
  expect(last).toBeGreaterThan(9_600);
  expect(last).toBeLessThan(10_100);
  for (let from = 0; from < 9000; from += 500) {
    expect(sent.filter((at) => at >= from && at < from + 1000).length).toBeLessThanOrEqual(850);
  }
});

test("the original spacing is kept, and what came out of order follows at once", () => {
  expect(walk({ type: "original" }, [100, 400, 350, 2350])).toEqual([0, 300, 300, 2300]);
});

test("after an interruption the spacing goes on from where it was, without a burst", () => {
  const last = { at: now - 60_000, receivedAt: 0 };
  const step = planStep({ type: "original" }, [1000, 2000], last, now);
  expect(step).toMatchObject({ take: 1, paced: { at: now, receivedAt: 1000 }, nextAt: now + 1000 });
});
