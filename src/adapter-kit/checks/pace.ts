/** How fast it answers, and what it does when there is much at once. */
import { type Check, doubtful, failed, passed, type Verdict } from "../check";
import { type Called, describeCall, isTaken } from "../kit";

export const paceChecks: readonly Check[] = [
  {
    name: "pace.burst",
    expected: "many deliveries at once are taken, or held off with 429 and Retry-After",
    async run(kit) {
      const sent = Array.from({ length: kit.settings.burst }, (_, index) =>
        kit.send(kit.samples.text(`Adapter test: ${index + 1} of ${kit.settings.burst} at once.`)),
      );
      return judgeBurst(await Promise.all(sent));
    },
  },
  {
    name: "pace.answer",
    expected: "every answer comes well within the channel's timeoutSeconds",
    async run(kit) {
      const { timeoutMs } = kit.settings;
      const slowest = Math.round(Math.max(0, ...kit.calls().map(({ tookMs }) => tookMs)));
      const found = `the slowest of ${kit.calls().length} took ${slowest} ms, the limit is ${timeoutMs} ms`;
      const mend = "Answer accepted as soon as the message is safe, send it on afterwards, and report with a receipt.";
      if (slowest >= timeoutMs) return failed(found, mend);
      return slowest > timeoutMs / 2 ? doubtful(found, mend) : passed(found);
    },
  },
];

function judgeBurst(calls: readonly Called[]): Verdict {
  const heldOff = calls.filter(({ answer }) => answer.kind === "answered" && answer.status === 429);
  const other = calls.filter((one) => !isTaken(one) && !heldOff.includes(one));
  const taken = calls.length - heldOff.length - other.length;
  const slowest = Math.round(Math.max(...calls.map(({ tookMs }) => tookMs)));
  const found = `${taken} of ${calls.length} taken, ${heldOff.length} held off with 429, slowest ${slowest} ms`;
  const [first] = other;
  if (first) {
    const mend = "Answer 429 with Retry-After when it is too much: failures of other kinds trip the channel's breaker.";
    return failed(`${other.length} of ${calls.length}: ${describeCall(first)}`, mend);
  }
  const unclear = heldOff.filter(({ outcome }) => outcome.status !== "failed" || outcome.retryAfterMs === undefined);
  if (unclear.length === 0) return passed(found);
  return doubtful(
    `${found}, ${unclear.length} without Retry-After`,
    "Say in Retry-After, in seconds, when to come back.",
  );
}
