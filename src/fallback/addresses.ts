/** Where a customer can be told of missed messages. Pure. */
import { type CountryCode, parsePhoneNumberFromString } from "libphonenumber-js/max";

/** Who missed something, as messages know them. */
export interface Recipient {
  id: string;
  idType: string;
}

/** What somebody else said of a customer: an adapter, or Genesys Cloud's external contact. The best first. */
export interface KnownAddresses {
  emails: readonly string[];
  phones: readonly string[];
}

/** `recipient` is the customer's own id on the channel, for steps that go to an adapter. */
export type AddressKind = "email" | "phone" | "recipient";
export type AddressPlace = "recipient" | "adapter" | "externalContact";

export interface Address {
  /** An e-mail address, a number in E.164, or the recipient's id. */
  value: string;
  /** Where it was found: `addressOf` of the policy, or one of the places. */
  source: "addressOf" | AddressPlace;
}

export interface AddressRules {
  /** Places to look, in order, after `addressOf`. */
  addresses: readonly AddressPlace[];
  addressOf: Readonly<Record<string, { email?: string | undefined; phone?: string | undefined }>>;
  /** ISO 3166 code of the country in which numbers without a country code are. */
  country?: string | undefined;
}

export interface AddressSources {
  recipient: Recipient;
  adapter: KnownAddresses | undefined;
  /** Undefined as long as Genesys Cloud was not asked. */
  externalContact: KnownAddresses | undefined;
}

/**
 * The first address of this kind in the configured order; undefined when there is none, `ask` when that depends on an external contact
 * that has not been looked up.
 */
export function findAddress(
  kind: AddressKind,
  sources: AddressSources,
  rules: AddressRules,
): Address | "ask" | undefined {
  const { recipient } = sources;
  if (kind === "recipient") return { value: recipient.id, source: "recipient" };
  const configured = Object.hasOwn(rules.addressOf, recipient.id) ? rules.addressOf[recipient.id]?.[kind] : undefined;
  if (configured !== undefined) return { value: configured, source: "addressOf" };
  for (const place of rules.addresses) {
    if (place === "externalContact" && sources.externalContact === undefined) return "ask";
    const found = candidates(kind, place, sources);
    const value = kind === "phone" ? chooseNumber(found, rules.country) : chooseEmailAddress(found);
    if (value !== undefined) return { value, source: place };
  }
  return undefined;
}

function candidates(kind: "email" | "phone", place: AddressPlace, sources: AddressSources): readonly string[] {
  if (place !== "recipient") return sources[place]?.[kind === "phone" ? "phones" : "emails"] ?? [];
  const { id, idType } = sources.recipient;
  const isPhone = idType.toLowerCase() === "phone";
  // An opaque id may look like a number without being one; what looks like an e-mail address is one.
  return isPhone === (kind === "phone") ? [id] : [];
}

/** In E.164. One that may be a mobile's goes before a landline's: whether that takes SMS, the provider knows. */
function chooseNumber(texts: readonly string[], country: string | undefined): string | undefined {
  const numbers = texts
    .map((text) => parsePhoneNumberFromString(text, country as CountryCode | undefined))
    .filter((number) => number?.isPossible() === true);
  const chosen = numbers.find((number) => number?.getType() !== "FIXED_LINE") ?? numbers[0];
  return chosen?.number;
}

function chooseEmailAddress(texts: readonly string[]): string | undefined {
  return texts.map((text) => text.trim()).find(isEmailAddress);
}

/** Dot-atom or quoted local part and a domain with at least two labels (RFC 5321 section 4.1.2, RFC 6531), and nothing besides. */
export function isEmailAddress(text: string): boolean {
  if (text.length > 254) return false;
  const at = text.lastIndexOf("@");
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  return (
    at > 0 &&
    Buffer.byteLength(local) <= 64 &&
    (dotAtom.test(local) || quotedString.test(local)) &&
    /^([\p{L}\p{N}]([\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.)+[\p{L}]([\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u.test(
      domain,
    )
  );
}

const dotAtom = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const quotedString = /^"([\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])+"$/;
