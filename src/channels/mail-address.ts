/** Which texts are one e-mail address (RFC 5321 4.1.2, RFC 6531 for letters beyond ASCII), and nothing besides. */
import { domainToASCII } from "node:url";

const dotAtom = /^[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+(\.[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+)*$/u;
const quotedString = /^"([\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])+"$/;
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Whether the text is exactly one address that can be handed to a mail server. Lists, groups, display names, comments, line ends,
 * addresses of hosts (`[127.0.0.1]`) and local names (`root@localhost`) are none: recipients' ids come from strangers.
 */
export function isMailAddress(text: string): boolean {
  const at = text.lastIndexOf("@");
  if (at < 1 || text.length > 254 || /[\p{Cc}\p{Cf}\p{Cs}\p{Z}]/u.test(text.replaceAll(" ", ""))) return false;
  const local = text.slice(0, at);
  if (Buffer.byteLength(local) > 64 || !(dotAtom.test(local) || quotedString.test(local))) return false;
  return isPublicDomain(text.slice(at + 1));
}

function isPublicDomain(domain: string): boolean {
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(domain)) return false;
  const ascii = domainToASCII(domain);
  const labels = ascii.split(".");
  const isNumeric = /^\d+$/.test(labels.at(-1) ?? "");
  return ascii.length <= 253 && labels.length > 1 && !isNumeric && labels.every((one) => label.test(one));
}

/** The domain of an address, or of `Name <address>`. */
export function domainOf(mailbox: string): string | undefined {
  return /@([^@>\s]+)>?\s*$/.exec(mailbox)?.[1];
}
