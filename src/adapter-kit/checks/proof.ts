/** Only what is signed with the shared secret, now, over these bytes, may be believed. */
import { writeBody } from "../../channels/http";
import { type Check, doubtful, failed, passed, type Verdict } from "../check";
import { type Called, describeCall, isTaken, type Kit, type Request } from "../kit";

const verifyFirst =
  "Verify webhook-signature over `id.timestamp.` and the raw bytes before anything else, and answer 401: anybody can send to this URL.";

export const proofChecks: readonly Check[] = [
  {
    name: "signature.wrong",
    expected: "a request signed with another secret is answered 401",
    run: (kit) => forge(kit, { secret: `whsec_${Buffer.alloc(32, 91).toString("base64")}` }),
  },
  {
    name: "signature.missing",
    expected: "a request without a signature is answered 401",
    run: (kit) => forge(kit, { headers: () => ({}) }),
  },
  {
    name: "signature.changed",
    expected: "a body changed after signing is answered 401",
    run: (kit) => forge(kit, { tamper: (body) => body.replace("a forged", "a forgeD") }),
  },
  {
    name: "signature.other-id",
    expected: "a signature for another webhook-id is answered 401",
    run: (kit) => forge(kit, { headers: (signed) => ({ ...signed, "webhook-id": `${signed["webhook-id"]}-other` }) }),
  },
  {
    name: "timestamp.old",
    expected: "a request signed ten minutes ago is answered 401",
    run: (kit) => forge(kit, { at: shift(kit, -600_000) }, refuseOld),
  },
  {
    name: "timestamp.ahead",
    expected: "a request signed ten minutes ahead is answered 401",
    run: (kit) => forge(kit, { at: shift(kit, 600_000) }, refuseOld),
  },
  {
    name: "signature.bytes",
    expected: "a well signed body is taken however its JSON is written: spaces, 1.0, \\u escapes",
    async run(kit) {
      const body = writeBody("message.outbound", delivery(kit, "Adapter test: oddly written JSON."))
        .replace("{", '{ "spelledOddly": [1.0, "\\u0041", "\\/"] , ')
        .replaceAll('":', '" : ');
      const called = await kit.call({ id: kit.newDeliveryId(), body });
      if (isTaken(called)) return passed(describeCall(called));
      return failed(
        describeCall(called),
        "Verify the raw bytes of the request, not JSON that was parsed and written again.",
      );
    },
  },
  {
    name: "signature.rotation",
    expected: "any one of several signatures in the header may fit, so that a secret can be changed without a gap",
    async run(kit) {
      const other = `v1,${Buffer.alloc(32, 5).toString("base64")}`;
      const called = await kit.call({
        id: kit.newDeliveryId(),
        body: writeBody("message.outbound", delivery(kit, "Adapter test: two signatures.")),
        headers: (signed) => ({ ...signed, "webhook-signature": `${other} ${signed["webhook-signature"]}` }),
      });
      if (isTaken(called)) return passed(describeCall(called));
      return doubtful(describeCall(called), "Split webhook-signature at spaces and let any one of them match.");
    },
  },
];

const refuseOld = "Refuse a webhook-timestamp more than 300 s from now: an old request may be a recorded one.";

function shift(kit: Kit, ms: number): Date {
  return new Date(kit.now().getTime() + ms);
}

function delivery(kit: Kit, text: string) {
  return { deliveryId: kit.newDeliveryId(), attempt: 1, message: kit.samples.text(text) };
}

async function forge(kit: Kit, forged: Partial<Request>, mend = verifyFirst): Promise<Verdict> {
  const one = delivery(kit, "Adapter test: a forged message. Nobody may see this.");
  const called = await kit.call({ id: one.deliveryId, body: writeBody("message.outbound", one), ...forged });
  const shown = await kit.countShown(one.deliveryId);
  if (shown !== undefined && shown > 0) return failed(`${describeCall(called)}, and shown to the customer`, mend);
  return judgeRefusal(called, mend);
}

function judgeRefusal(called: Called, mend: string): Verdict {
  const { answer, outcome } = called;
  if (isTaken(called)) return failed(describeCall(called), mend);
  if (outcome.status === "failed" && !outcome.retryable) {
    const wait =
      "Answer 401 without a reason code: a wrong secret is mended in minutes, and the bridge tries again until then.";
    return failed(describeCall(called), wait);
  }
  if (answer.kind === "answered" && answer.status >= 400 && answer.status < 500) return passed(`HTTP ${answer.status}`);
  return doubtful(describeCall(called), "Answer 401, so that the bridge's operator sees what is wrong.");
}
