import {
  decideAfterSend,
  decideNotice,
  type NoticeFacts,
  type NoticePolicy,
  type PolicyStep,
  type Reach,
} from "../../src/fallback/policy";

const now = Date.UTC(2026, 8, 14, 8);
const minute = 60_000;

function stepTo(channel: string, changes: Partial<PolicyStep> = {}): PolicyStep {
  const address = channel === "sms" ? "phone" : "email";
  return { channel, address, afterMs: 0, until: "accepted", isBackup: false, quietHours: undefined, ...changes };
}

function policyOf(changes: Partial<NoticePolicy> = {}): NoticePolicy {
  return {
    name: "missed",
    purpose: "transactional",
    graceMs: minute,
    maxAgeMs: 1440 * minute,
    undeliveredAfterMs: 15 * minute,
    steps: [stepTo("email"), stepTo("sms", { until: "delivered", afterMs: 10 * minute })],
    addresses: ["recipient"],
    addressOf: {},
    revealText: false,
    language: "en",
    templates: {},
    ...changes,
  };
}

/** `null`: the policy is not configured. */
function decide(
  changes: Partial<NoticeFacts> & { reaches?: Record<string, Reach> },
  policy: NoticePolicy | null = policyOf(),
) {
  const { reaches, ...rest } = changes;
  const facts: NoticeFacts = {
    now,
    status: "waiting",
    step: 0,
    notBefore: now - 1,
    wasTried: false,
    newestMissedAt: now - 5 * minute,
    reach: ({ channel }) => reaches?.[channel] ?? "yes",
    wakingTime: () => now,
    toldInDay: 0,
    sentInMinute: [],
    ...rest,
  };
  return decideNotice(facts, policy ?? undefined);
}

describe("before a notice goes out", () => {
  test("it goes by the first step", () => {
    expect(decide({})).toEqual({ do: "send", step: 0 });
  });

  test("it waits for the end of the grace time", () => {
    expect(decide({ notBefore: now + 1 })).toEqual({ do: "wait", step: 0, until: now + 1, because: "grace" });
  });

  test("it is cancelled when nothing is missed any more", () => {
    expect(decide({ newestMissedAt: undefined })).toMatchObject({ do: "end", status: "cancelled" });
  });

  test("it ends when the news is too old", () => {
    expect(decide({ newestMissedAt: now - 1440 * minute })).toMatchObject({ do: "send" });
    expect(decide({ newestMissedAt: now - 1440 * minute - 1 })).toMatchObject({ do: "end", status: "exhausted" });
  });

  test.each([
    [{ email: "noAddress" }, { do: "send", step: 1 }],
    [{ email: "optedOut" }, { do: "send", step: 1 }],
    [{ email: "notSetUp" }, { do: "send", step: 1 }],
    [{ email: "ask" }, { do: "ask" }],
    [
      { email: "noAddress", sms: "noAddress" },
      { do: "end", status: "unreachable" },
    ],
    [
      { email: "optedOut", sms: "optedOut" },
      { do: "end", status: "suppressed" },
    ],
    [
      { email: "noAddress", sms: "optedOut" },
      { do: "end", status: "suppressed" },
    ],
    [
      { email: "notSetUp", sms: "notSetUp" },
      { do: "end", status: "exhausted" },
    ],
  ] as const)("steps that reach %j decide %j", (reaches, expected) => {
    expect(decide({ reaches })).toMatchObject(expected);
  });

  test("steps that nobody can be reached by end it as exhausted once one has been tried", () => {
    const reaches = { email: "optedOut", sms: "noAddress" } as const;
    expect(decide({ wasTried: true, reaches })).toMatchObject({ do: "end", status: "exhausted" });
  });

  test("over the cap of a day it is suppressed", () => {
    const capped = policyOf({ maxPerRecipientPerDay: 3 });
    expect(decide({ toldInDay: 2 }, capped)).toMatchObject({ do: "send" });
    expect(decide({ toldInDay: 3 }, capped)).toMatchObject({ do: "end", status: "suppressed" });
  });

  test("quiet hours make it wait", () => {
    const until = now + 60 * minute;
    expect(decide({ wakingTime: () => until })).toEqual({ do: "wait", step: 0, until, because: "quietHours" });
  });

  test("past the brake it waits until the oldest of the last minute is a minute old", () => {
    const braked = policyOf({ maxPerMinute: 2 });
    expect(decide({ sentInMinute: [now - 10] }, braked)).toMatchObject({ do: "send" });
    const wait = decide({ sentInMinute: [now - 50_000, now - 40_000, now - 10] }, braked);
    expect(wait).toEqual({ do: "wait", step: 0, until: now + 20_000, because: "brake" });
  });

  test("a policy that is gone ends it", () => {
    expect(decide({}, null)).toMatchObject({ do: "end", status: "exhausted" });
  });
});

describe("while a confirmation is awaited", () => {
  test("it waits until it is time", () => {
    const waiting = decide({ status: "accepted", notBefore: now + 5 });
    expect(waiting).toEqual({ do: "wait", step: 0, until: now + 5, because: "confirmation" });
  });

  test("the next step follows when it is time, and none that stands in for a provider that has done its part", () => {
    expect(decide({ status: "accepted" })).toEqual({ do: "send", step: 1 });
    const steps = [stepTo("email"), stepTo("email-2", { isBackup: true }), stepTo("sms")];
    expect(decide({ status: "accepted" }, policyOf({ steps }))).toEqual({ do: "send", step: 2 });
  });

  test("after the last step it is exhausted", () => {
    expect(decide({ status: "accepted", step: 1 })).toMatchObject({ do: "end", status: "exhausted" });
  });
});

describe("after a send", () => {
  const sent = { now, step: 0, startedAt: now - minute, hasReturned: false };
  const failed = { status: "failed", retryAt: undefined, isProvider: false } as const;

  test("a step that is done when accepted has notified", () => {
    const after = decideAfterSend(sent, { status: "accepted" }, policyOf());
    expect(after).toEqual({ do: "end", status: "accepted", fate: "notified" });
  });

  test("a step that wants more waits as long as the next step says, the last one as long as the policy", () => {
    const steps = [stepTo("sms", { until: "delivered" }), stepTo("email", { afterMs: 10 * minute })];
    const two = policyOf({ steps });
    const wait = (until: number) => ({ do: "awaitConfirmation", until });
    expect(decideAfterSend(sent, { status: "accepted" }, two)).toEqual(wait(now + 10 * minute));
    const one = policyOf({ steps: steps.slice(0, 1) });
    expect(decideAfterSend(sent, { status: "accepted" }, one)).toEqual(wait(now + 15 * minute));
  });

  test("delivered is the end, whatever the step wanted", () => {
    const after = decideAfterSend({ ...sent, step: 1 }, { status: "delivered" }, policyOf());
    expect(after).toEqual({ do: "end", status: "delivered", fate: "notified" });
  });

  test("what nobody knows is not sent again", () => {
    const after = decideAfterSend(sent, { status: "unknown" }, policyOf());
    expect(after).toEqual({ do: "end", status: "unknown", fate: "unknown" });
  });

  test("a failure that may be mended is tried again, until the next step is due", () => {
    const soon = decideAfterSend(sent, { ...failed, retryAt: now + minute }, policyOf());
    expect(soon).toEqual({ do: "tryAgain", step: 0, at: now + minute });
    const late = decideAfterSend(sent, { ...failed, retryAt: now + 10 * minute }, policyOf());
    expect(late).toEqual({ do: "tryAgain", step: 1, at: now + 9 * minute });
  });

  test("a final failure goes to the next step at once, and after the last one it is exhausted", () => {
    expect(decideAfterSend(sent, failed, policyOf())).toEqual({ do: "tryAgain", step: 1, at: now });
    const after = decideAfterSend({ ...sent, step: 1 }, failed, policyOf());
    expect(after).toEqual({ do: "end", status: "exhausted", fate: "exhausted" });
  });

  test("a second provider takes over from one that cannot be used, not from one that refused the customer", () => {
    const steps = [stepTo("sms"), stepTo("sms-2", { isBackup: true }), stepTo("email")];
    const backed = policyOf({ steps });
    const isProvider = true;
    const down = decideAfterSend(sent, { ...failed, isProvider, retryAt: now + minute }, backed);
    expect(down).toEqual({ do: "tryAgain", step: 1, at: now });
    expect(decideAfterSend(sent, failed, backed)).toEqual({ do: "tryAgain", step: 2, at: now });
  });

  test("nothing follows once the customer is back", () => {
    const back = { ...sent, hasReturned: true };
    const cancelled = { do: "end", status: "cancelled", fate: "returned" };
    expect(decideAfterSend(back, { ...failed, retryAt: now + 1 }, policyOf())).toEqual(cancelled);
    const steps = [stepTo("sms", { until: "delivered" }), stepTo("email")];
    const after = decideAfterSend(back, { status: "accepted" }, policyOf({ steps }));
    expect(after).toEqual({ do: "end", status: "accepted", fate: "returned" });
  });
});
