import { chooseClaim, readIdentifier } from "../../src/contacts/identifier";

const externalSource = { id: "source-1", name: "Crew register" };

test.each([
  [{ email: "  Ines.Calder@Harborline.EXAMPLE " }, { type: "Email", value: "ines.calder@harborline.example" }],
  [{ phone: "+43 (0)664 1234567" }, { type: "Phone", value: "+436641234567" }],
  [{ phone: "0664 1234567" }, { type: "Phone", value: "+436641234567" }],
  [{ phone: "0043664/1234567" }, { type: "Phone", value: "+436641234567" }],
  [{ externalId: " crew-7781 " }, { type: "ExternalId", value: "crew-7781", externalSource }],
])("%j has one spelling", (claim, identifier) => {
  expect(readIdentifier(claim, { country: "AT", externalSource })).toMatchObject({ ok: true, identifier });
});

test("a number comes with its country", () => {
  expect(readIdentifier({ phone: "+4915112345678" }, { country: "AT" })).toMatchObject({ country: "DE" });
});

test.each([
  [{}, "email"],
  [{ email: "a@b.example", phone: "+43123456789" }, "email"],
  [{ email: "ines" }, "email"],
  [{ email: "a@b.example\r\nBcc: c@d.example" }, "email"],
  [{ email: "a@b" }, "email"],
  [{ phone: "0664 1234567" }, "phone"],
  [{ phone: "+43 1" }, "phone"],
  [{ phone: "call me" }, "phone"],
  [{ externalId: "crew-7781" }, "externalId"],
])("%j is refused at %s", (claim, field) => {
  expect(readIdentifier(claim, {})).toMatchObject({ ok: false, field });
});

test.each([
  [{ id: "x", idType: "Opaque", email: "a@b.example", phone: "+43" }, { email: "a@b.example" }],
  [{ id: "a@b.example", idType: "Email", phone: "+43" }, { email: "a@b.example" }],
  [{ id: "x", idType: "Opaque", phone: "+43" }, { phone: "+43" }],
  [{ id: "+43", idType: "Phone" }, { phone: "+43" }],
  [{ id: "x", idType: "Opaque" }, { externalId: "x" }],
])("of %j the best is chosen", (from, claim) => {
  expect(chooseClaim(from)).toEqual(claim);
});
