import * as fc from "fast-check";
import { type AddressRules, type AddressSources, findAddress, isEmailAddress } from "../../src/fallback/addresses";

const rules: AddressRules = { addresses: ["recipient", "adapter", "externalContact"], addressOf: {} };
const opaque: AddressSources = {
  recipient: { id: "visitor-1", idType: "Opaque" },
  adapter: { emails: ["mira@harborline.example"], phones: ["+43 664 1234567"] },
  externalContact: { emails: ["mira@work.example"], phones: ["+436767654321"] },
};
const nobody = { emails: [], phones: [] };

test("the configured address goes before all others", () => {
  const addressOf = { "visitor-1": { email: "first@harborline.example" } };
  const found = findAddress("email", opaque, { ...rules, addressOf });
  expect(found).toEqual({ value: "first@harborline.example", source: "addressOf" });
});

test.each([
  ["email", { id: "mira@harborline.example", idType: "Opaque" }, "mira@harborline.example"],
  ["email", { id: "mira@harborline.example", idType: "Email" }, "mira@harborline.example"],
  ["phone", { id: "+43 664 1234567", idType: "Phone" }, "+436641234567"],
] as const)("a recipient's id that is an address is used: %s of %j", (kind, recipient, value) => {
  expect(findAddress(kind, { ...opaque, recipient }, rules)).toEqual({ value, source: "recipient" });
});

test("an opaque id of digits is no phone number", () => {
  const sources = { recipient: { id: "436641234567", idType: "Opaque" }, adapter: nobody, externalContact: nobody };
  expect(findAddress("phone", sources, rules)).toBeUndefined();
});

test("places are looked at in the configured order", () => {
  expect(findAddress("email", opaque, rules)).toEqual({ value: "mira@harborline.example", source: "adapter" });
  const other = { ...rules, addresses: ["externalContact", "adapter"] as const };
  expect(findAddress("email", opaque, other)).toEqual({ value: "mira@work.example", source: "externalContact" });
});

test("an external contact that nobody has looked up yet must be asked for, but only if it matters", () => {
  const unasked = { ...opaque, externalContact: undefined };
  expect(findAddress("email", unasked, rules)).toMatchObject({ source: "adapter" });
  expect(findAddress("email", { ...unasked, adapter: nobody }, rules)).toBe("ask");
  expect(findAddress("email", { ...unasked, adapter: nobody }, { ...rules, addresses: ["adapter"] })).toBeUndefined();
});

test("a number without a country code belongs to the configured country", () => {
  const sources = { ...opaque, adapter: { emails: [], phones: ["0664 1234567"] }, externalContact: nobody };
  expect(findAddress("phone", sources, rules)).toBeUndefined();
  expect(findAddress("phone", sources, { ...rules, country: "AT" })).toEqual({
    value: "+436641234567",
    source: "adapter",
  });
});

test("a number that may be a mobile's goes before a landline", () => {
  const phones = ["+4315551234", "+436641234567"];
  const sources = { ...opaque, adapter: { emails: [], phones } };
  expect(findAddress("phone", sources, rules)).toMatchObject({ value: "+436641234567" });
});

test("a step to an adapter goes to the customer's own id", () => {
  expect(findAddress("recipient", opaque, rules)).toEqual({ value: "visitor-1", source: "recipient" });
});

test.each([
  "mira@harborline.example",
  "mira+chat@harborline.example",
  "grüße@bücher.example",
  '"mira wells"@harborline.example',
  "o'neil@sub.harborline.example",
])("%s is an e-mail address", (text) => {
  expect(isEmailAddress(text)).toBe(true);
});

test.each([
  "",
  "mira",
  "@harborline.example",
  "mira@localhost",
  "mira@harborline.example\r\nBcc: eve@evil.example",
  "mira@harborline.example, eve@evil.example",
  "Mira <mira@harborline.example>",
  "mira@127.0.0.1",
  "mira@[127.0.0.1]",
  `${"m".repeat(65)}@harborline.example`,
  "mira..wells@harborline.example",
])("%j is no e-mail address", (text) => {
  expect(isEmailAddress(text)).toBe(false);
});

test("nothing with a space, a comma or a control character outside quotes is an address", () => {
  const evil = fc.constantFrom(" ", ",", ";", "\r", "\n", "\u0000", "<", ">", "(", ")");
  const text = fc.string({ maxLength: 20 }).map((one) => one.replaceAll('"', "q"));
  fc.assert(
    fc.property(text, evil, text, (before, sign, after) => {
      expect(isEmailAddress(`${before}${sign}${after}@b.example`)).toBe(false);
      expect(isEmailAddress(`a@${before}${sign}${after}.example`)).toBe(false);
    }),
  );
});

test.each(["__proto__", "constructor", "toString"])("a recipient called %s finds nothing that nobody set", (id) => {
  const sources = { recipient: { id, idType: "Opaque" }, adapter: nobody, externalContact: nobody };
  expect(findAddress("email", sources, rules)).toBeUndefined();
});
