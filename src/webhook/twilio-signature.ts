/** `X-Twilio-Signature`: HMAC-SHA1 over the URL and the form's fields (Twilio, "Validating Requests are coming from Twilio"). */
import { createHmac, timingSafeEqual } from "node:crypto";

/** `url` is the public one that Twilio was given, query included; a field that is repeated counts once for each value. */
export function verifyTwilioSignature(request: {
  authToken: string;
  url: string;
  form: URLSearchParams;
  signature: string | string[] | undefined;
}): boolean {
  const { authToken, url, form, signature } = request;
  if (typeof signature !== "string") return false;
  const names = [...new Set(form.keys())].sort();
  const fields = names.map((name) =>
    [...new Set(form.getAll(name))]
      .sort()
      .map((value) => name + value)
      .join(""),
  );
  const expected = createHmac("sha1", authToken)
    .update(url + fields.join(""), "utf8")
    .digest();
  const given = Buffer.from(signature, "base64");
  // Base64 has several spellings of the same bytes: only the one that Twilio sends is taken.
  return given.length === expected.length && given.toString("base64") === signature && timingSafeEqual(given, expected);
}
