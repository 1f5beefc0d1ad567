import * as fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { decodeStandardWebhooksSecret, signStandardWebhook, verifyStandardWebhook } from "../src/standard-webhooks";

// The example of the specification's own reference implementations.
const example = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  at: new Date(1614265330 * 1000),
  body: '{"test": 2432232314}',
  signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
const key = decodeStandardWebhooksSecret(example.secret);

function headersOf(overrides: Record<string, string | undefined> = {}) {
  return { ...signStandardWebhook({ key, id: example.id, at: example.at, body: example.body }), ...overrides };
}

function verdict(
  overrides: Record<string, string | undefined> = {},
  more: { body?: Buffer | string; now?: Date } = {},
) {
  return verifyStandardWebhook({
    secret: example.secret,
    headers: headersOf(overrides),
    body: more.body ?? example.body,
    now: more.now ?? example.at,
  });
}

describe("signStandardWebhook", () => {
  test("gives the signature printed in the specification's examples", () => {
    expect(headersOf()).toEqual({
      "webhook-id": example.id,
      "webhook-timestamp": "1614265330",
      "webhook-signature": example.signature,
    });
  });

  test("agrees with the reference library for any key, id, time and text", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 80 }),
        fc.string(),
        fc.integer({ min: 0, max: 4_000_000_000 }),
        fc.string({ unit: "binary" }),
        (keyBytes, id, seconds, body) => {
          const secret = `whsec_${Buffer.from(keyBytes).toString("base64")}`;
          const at = new Date(seconds * 1000);
          const ours = signStandardWebhook({
            key: decodeStandardWebhooksSecret(secret),
            id,
            at,
            body: Buffer.from(body),
          });
          expect(ours["webhook-signature"]).toBe(new Webhook(secret).sign(id, at, body));
        },
      ),
    );
  });
});

describe("verifyStandardWebhook", () => {
  test("accepts what it signed, and names the id and the time", () => {
    expect(verdict()).toEqual({ ok: true, id: example.id, signedAt: example.at });
  });

  test("judges the bytes, so a body that is no UTF-8 keeps its own signature", () => {
    const body = Buffer.from([0x7b, 0xff, 0xfe, 0x7d]);
    const headers = { ...signStandardWebhook({ key, id: "a", at: example.at, body }) };
    expect(verifyStandardWebhook({ secret: key, headers, body, now: example.at }).ok).toBe(true);
    const otherBytes = Buffer.from([0x7b, 0xfd, 0xfc, 0x7d]);
    expect(verifyStandardWebhook({ secret: key, headers, body: otherBytes, now: example.at }).ok).toBe(false);
  });

  test("accepts one good signature among several, of any version", () => {
    const signatures = `v1,bm90aGluZw== v1a,abc ${example.signature} v2,${example.signature.slice(3)}`;
    expect(verdict({ "webhook-signature": signatures }).ok).toBe(true);
  });

  test.each([
    ["another version", `v2,${example.signature.slice(3)}`],
    ["no version", example.signature.slice(3)],
    ["trailing characters", `${example.signature}x`],
    ["a cut signature", example.signature.slice(0, -1)],
    ["hex for base64", `v1,${Buffer.from(example.signature.slice(3), "base64").toString("hex")}`],
    ["nothing", ""],
    ["letters outside ASCII", "v1,ünïcödé"],
  ])("refuses %s", (_, signature) => {
    expect(verdict({ "webhook-signature": signature })).toEqual({
      ok: false,
      problem: "webhook-signature does not match",
    });
  });

  test.each(["webhook-id", "webhook-timestamp", "webhook-signature"])("refuses a request without %s", (name) => {
    expect(verdict({ [name]: undefined })).toEqual({ ok: false, problem: `${name} is missing` });
  });

  test.each(["", "abc", "1614265330.5", "-1614265330", "1614265330 ", "0x60381e32"])(
    "refuses the timestamp %p",
    (value) => {
      expect(verdict({ "webhook-timestamp": value })).toEqual({
        ok: false,
        problem: "webhook-timestamp is no time in seconds",
      });
    },
  );

  test("allows 300 seconds of difference both ways and no more", () => {
    const shifted = (seconds: number) => verdict({}, { now: new Date(example.at.getTime() + seconds * 1000) });
    expect(shifted(300).ok).toBe(true);
    expect(shifted(-300).ok).toBe(true);
    expect(shifted(301)).toEqual({ ok: false, problem: "webhook-timestamp is too old" });
    expect(shifted(-301)).toEqual({ ok: false, problem: "webhook-timestamp is too far ahead" });
  });

  test("refuses another id, another time, another body", () => {
    expect(verdict({ "webhook-id": "msg_other" }).ok).toBe(false);
    expect(verdict({ "webhook-timestamp": "1614265331" }).ok).toBe(false);
    expect(verdict({}, { body: `${example.body} ` }).ok).toBe(false);
  });
});

describe("decodeStandardWebhooksSecret", () => {
  test.each([
    ["no prefix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    ["nothing after the prefix", "whsec_"],
    ["other characters", "whsec_MfKQ 9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    ["the URL alphabet", "whsec_-_-_"],
  ])("refuses a secret with %s, without repeating it", (_, secret) => {
    expect(() => decodeStandardWebhooksSecret(secret)).toThrow(expect.objectContaining({ code: "invalid_field" }));
    expect(() => decodeStandardWebhooksSecret(secret)).not.toThrow("MfKQ");
  });

  test("takes a key with or without padding", () => {
    expect(decodeStandardWebhooksSecret("whsec_YQ==").export()).toEqual(Buffer.from("a"));
    expect(decodeStandardWebhooksSecret("whsec_YQ").export()).toEqual(Buffer.from("a"));
  });
});
