import { decideExtension, decidePartSent } from "../../src/delivery/takeover";
import type { Change } from "../../src/store/change";
import type { MessageState } from "../../src/store/states";
import { start, stateOf } from "./states";

type State = Partial<MessageState["delivery"]>;
const until = { now: start, leaseUntil: start + 9 };
const stateWith = (state: State) => stateOf({ status: "sending", attempts: 1, ...state });
const events = (change: Change) => change.ledger.map((line) => line.event);

const ours: State[] = [{}, { status: "delivered" }];
const lost: State[] = [
  { attempts: 2 },
  { status: "unknown", lane: null },
  { status: "failed", lane: null },
  { status: "pending" },
];

describe("an attempt that was held up", () => {
  const extend = (state: State) => decideExtension(stateWith(state), 1, until);

  test.each(ours)("goes on while it holds its lane: %j", (state) => {
    expect(extend(state)).toEqual({ lane: { leaseUntil: start + 9 }, ledger: [] });
  });

  test.each(lost)("is over when the message has gone on without it: %j", (state) => {
    const change = extend(state);
    expect(events(change)).toEqual(["attempt.superseded"]);
    expect(change.lane).toBeUndefined();
  });
});

describe("a part that was taken", () => {
  const partSent = (state: State) => decidePartSent(stateWith(state), 1, { number: 1, count: 3 }, until);

  test.each(ours)("counts, and keeps the lane for the next one: %j", (state) => {
    expect(partSent(state)).toEqual({
      delivery: { partsSent: 1 },
      lane: { leaseUntil: start + 9 },
      ledger: [{ at: start, event: "delivery.partSent", detail: { attempt: 1, part: 1, of: 3 } }],
    });
  });

  test.each(lost)("is the last one when the message has gone on without it: %j", (state) => {
    const change = partSent(state);
    expect(events(change)).toEqual(["attempt.superseded"]);
    expect([change.lane, change.delivery]).toEqual([undefined, undefined]);
  });
});
