import { classifyAddress, normalizeAddress } from "../../src/message/address";
import { type Consent, isPermitted, readKeyword, widenPurpose } from "../../src/message/consent";

const optOut = (channel: Consent["channel"], purpose: Consent["purpose"]): Consent => ({
  channel,
  purpose,
  state: "optedOut",
});
const grant = (channel: Consent["channel"], purpose: Consent["purpose"]): Consent => ({
  channel,
  purpose,
  state: "granted",
});
const notice = { channel: "email", purpose: "transactional" } as const;
const campaign = { channel: "email", purpose: "marketing" } as const;

test.each([
  ["nothing is known of", [], notice, true],
  ["nothing is known of", [], campaign, false],
  ["opted out of everything", [optOut("*", "*")], notice, false],
  ["opted out of e-mail", [optOut("email", "*")], notice, false],
  ["opted out of SMS", [optOut("sms", "*")], notice, true],
  ["opted out of marketing", [optOut("*", "marketing")], notice, true],
  ["agreed to marketing by e-mail", [grant("email", "marketing")], campaign, true],
  ["agreed to marketing by SMS", [grant("sms", "marketing")], campaign, false],
  ["agreed to all", [grant("*", "*")], campaign, true],
  ["agreed to transactional", [grant("*", "transactional")], campaign, false],
  ["agreed and opted out", [grant("email", "marketing"), optOut("*", "*")], campaign, false],
] as const)("whoever %s may get this: %j, %j: %s", (_, known, send, expected) => {
  expect(isPermitted(known, send)).toBe(expected);
});

test("whoever wants no notices wants no marketing either, but not the other way round", () => {
  expect(widenPurpose("transactional")).toBe("*");
  expect(widenPurpose("marketing")).toBe("marketing");
});

test.each([
  ["STOP", "STOP"],
  [" stop. ", "STOP"],
  ["“Stop!”", "STOP"],
  ["Stop all", "STOP"],
  ["unsubscribe", "STOP"],
  ["START", "START"],
  ["unstop", "START"],
  ["Help", "HELP"],
])("%j is the keyword %s", (text, keyword) => {
  expect(readKeyword(text)).toBe(keyword);
});

test.each(["please stop", "stop sending me cats", "", "   ", "startle", "Can you help?", "don't stop"])(
  "%j is no keyword",
  (text) => {
    expect(readKeyword(text)).toBeUndefined();
  },
);

test.each([
  [" Mira@Harborline.Example ", "mira@harborline.example", "email"],
  ["mira@BÜCHER.example", "mira@xn--bcher-kva.example", "email"],
  ["+43 (664) 123-4567", "+436641234567", "sms"],
  ["0043 664 1234567", "+436641234567", "sms"],
  ["visitor-1", "visitor-1", undefined],
  ["0664 1234567", "0664 1234567", undefined],
  ["mira@localhost", "mira@localhost", undefined],
])("%j is known as %j, of class %s", (text, normalized, kind) => {
  expect(normalizeAddress(text)).toBe(normalized);
  expect(classifyAddress(text)).toBe(kind);
});
