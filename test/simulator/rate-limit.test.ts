import { createRateLimit } from "../../src/simulator/rate-limit";
import { logIn, startBoth } from "./connector";

describe("the rate limit", () => {
  it("answers 429 with Retry-After once a token used up its minute, and counts each token by itself", async () => {
    const clock = { at: 1_000_000 };
    const { simulator, call, stop } = await startBoth({ requestsPerMinute: 3, now: () => clock.at });
    const other = await logIn(simulator);
    for (const expected of ["1", "2", "3"]) {
      const answer = await call("GET", "/api/v2/conversations/none");
      expect(answer.headers.get("inin-ratelimit-count")).toBe(expected);
      clock.at += 10_000;
    }
    const refused = await call("GET", "/api/v2/conversations/none");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("30");
    expect(refused.body).toMatchObject({
      code: "too.many.requests.retry.after",
      message: "Rate limit exceeded the maximum. Retry the request in [30] seconds",
    });
    expect((await other("GET", "/api/v2/conversations/none")).status).toBe(404);
    clock.at += 30_000;
    expect((await call("GET", "/api/v2/conversations/none")).status).toBe(404);
    expect(simulator.requests.busiestMinute({ admittedOnly: true })).toBe(4);
    await stop();
  });

  it("limits all tokens of one client together", async () => {
    const { simulator, call, stop } = await startBoth({ requestsPerMinute: 2, requestsPerMinutePerClient: 3 });
    const other = await logIn(simulator);
    const statuses = [];
    for (const caller of [call, call, other, other])
      statuses.push((await caller("GET", "/api/v2/conversations/none")).status);
    expect(statuses).toEqual([404, 404, 404, 429]);
    await stop();
  });

  it("lets a fixed window start anew where a sliding one still refuses", () => {
    const clock = { at: 0 };
    const limits = (["fixed", "sliding"] as const).map((window) =>
      createRateLimit({ perMinute: 2, window, now: () => clock.at }),
    );
    const admitAll = () => limits.map((limit) => limit.admit("token").admitted);
    admitAll();
    clock.at = 50_000;
    admitAll();
    clock.at = 60_000;
    expect(admitAll()).toEqual([true, true]);
    expect(admitAll()).toEqual([true, false]);
  });
});
