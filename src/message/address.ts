/** One spelling for each address, so that an opt-out holds however the address is written next time. */

/** What reaches a customer outside the chat. */
export type AddressClass = "email" | "sms";

/**
 * Lower case and the domain in ASCII for e-mail, `+` and digits for phone numbers (international form), anything else as it is.
 * Local parts are compared without case: no provider in use keeps two customers apart by it.
 */
export function normalizeAddress(text: string): string {
  const address = text.normalize("NFC").trim();
  const at = address.lastIndexOf("@");
  if (at > 0) return `${address.slice(0, at).toLowerCase()}@${asciiDomain(address.slice(at + 1))}`;
  const digits = address.replace(/[\s().\-/\u00a0\u2010-\u2015]/g, "").replace(/^00/, "+");
  return /^\+\d{7,15}$/.test(digits) ? digits : address;
}

/** The class that an address belongs to; undefined for what is neither an e-mail address nor a phone number. */
export function classifyAddress(address: string): AddressClass | undefined {
  const normalized = normalizeAddress(address);
  if (/^[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+$/.test(normalized)) return "email";
  return /^\+\d{7,15}$/.test(normalized) ? "sms" : undefined;
}

function asciiDomain(domain: string): string {
  const name = domain.toLowerCase();
  const url = `http://${name}`;
  return /^[\p{L}\p{M}\p{N}.-]+$/u.test(name) && URL.canParse(url) ? new URL(url).hostname : name;
}

/** The parts of `a@b.example` or `Name <a@b.example>`; quotes around the name are left out. */
export function splitMailbox(text: string): { email: string; name?: string } {
  const [, label = "", inner] = /^([^<>]*)<([^<>]*)>\s*$/.exec(text) ?? [];
  if (inner === undefined) return { email: text.trim() };
  const name = label.trim().replace(/^"(.*)"$/s, (_quoted, bare: string) => bare.replace(/\\(.)/gs, "$1"));
  return { email: inner.trim(), ...(name === "" ? {} : { name }) };
}
