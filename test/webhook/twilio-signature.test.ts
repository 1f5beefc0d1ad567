import * as fc from "fast-check";
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks";
import { verifyTwilioSignature } from "../../src/webhook/twilio-signature";

const authToken = "twilio-auth-token-0001";
const url = "https://bridge.example/twilio/status?channel=sms&delivery=1";
const form = { MessageSid: "SM1", MessageStatus: "delivered", To: "+436641234567", Body: "Grüße & mehr" };

const verify = (signature: string | undefined, given: Record<string, string> = form, at = url) =>
  verifyTwilioSignature({ authToken, url: at, form: new URLSearchParams(given), signature });

test("whatever Twilio's own library signs is taken", () => {
  const fields = fc.dictionary(fc.string({ minLength: 1 }), fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(fields, (params) => {
      const plain = Object.fromEntries(Object.entries(params));
      expect(verify(getExpectedTwilioSignature(authToken, url, plain), plain)).toBe(true);
    }),
  );
});

test("anything else is refused", () => {
  const good = getExpectedTwilioSignature(authToken, url, form);
  expect(verify(good)).toBe(true);
  expect(verify(undefined)).toBe(false);
  expect(verify("")).toBe(false);
  expect(verify(`${good} `)).toBe(false);
  expect(verify(good.replace("=", ""))).toBe(false);
  expect(verify(getExpectedTwilioSignature("other token", url, form))).toBe(false);
  expect(verify(good, { ...form, MessageStatus: "failed" })).toBe(false);
  expect(verify(good, { ...form, Extra: "" })).toBe(false);
  expect(verify(good, form, url.replace("https:", "http:"))).toBe(false);
});
