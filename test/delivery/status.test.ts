import * as fc from "fast-check";
import type { Outcome } from "../../src/channels/channel";
import type { Rules } from "../../src/delivery/rules";
import {
  type Confirmation,
  decideConfirmation,
  decideOutcome,
  decideStart,
  decideUnconfirmed,
} from "../../src/delivery/status";
import type { Change } from "../../src/store/change";
import type { MessageState } from "../../src/store/states";
import { applyChange, fallback, given, start, stateOf } from "./states";

const accepted: Outcome = { status: "accepted", providerMessageId: "p-1", answer: "HTTP 200" };
const delivered: Outcome = { status: "delivered", answer: "HTTP 200" };
const broken: Outcome = {
  status: "failed",
  retryable: true,
  reason: { code: "ServerError", message: "HTTP 500" },
  answer: "HTTP 500",
};
const refused: Outcome = {
  status: "failed",
  retryable: false,
  reason: { code: "InvalidDestination", message: "nobody" },
  answer: "HTTP 400",
};
const uncertain: Outcome = { ...refused, uncertain: true, answer: "no answer" };
const sending = stateOf({ status: "sending", attempts: 1, firstAttemptAt: start });
const late = start + 900_000;

const events = (change: Change | undefined) => change?.ledger.map((line) => line.event);

describe("the start of an attempt", () => {
  test("counts it, and is written before anything is sent", () => {
    expect(decideStart(stateOf(), given())).toEqual({
      attempt: 1,
      change: {
        delivery: { status: "sending", attempts: 1, firstAttemptAt: start },
        ledger: [{ at: start, event: "delivery.sending", detail: { attempt: 1 } }],
      },
    });
  });

  test("keeps the time of the first one, and notes its own", () => {
    const { change, attempt } = decideStart(stateOf({ attempts: 3, firstAttemptAt: start }), given({}, late));
    expect(attempt).toBe(4);
    expect(change.delivery).toEqual({ status: "sending", attempts: 4, attemptAt: late });
  });

  test.each(["accepted", "delivered", "read", "failed", "unconfirmed", "unknown"])(
    "is none for a delivery that is %s: its lane is left",
    (status) => {
      expect(decideStart(stateOf({ status }), given())).toEqual({ change: { lane: "release", ledger: [] } });
    },
  );

  test("after a crash repeats where the channel can tell a repeat", () => {
    const { change, attempt } = decideStart(sending, given());
    expect(attempt).toBe(2);
    expect(change.ledger).toEqual([{ at: start, event: "delivery.sending", detail: { attempt: 2, repeat: true } }]);
  });

  test("after a crash waits for news where a repeat could reach the customer twice", () => {
    const { change, attempt } = decideStart(sending, given({ repeatable: false }));
    expect(attempt).toBeUndefined();
    expect(change).toMatchObject({
      lane: "release",
      delivery: { status: "unknown" },
      attempt: { number: 1, result: "unknown" },
      addTasks: [{ key: "confirm:7", queue: "confirmations", dueAt: start + 60_000 }],
    });
    expect(change.message).toBeUndefined();
  });
});

describe("the outcome of an attempt", () => {
  const decide = (outcome: Outcome, rules: Partial<Rules> = {}, state = sending, now = start) =>
    decideOutcome(state, { number: 1, outcome }, given(rules, now));

  test("accepted waits for the confirmation, and gives the lane free", () => {
    const change = decide(accepted);
    expect(change).toMatchObject({
      lane: "release",
      delivery: { status: "accepted", acceptedAt: start, providerMessageId: "p-1", reason: null },
      addTasks: [{ key: "confirm:7", queue: "confirmations", dueAt: start + 60_000 }],
    });
    expect(change.message).toBeUndefined();
    expect(change.receipt).toBeUndefined();
  });

  test("accepted is the fate where nothing better can come, without a receipt", () => {
    const change = decide(accepted, { confirms: "accepted" });
    expect(change).toMatchObject({ lane: "release", message: { fate: "accepted", reason: null } });
    expect(change.addTasks).toBeUndefined();
    expect(change.receipt).toBeUndefined();
  });

  test("accepted is told as Delivered where the settings say so", () => {
    const change = decide(accepted, { confirms: "accepted", acceptedCountsAsDelivered: true });
    expect(change.receipt).toEqual({ status: "Delivered", at: start, queue: "receipts-delivered:main" });
  });

  test("delivered is the fate, and is told", () => {
    expect(decide(delivered)).toMatchObject({
      lane: "release",
      delivery: { status: "delivered", acceptedAt: start },
      message: { fate: "delivered", reason: null },
      receipt: { status: "Delivered", at: start, queue: "receipts-delivered:main" },
    });
  });

  test("a failure that may pass keeps the lane until the next try", () => {
    const change = decide(broken);
    expect(change).toMatchObject({
      lane: { retryAt: start + 375 },
      delivery: { status: "pending", reason: { code: "ServerError" } },
      attempt: { number: 1, result: "failed", answer: "HTTP 500" },
    });
    expect(change.message).toBeUndefined();
    expect(change.receipt).toBeUndefined();
  });

  test("a failure that has lasted too long is final, with the reason of the last try", () => {
    expect(decide(broken, {}, sending, late)).toMatchObject({
      lane: "release",
      delivery: { status: "failed" },
      message: { fate: "failed", reason: { code: "ServerError" } },
      receipt: { status: "Failed", reason: { code: "ServerError" } },
    });
    const limited = { ...broken, reason: { code: "RateLimited", message: "HTTP 429" } } as const;
    expect(decide(limited, {}, sending, late)).toMatchObject({ message: { reason: { code: "RateLimited" } } });
  });

  test("a refusal is final at once, and told with its reason", () => {
    expect(decide(refused)).toMatchObject({
      lane: "release",
      delivery: { status: "failed", reason: { code: "InvalidDestination" } },
      message: { fate: "failed", reason: { code: "InvalidDestination" } },
      receipt: {
        status: "Failed",
        reason: { code: "InvalidDestination", message: "nobody" },
        queue: "receipts-failed:main",
      },
    });
  });

  test("an outcome that nobody knows is neither repeated nor told", () => {
    const change = decide(uncertain);
    expect(change).toMatchObject({ lane: "release", delivery: { status: "unknown" } });
    expect(change.message).toBeUndefined();
    expect(change.receipt).toBeUndefined();
  });

  test("a refusal where there is a fallback leaves the fate open and joins a notice, the receipt going out at once", () => {
    const change = decide(refused, { fallback });
    expect(change.message).toEqual({ reason: refused.reason });
    expect(change.notice).toEqual({
      id: "new-id",
      policy: "missed",
      recipientKey: '["missed","harborline-chat","mira"]',
      dueAt: start + 5000,
    });
    expect(change.receipt).toMatchObject({ status: "Failed" });
  });

  test("a reason after which nobody is notified ends in failure", () => {
    const optedOut = { ...refused, reason: { code: "RecipientOptedOut", message: "stop" } } as const;
    const change = decide(optedOut, { fallback });
    expect(change.message).toEqual({ fate: "failed", reason: optedOut.reason });
    expect(change.notice).toBeUndefined();
  });

  test("without a digest each message has a notice of its own", () => {
    const keys = ["message-1", "message-2"].map(
      (id) => decide(refused, { fallback: { ...fallback, digest: false } }, { ...sending, id }).notice?.recipientKey,
    );
    expect(new Set(keys).size).toBe(2);
  });

  test("of an attempt that was overtaken is kept and decides nothing", () => {
    const change = decide(delivered, {}, stateOf({ status: "sending", attempts: 2 }));
    expect(events(change)).toEqual(["attempt.superseded"]);
    expect(change).toEqual({ attempt: expect.anything(), ledger: expect.anything() });
  });

  test.each(["delivered", "read", "failed"])(
    "that comes after the channel's own news (%s) gives the lane free and tells the channel's id, no more",
    (status) => {
      const change = decide(accepted, {}, stateOf({ status, attempts: 1 }));
      const delivery = { providerMessageId: "p-1" };
      expect(change).toEqual({ attempt: expect.anything(), lane: "release", delivery, ledger: [] });
    },
  );
});

describe("an outcome that comes once it was said that nobody knows it", () => {
  const unknown = { status: "unknown", attempts: 1, lane: null, firstAttemptAt: start };
  const decide = (outcome: Outcome, changes: Partial<Rules> = {}, message: Partial<MessageState> = {}) =>
    decideOutcome(stateOf(unknown, message), { number: 1, outcome }, given(changes, late));
  const notice = { seq: 1, status: "waiting" };

  test("accepted waits for the confirmation, or is the fate where there is none to come", () => {
    const change = decide(accepted);
    expect(change).toMatchObject({
      delivery: { status: "accepted", providerMessageId: "p-1" },
      addTasks: [{ key: "confirm:7" }],
    });
    expect(change.removeTasks).toBeUndefined();
    expect(decide(accepted, { confirms: "accepted" })).toMatchObject({
      delivery: { status: "accepted" },
      message: { fate: "accepted" },
      removeTasks: ["confirm:7"],
    });
  });

  test("delivered is the fate, whatever was thought before", () => {
    for (const message of [{}, { fate: "unknown" }, { notice }]) {
      const change = decide(delivered, {}, message);
      expect(change).toMatchObject({ delivery: { status: "delivered" }, message: { fate: "delivered" } });
    }
  });

  test.each([refused, broken])("a failure is final: %j", (outcome) => {
    const change = decide(outcome, { fallback });
    expect(change).toMatchObject({
      delivery: { status: "failed" },
      receipt: { status: "Failed" },
      notice: { policy: "missed" },
    });
    expect(change.addTasks).toBeUndefined();
  });

  test.each<[string, Outcome, Partial<MessageState>]>([
    ["nobody knows still", uncertain, {}],
    ["it was accepted, and its fate is told", accepted, { fate: "unknown" }],
    ["it was accepted, and a notice is on its way", accepted, { notice }],
  ])("changes nothing when %s", (_, outcome, message) => {
    const change = decide(outcome, {}, message);
    expect([change.delivery?.status, change.message, change.ledger]).toEqual([undefined, undefined, []]);
    expect(change.attempt).toBeDefined();
  });
});

describe("receipts", () => {
  const receiptOf = (outcome: Outcome, rules: Partial<Rules>, message: Partial<MessageState> = {}) =>
    decideOutcome({ ...sending, ...message }, { number: 1, outcome }, given(rules)).receipt;

  test.each<[string, Partial<Rules>, Partial<MessageState>, boolean, boolean]>([
    ["all", {}, {}, true, true],
    ["failures", { receipts: "failures" }, {}, false, true],
    ["none", { receipts: "none" }, {}, false, false],
    ["without an organisation", { organisation: undefined } as unknown as Partial<Rules>, {}, false, false],
    ["without Genesys Cloud's id", {}, { genesysMessageId: null }, false, false],
    ["without a recipient", {}, { recipientId: "" }, false, false],
    ["of a receipt that was handed on", {}, { kind: "receipt" }, false, false],
    ["of an event that was handed on", {}, { kind: "event" }, false, false],
    ["after one was owed", {}, { receipt: { status: "Failed", state: "sent" } }, false, false],
  ])("%s", (_, rules, message, ofDelivered, ofFailed) => {
    expect(receiptOf(delivered, rules, message) !== undefined).toBe(ofDelivered);
    expect(receiptOf(refused, rules, message) !== undefined).toBe(ofFailed);
  });
});

describe("news from the channel", () => {
  const decide = (status: Confirmation["status"], state: MessageState, rules: Partial<Rules> = {}) =>
    decideConfirmation(state, { status, at: start - 1000 }, given(rules));
  const waiting = stateOf({ status: "accepted", attempts: 1, acceptedAt: start, lane: null });

  test("delivered is the fate, is told with the channel's own time, and ends the wait", () => {
    expect(decide("delivered", waiting)).toEqual({
      delivery: { status: "delivered", reason: null },
      message: { fate: "delivered", reason: null },
      ledger: [{ at: start, event: "delivery.delivered" }],
      receipt: { status: "Delivered", at: start - 1000, queue: "receipts-delivered:main" },
      removeTasks: ["confirm:7"],
    });
  });

  test("read without delivered counts as delivered; read after it is noted and not told again", () => {
    expect(decide("read", waiting)?.receipt).toMatchObject({ status: "Delivered" });
    const after = decide("read", stateOf({ status: "delivered" }, { fate: "delivered" }));
    expect(after).toMatchObject({ delivery: { status: "read" } });
    expect(after?.receipt).toBeUndefined();
  });

  test.each([
    ["delivered", "delivered"],
    ["delivered", "read"],
    ["read", "read"],
    ["failed", "failed"],
  ] as const)("%s changes nothing where it is %s", (news, status) => {
    expect(decide(news, stateOf({ status }))).toBeUndefined();
  });

  test.each(["delivered", "read"])("failed after %s is noted and believed no more", (status) => {
    const change = decide("failed", stateOf({ status }, { fate: "delivered" }));
    expect(change).toEqual({ ledger: [expect.objectContaining({ event: "confirmation.ignored" })] });
  });

  test("delivered after failed is believed", () => {
    const failed = stateOf({ status: "failed" }, { fate: "failed", receipt: { status: "Failed", state: "sent" } });
    const change = decide("delivered", failed);
    expect(change).toMatchObject({ message: { fate: "delivered", reason: null } });
    expect(change?.receipt).toBeUndefined();
  });

  test("failed without a reason has one all the same", () => {
    expect(decide("failed", waiting)).toMatchObject({
      message: { fate: "failed", reason: { code: "GeneralError", message: expect.stringMatching(/\w/) } },
    });
  });

  test("failed after accepted was taken for the last word changes the fate, and starts nothing", () => {
    const change = decide("failed", { ...waiting, fate: "accepted" }, { fallback });
    expect(change).toMatchObject({ message: { fate: "failed" } });
    expect(change?.notice).toBeUndefined();
  });

  test("between two tries it gives the lane free, during one it does not", () => {
    expect(decide("delivered", stateOf({ status: "pending", attempts: 1 }))?.lane).toBe("release");
    expect(decide("failed", stateOf({ status: "pending", attempts: 1 }))?.lane).toBe("release");
    expect(decide("delivered", sending)?.lane).toBeUndefined();
    expect(decide("failed", sending)?.lane).toBeUndefined();
  });
});

describe("no confirmation in time", () => {
  const waiting = stateOf({ status: "accepted", attempts: 1, acceptedAt: start, lane: null });

  test("ends in failure without a fallback, without a receipt", () => {
    const change = decideUnconfirmed(waiting, given());
    expect(change).toMatchObject({
      delivery: { status: "unconfirmed" },
      message: { fate: "failed", reason: { code: "MessageExpired" } },
      removeTasks: ["confirm:7"],
    });
    expect(change.receipt).toBeUndefined();
  });

  test("is told where the settings say so", () => {
    expect(decideUnconfirmed(waiting, given({ onUnconfirmed: "fail" })).receipt).toMatchObject({
      status: "Failed",
      reason: { code: "MessageExpired" },
    });
  });

  test("joins a notice where there is a fallback", () => {
    const change = decideUnconfirmed(waiting, given({ fallback }));
    expect(change.notice).toMatchObject({ policy: "missed" });
    expect(change.message?.fate).toBeUndefined();
  });

  test("of a send that a crash hid leaves its fate unknown, or to the notice", () => {
    const unknown = stateOf({ status: "unknown", attempts: 1, lane: null });
    expect(decideUnconfirmed(unknown, given()).message).toMatchObject({ fate: "unknown" });
    expect(decideUnconfirmed(unknown, given({ fallback })).notice).toBeDefined();
  });

  test.each(["delivered", "read", "failed", "pending", "sending"])("means nothing once it is %s", (status) => {
    expect(decideUnconfirmed(stateOf({ status }), given())).toEqual({ removeTasks: ["confirm:7"], ledger: [] });
  });
});

describe("whatever comes, in whatever order", () => {
  type Step = (state: MessageState, given: ReturnType<typeof makeGiven>) => Change | undefined;
  const makeGiven = given;

  /** What the worker, the channel and the clock can do; each is nothing where it could not happen. */
  const steps: Record<string, Step> = {
    start: (state, now) => (state.delivery.lane === null ? undefined : decideStart(state, now).change),
    ...Object.fromEntries(
      Object.entries({ accepted, delivered, broken, refused, uncertain }).map(([name, outcome]) => [
        name,
        (state: MessageState, now: ReturnType<typeof makeGiven>) =>
          // Of a try that was held up, it comes once somebody else has said that nobody knows.
          (state.delivery.lane === null && state.delivery.status !== "unknown") || state.delivery.attempts === 0
            ? undefined
            : decideOutcome(state, { number: state.delivery.attempts, outcome }, now),
      ]),
    ),
    overtaken: (state, now) => decideOutcome(state, { number: state.delivery.attempts - 1, outcome: delivered }, now),
    confirmDelivered: (state, now) => decideConfirmation(state, { status: "delivered", at: start }, now),
    confirmRead: (state, now) => decideConfirmation(state, { status: "read", at: start }, now),
    confirmFailed: (state, now) => decideConfirmation(state, { status: "failed", at: start }, now),
    expire: (state, now) => decideUnconfirmed(state, now),
  };

  const someRules = fc.record({
    confirms: fc.constantFrom("accepted" as const, "delivered" as const, "read" as const),
    repeatable: fc.boolean(),
    acceptedCountsAsDelivered: fc.boolean(),
    onUnconfirmed: fc.constantFrom("none" as const, "fail" as const),
    receipts: fc.constantFrom("all" as const, "failures" as const, "none" as const),
    ...{ fallback: fc.option(fc.constant(fallback), { nil: undefined }) },
  });
  const someSteps = fc.array(fc.constantFrom(...Object.keys(steps)), { maxLength: 25 });

  test("a fate leaves open once, arrival is never taken back, and one receipt is owed at most", () => {
    fc.assert(
      fc.property(someRules, someSteps, ({ fallback: own, ...rules }, names) => {
        let state = stateOf();
        let now = start;
        let left = 0;
        let receipts = 0;
        let notices = 0;
        for (const name of names) {
          now += 40_000;
          const before = state;
          const change = steps[name]?.(before, given({ ...rules, ...(own && { fallback: own }) }, now));
          state = applyChange(before, change);

          if (before.fate === "open" && state.fate !== "open") left += 1;
          expect(state.fate === "open" && before.fate !== "open").toBe(false);
          const arrived = (one: MessageState) => ["delivered", "read"].includes(one.delivery.status);
          const decidedAnew = before.fate !== "open" && state.fate !== before.fate;
          const kept = {
            // Once decided, only better news changes it, or worse news where accepted was taken for the last word.
            fate: !decidedAnew || before.fate === "accepted" || state.fate === "delivered",
            arrival: !arrived(before) || arrived(state),
            arrivedFate: !arrived(state) || state.fate === "delivered",
            read: before.delivery.status !== "read" || state.delivery.status === "read",
            attempts: state.delivery.attempts >= before.delivery.attempts,
            lane: before.delivery.lane !== null || state.delivery.status !== "sending",
          };
          expect(Object.entries(kept).filter(([, holds]) => !holds)).toEqual([]);
          if (change?.receipt !== undefined) receipts += 1;
          if (change?.notice !== undefined) notices += 1;
        }
        expect(left).toBeLessThanOrEqual(1);
        expect(receipts).toBeLessThanOrEqual(1);
        expect(notices).toBeLessThanOrEqual(1);
      }),
      { numRuns: 3000 },
    );
  });

  test("a message is open only while something is due that decides it", () => {
    fc.assert(
      fc.property(someRules, someSteps, ({ fallback: own, ...rules }, names) => {
        let state = stateOf();
        let now = start;
        const tasks = new Set<string>();
        for (const name of names) {
          now += 40_000;
          // The clock comes only where it was set.
          if (name === "expire" && !tasks.has("confirm:7")) continue;
          const change = steps[name]?.(state, given({ ...rules, ...(own && { fallback: own }) }, now));
          state = applyChange(state, change);
          for (const task of change?.addTasks ?? []) tasks.add(task.key);
          for (const key of change?.removeTasks ?? []) tasks.delete(key);
          const isDecided = state.fate !== "open";
          const isDue = state.delivery.lane !== null || tasks.has("confirm:7") || state.notice !== null;
          expect(isDecided || isDue).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
