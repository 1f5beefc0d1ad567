/** Which addresses lead into a network of somebody's own instead of onto the Internet. Pure. */
import { BlockList, isIP } from "node:net";

/** IANA's registries of special-purpose addresses, as far as they are not reachable globally, and multicast. */
const blocks = {
  ipv4: [
    ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"],
    ...["192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"],
  ],
  // Among them all that can carry an IPv4 address within: compatible, translated (NAT64), 6to4 and Teredo.
  ipv6: [
    ...["::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16"],
    ...["fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"],
  ],
} as const;

const privateBlocks = new BlockList();
for (const [family, cidrs] of Object.entries(blocks) as ["ipv4" | "ipv6", readonly string[]][]) {
  for (const cidr of cidrs) {
    const [net = "", prefix = ""] = cidr.split("/");
    privateBlocks.addSubnet(net, Number(prefix), family);
  }
}

/**
 * Whether an IP address is loopback, private, link-local, or else not of the Internet; true also for what is no address.
 * An IPv4 address written as an IPv6 one (`::ffff:10.0.0.1`) counts as what it is.
 */
export function isPrivateAddress(address: string): boolean {
  const [bare = ""] = address.split("%");
  const family = isIP(bare);
  return family === 0 || privateBlocks.check(bare, family === 6 ? "ipv6" : "ipv4");
}

/** Names that no public name server answers for (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`). */
const privateName = /(^|\.)(localhost|local|internal|home\.arpa|localdomain)$/;

/**
 * Whether the host of a URL is visibly not of the Internet: a private address in any spelling, or a name of private use.
 * What other names resolve to is not looked at.
 */
export function hasPrivateHost(url: string): boolean {
  const { hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (isIP(host) !== 0) return isPrivateAddress(host);
  return privateName.test(host) || !host.includes(".");
}
