/** Where a customer can be told of missed messages. Pure. */

/** Who missed something, as the messages and the settings know them. */
export interface Recipient {
  id: string;
  idType: string;
}

export type AddressKind = "email" | "phone";

export interface Address {
  value: string;
  /** Where it was found: `addressOf` of the policy, or the recipient's own id. */
  source: "addressOf" | "recipient";
}

export interface AddressRules {
  /** Places to look, in order, after `addressOf`. */
  addresses: readonly string[];
  addressOf: Readonly<Record<string, { email?: string | undefined; phone?: string | undefined }>>;
}

/** The first address of this kind in the configured order; undefined when there is none. */
export function findAddress(recipient: Recipient, kind: AddressKind, rules: AddressRules): Address | undefined {
  const configured = Object.hasOwn(rules.addressOf, recipient.id) ? rules.addressOf[recipient.id]?.[kind] : undefined;
  if (configured !== undefined) return { value: configured, source: "addressOf" };
  for (const place of rules.addresses) {
    const value = place === "recipient" ? ownAddress(recipient, kind) : undefined;
    if (value !== undefined) return { value, source: "recipient" };
  }
  return undefined;
}

/** The recipient's id, where it is an address: by its type, or an opaque id that is a valid e-mail address. */
function ownAddress({ id, idType }: Recipient, kind: AddressKind): string | undefined {
  const type = idType.toLowerCase();
  if (kind === "phone") return type === "phone" ? id : undefined;
  return type !== "phone" && isEmailAddress(id) ? id : undefined;
}

/** Dot-atom local part and a domain with at least two labels (RFC 5321 section 4.1.2, without quoted local parts and literals). */
export function isEmailAddress(text: string): boolean {
  if (text.length > 254) return false;
  const at = text.lastIndexOf("@");
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  return (
    at > 0 &&
    local.length <= 64 &&
    /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u.test(local) &&
    /^([\p{L}\p{N}]([\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)+[\p{L}\p{N}]([\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?$/u.test(domain)
  );
}
