/** What a customer is known by, in the one spelling that Genesys Cloud compares. Pure. */
import { type CountryCode, parsePhoneNumberFromString } from "libphonenumber-js/max";

/** As Genesys Cloud keeps it (SDK `ContactIdentifier`). */
export interface Identifier {
  type: "Email" | "Phone" | "ExternalId";
  value: string;
  /** Whose id an `ExternalId` is. */
  externalSource?: { id: string; name: string };
}

/** What somebody says of a customer: exactly one of them. */
export interface Claim {
  email?: string | undefined;
  phone?: string | undefined;
  externalId?: string | undefined;
}

export interface IdentifierRules {
  /** ISO 3166 code of the country in which numbers without a country code are. */
  country?: string | undefined;
  /** The system that external ids are of. */
  externalSource?: { id: string; name: string } | undefined;
}

export type IdentifierReading =
  | { ok: true; identifier: Identifier; country?: string | undefined }
  | { ok: false; field: keyof Claim; problem: string };

/** E-mail addresses in lower case, phone numbers in E.164 with their country. */
export function readIdentifier({ email, phone, externalId }: Claim, rules: IdentifierRules): IdentifierReading {
  const given = [email, phone, externalId].filter((one) => one !== undefined);
  if (given.length !== 1) {
    return { ok: false, field: "email", problem: "exactly one of email, phone and externalId is expected" };
  }
  if (email !== undefined) return readEmail(email);
  if (phone !== undefined) return readPhone(phone, rules.country);
  return readExternalId(externalId ?? "", rules.externalSource);
}

/** The best that an adapter knows of a customer: what it calls an e-mail address or a number, else its own id. */
export function chooseClaim(from: {
  id: string;
  idType: string;
  email?: string | undefined;
  phone?: string | undefined;
}): Claim {
  const type = from.idType.toLowerCase();
  if (from.email) return { email: from.email };
  if (type === "email") return { email: from.id };
  if (from.phone) return { phone: from.phone };
  return type === "phone" ? { phone: from.id } : { externalId: from.id };
}

function readEmail(text: string): IdentifierReading {
  const value = text.normalize("NFC").trim().toLowerCase();
  if (value.length > 254 || !/^[^\s@<>(),;:"\p{Cc}]{1,64}@[^\s@<>(),;:"\p{Cc}]+\.[^\s@<>(),;:"\p{Cc}]+$/u.test(value)) {
    return { ok: false, field: "email", problem: "an e-mail address is expected" };
  }
  return { ok: true, identifier: { type: "Email", value } };
}

function readPhone(text: string, country: string | undefined): IdentifierReading {
  const number = parsePhoneNumberFromString(text, country as CountryCode | undefined);
  if (number === undefined || !number.isValid()) {
    const where = country === undefined ? " with + and its country code" : "";
    return { ok: false, field: "phone", problem: `a phone number${where} is expected` };
  }
  return { ok: true, identifier: { type: "Phone", value: number.number }, country: number.country };
}

function readExternalId(text: string, externalSource: IdentifierRules["externalSource"]): IdentifierReading {
  const value = text.trim();
  if (externalSource === undefined) {
    return { ok: false, field: "externalId", problem: "external ids need an externalSource in the settings" };
  }
  if (value === "" || value.length > 255) {
    return { ok: false, field: "externalId", problem: "an id of at most 255 characters is expected" };
  }
  return { ok: true, identifier: { type: "ExternalId", value, externalSource } };
}
