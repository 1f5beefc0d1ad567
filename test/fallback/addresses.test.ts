import * as fc from "fast-check";
import { findAddress, isEmailAddress } from "../../src/fallback/addresses";

const rules = { addresses: ["recipient"], addressOf: {} };

test.each([
  [{ id: "mira@harborline.example", idType: "Email" }, "email", "mira@harborline.example"],
  [{ id: "mira@harborline.example", idType: "Opaque" }, "email", "mira@harborline.example"],
  [{ id: "mira@harborline.example", idType: "" }, "email", "mira@harborline.example"],
  [{ id: "mira@harborline.example", idType: "Phone" }, "email", undefined],
  [{ id: "+436641234567", idType: "Phone" }, "phone", "+436641234567"],
  [{ id: "+436641234567", idType: "phone" }, "phone", "+436641234567"],
  [{ id: "+436641234567", idType: "Opaque" }, "phone", undefined],
  [{ id: "crew-7781", idType: "Opaque" }, "email", undefined],
  [{ id: "crew-7781", idType: "Email" }, "email", undefined],
] as const)("%j has this address by %s: %s", (recipient, kind, expected) => {
  expect(findAddress(recipient, kind, rules)?.value).toBe(expected);
});

test("an address in the policy goes first, and only the kind that is there", () => {
  const recipient = { id: "mira@harborline.example", idType: "Email" };
  const own = { addresses: ["recipient"], addressOf: { "mira@harborline.example": { email: "other@a.example" } } };
  expect(findAddress(recipient, "email", own)).toEqual({ value: "other@a.example", source: "addressOf" });
  expect(findAddress(recipient, "phone", own)).toBeUndefined();
});

test("the recipient's own address is looked at only where the policy says so", () => {
  const recipient = { id: "mira@harborline.example", idType: "Email" };
  expect(findAddress(recipient, "email", { addresses: ["adapter"], addressOf: {} })).toBeUndefined();
});

test.each(["__proto__", "constructor", "toString"])("a recipient called %s finds nothing that nobody set", (id) => {
  expect(findAddress({ id, idType: "Opaque" }, "email", rules)).toBeUndefined();
});

test.each([
  "a@b.example",
  "first.last+tag@sub.b.example",
  "o'neill@b.example",
  "müller@bücher.example",
  "a@b-c.example",
])("%s is an address", (text) => {
  expect(isEmailAddress(text)).toBe(true);
});

test.each([
  "",
  "@b.example",
  "a@",
  "a@b",
  "a b@c.example",
  "a@b.example\r\nBcc: c@d.example",
  "<a@b.example>",
  "a@b..example",
  ".a@b.example",
  "a@-b.example",
  "a,c@b.example",
  `${"a".repeat(65)}@b.example`,
  `a@${"b".repeat(260)}.example`,
])("%j is none", (text) => {
  expect(isEmailAddress(text)).toBe(false);
});

test("nothing with a space, a comma or a control character is an address", () => {
  const evil = fc.constantFrom(" ", ",", ";", "\r", "\n", "\u0000", "<", ">", '"', "(", ")");
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), evil, fc.string({ maxLength: 20 }), (before, sign, after) => {
      expect(isEmailAddress(`${before}${sign}${after}@b.example`)).toBe(false);
      expect(isEmailAddress(`a@${before}${sign}${after}.example`)).toBe(false);
    }),
  );
});
