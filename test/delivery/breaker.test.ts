import * as fc from "fast-check";
import {
  afterSend,
  afterStart,
  type BreakerState,
  breakerRule,
  closedBreaker,
  permits,
  type Sign,
} from "../../src/delivery/breaker";

const start = Date.UTC(2026, 8, 14);

function send(state: BreakerState, sign: Sign, times = 1, now = start): BreakerState {
  let next = state;
  for (let n = 0; n < times; n += 1) next = afterSend(next, sign, false, now);
  return next;
}

/** The probe that is due at `now`, and how it ended. */
function probe(state: BreakerState, sign: Sign, now: number): BreakerState {
  expect(permits(state, now)).toBe(1);
  return afterSend(afterStart(state), sign, true, now);
}

const opened = send(closedBreaker, "broken", breakerRule.failures);

test("twenty sends in a row without an answer of the contract open it, nineteen do not", () => {
  expect(permits(send(closedBreaker, "broken", 19), start)).toBe(Number.POSITIVE_INFINITY);
  expect(permits(opened, start)).toBe(0);
});

test("an answer of the contract begins the count anew, a busy one leaves it", () => {
  const nearly = send(closedBreaker, "broken", 19);
  expect(send(nearly, "contract").failures).toBe(0);
  expect(permits(send(send(nearly, "contract"), "broken", 19), start)).toBe(Number.POSITIVE_INFINITY);
  expect(send(nearly, "busy", 100).failures).toBe(19);
  expect(permits(send(send(nearly, "busy"), "broken"), start)).toBe(0);
});

test("a channel that is only busy is never taken for broken", () => {
  expect(permits(send(closedBreaker, "busy", 1000), start)).toBe(Number.POSITIVE_INFINITY);
});

test("it asks after 1 s, then after twice as long each time, up to 60 s", () => {
  const waits: number[] = [];
  let state = opened;
  let now = start;
  for (let n = 0; n < 9; n += 1) {
    const at = state.probeAt ?? 0;
    waits.push((at - now) / 1000);
    expect(permits(state, at - 1)).toBe(0);
    state = probe(state, "broken", at);
    now = at;
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test("one probe is under way at a time", () => {
  const at = start + breakerRule.firstProbeMs;
  expect(permits(afterStart(opened), at)).toBe(0);
  expect(permits(afterStart(opened), at + 3_600_000)).toBe(0);
});

test.each(["contract", "busy"] as const)("a probe with a %s answer closes it", (sign) => {
  const state = probe(opened, sign, start + breakerRule.firstProbeMs);
  expect(state).toEqual(closedBreaker);
});

test("sends that were under way when it opened neither lengthen nor shorten the wait, but a good answer ends it", () => {
  expect(send(opened, "broken", 50, start + 500)).toEqual(opened);
  expect(send(opened, "busy", 50, start + 500)).toEqual(opened);
  expect(send(opened, "contract", 1, start + 500)).toEqual(closedBreaker);
});

test("whatever happens, it is open only after twenty failures, and an open one can always be asked again in time", () => {
  const signs = fc.array(fc.constantFrom<Sign>("contract", "busy", "broken", "broken", "broken", "broken"), {
    maxLength: 400,
  });
  fc.assert(
    fc.property(signs, (given) => {
      let state = closedBreaker;
      let now = start;
      let row = 0;
      for (const sign of given) {
        const isProbe = state.probeAt !== undefined;
        if (isProbe) {
          now = Math.max(now, state.probeAt ?? 0);
          state = probe(state, sign, now);
        } else state = afterSend(state, sign, false, now);
        row = sign === "broken" ? row + 1 : sign === "contract" || isProbe ? 0 : row;
        const isOpen = state.probeAt !== undefined;
        const kept = {
          opening: !isOpen || row >= breakerRule.failures,
          probing: !isOpen || !state.probing,
          wait: (state.probeAt ?? now) - now <= breakerRule.maxProbeMs,
        };
        expect(kept).toEqual({ opening: true, probing: true, wait: true });
        now += 1;
      }
    }),
  );
});
