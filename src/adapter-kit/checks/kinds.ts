/** Everything the bridge sends gets an answer that settles it. */
import { writeBody } from "../../channels/http";
import { type Check, doubtful, failed, passed, type Verdict } from "../check";
import { type Called, describeCall, isSettled, isTaken, type Kit } from "../kit";

const settle =
  'Answer 2xx with { "status": "accepted" }, or for what cannot be shown a 4xx with { "code": "UnsupportedMessage", "message": "…" }: anything else is tried again for as long as retry.maxAgeSeconds says.';

/** Characters of a large text: with `raw` beside it, about what the largest webhook leads to. */
const largeText = 450_000;

export const kindChecks: readonly Check[] = [
  ...["text", "media", "media without words", "template", "quick replies", "card", "an element nobody knows"].map(
    (name): Check => ({
      name: `kind.${name.replaceAll(" ", "-")}`,
      expected: `${name}: shown, or refused for good with a reason`,
      async run(kit) {
        const sample = kit.samples.kinds().find((one) => one.name === name);
        if (!sample) throw new Error(`there is no sample of ${name}`);
        return judgeShown(kit, await kit.send(sample.message));
      },
    }),
  ),
  {
    name: "kind.notice",
    expected:
      "a notice (type notice.outbound) is sent to notice.to, or refused for good; its message is not shown in its place",
    async run(kit) {
      const notice = { to: "adapter-test@example.org", subject: "Adapter test", text: "You missed a message." };
      return judgeSettled(
        await kit.send(kit.samples.text("Adapter test: missed earlier."), { notice }, "notice.outbound"),
      );
    },
  },
  {
    name: "kind.typing",
    expected: "a sign of typing is answered 2xx or 4xx, and is no message",
    async run(kit) {
      const called = await kit.send(kit.samples.typing(), {}, "typing");
      const shown = await kit.countShown(called.deliveryId);
      if (shown) return failed("shown to the customer as a message", "Look at type: typing is a sign, not a message.");
      return judgeHeard(called, "Answer typing with 204, also when the channel cannot show it.");
    },
  },
  {
    name: "kind.failed",
    expected: "news of a message that did not get into Genesys Cloud (type message.failed) is answered 2xx or 4xx",
    async run(kit) {
      const id = kit.newDeliveryId();
      const { recipient } = kit.settings;
      const reason = { code: "ServerError", message: "Adapter test" };
      const ids = { messageId: "adapter-test-1", integration: "adapter-test", integrationId: "adapter-test" };
      const body = { type: "message.failed", id, ...ids, from: recipient, reason, at: kit.now().toISOString() };
      const called = await kit.call({ id, body: JSON.stringify(body) });
      return judgeHeard(called, "Answer types it does not know with a 4xx; this one carries no message.");
    },
  },
  {
    name: "kind.unknown-type",
    expected: "a type of tomorrow is not taken for a message",
    async run(kit) {
      const called = await kit.send(kit.samples.text("Adapter test: of a type of tomorrow."), {}, "message.recalled");
      const mend = "Answer types it does not know with 422 and the code UnsupportedMessage.";
      return isTaken(called) ? doubtful(describeCall(called), mend) : judgeHeard(called, mend);
    },
  },
  {
    name: "fields.unknown",
    expected: "fields of tomorrow, in the body and in the message, are passed over",
    async run(kit) {
      const id = kit.newDeliveryId();
      const message = Object.assign(kit.samples.text("Adapter test: with fields of tomorrow."), {
        mood: { calm: true },
      });
      const body = writeBody("message.outbound", { deliveryId: id, attempt: 1, message }).replace(
        "{",
        '{"spare":[1,{}],',
      );
      const called = await kit.call({ id, body });
      return isTaken(called)
        ? passed(describeCall(called))
        : failed(describeCall(called), "Read the fields you need and no others.");
    },
  },
  {
    name: "size.large",
    expected: `a text of ${largeText} characters is shown, or refused for good with a reason`,
    async run(kit) {
      const words = "Adapter test: a large text. ".repeat(Math.ceil(largeText / 28));
      const mend = `Take bodies of 4 MB (Express takes 100 kB by default), and refuse what customers cannot be shown with a code. ${settle}`;
      return judgeShown(kit, await kit.send(kit.samples.text(words)), mend);
    },
  },
  {
    name: "size.deep",
    expected: "a body nested 5,000 levels deep gets an answer, and the adapter lives on",
    async run(kit) {
      const deep = Buffer.from(`{"deep":${"[".repeat(5000)}${"]".repeat(5000)}}`);
      const message = kit.samples.text("Adapter test: a deeply nested body.");
      const called = await kit.send(message, { original: { body: deep, headers: {} } });
      if (called.answer.kind === "unanswered" || called.answer.status >= 500) {
        const refuse = "Catch what the JSON parser throws, and refuse with InvalidMessageStructure.";
        return failed(describeCall(called), refuse);
      }
      const next = await kit.send(kit.samples.text("Adapter test: after a deeply nested body."));
      return isTaken(next)
        ? passed(describeCall(called))
        : failed(`then ${describeCall(next)}`, "One message may not end the adapter.");
    },
  },
];

async function judgeShown(kit: Kit, called: Called & { deliveryId: string }, mend?: string): Promise<Verdict> {
  const shown = isTaken(called) ? await kit.countShown(called.deliveryId) : undefined;
  if (shown === undefined || shown === 1) return judgeSettled(called, mend);
  const lost = "Accept only what the customer will see: what is accepted is the bridge's no more.";
  return failed(`${describeCall(called)}, and shown ${shown} times`, lost);
}

function judgeSettled(called: Called, mend = settle): Verdict {
  if (isSettled(called)) return passed(describeCall(called));
  return failed(
    describeCall(called),
    isRedirect(called) ? `Redirects are not followed: give the final URL. ${settle}` : mend,
  );
}

/** For what wants no decision. */
function judgeHeard(called: Called, mend: string): Verdict {
  const { answer } = called;
  const heard = answer.kind === "answered" && answer.status < 500 && !isRedirect(called);
  return heard ? passed(`HTTP ${answer.status}`) : failed(describeCall(called), mend);
}

function isRedirect({ answer }: Called): boolean {
  return answer.kind === "answered" && answer.status >= 300 && answer.status < 400;
}
