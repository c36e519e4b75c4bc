import { BlockList, isIP } from "node:net";

/** A group of IP addresses. */
export interface AddressSet {
  /** Returns whether an address is in the group. An IPv4 address may be written as a mapped IPv6 address. */
  has(address: string): boolean;
}

/** What an address or a network looks like, for messages. */
export const NETWORK_FORM = "an IP address, or a network such as 10.0.0.0/8 or fd00::/8";

type Network = { readonly address: string; readonly family: "ipv4" | "ipv6"; readonly prefix: number };

/** Parses an address or a network. Returns null if it is neither. */
const parseNetwork = (text: string): Network | null => {
  const [address = "", bits, ...rest] = text.split("/");
  const version = address.includes("%") ? 0 : isIP(address);
  if (version === 0 || rest.length > 0) return null;
  const max = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? max : /^(?:0|[1-9]\d{0,2})$/.test(bits) ? Number(bits) : -1;
  return prefix < 0 || prefix > max ? null : { address, family: version === 4 ? "ipv4" : "ipv6", prefix };
};

/** Returns whether a text is an IP address or a network in the notation of RFC 4632. */
export const isNetwork = (text: string): boolean => parseNetwork(text) !== null;

/** Returns the group of these addresses and networks. Throws for one that is neither. */
export const addressSet = (texts: readonly string[]): AddressSet => {
  const list = new BlockList();
  for (const text of texts) {
    const network = parseNetwork(text);
    if (network === null) throw new Error(`'${text}' is not ${NETWORK_FORM}`);
    list.addSubnet(network.address, network.prefix, network.family);
  }
  return {
    has: (given) => {
      const address = plainAddress(given);
      return address !== null && list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
    },
  };
};

/**
 * Returns an address without a port, brackets or a zone, and an IPv4 address that is mapped to IPv6 as IPv4 (RFC 4291, section
 * 2.5.5.2). Returns null if the text is not an address.
 */
export const plainAddress = (text: string): string | null => {
  const [, bracketed, dotted] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(text.trim()) ?? [];
  const address = (bracketed ?? dotted ?? text.trim()).replace(/%.*$/, "").toLowerCase();
  if (isIP(address) === 0) return null;
  const short = address.includes(":") ? (URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? address) : address;
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? [];
  return high === undefined || low === undefined
    ? short
    : dottedOf(Number.parseInt(high, 16), Number.parseInt(low, 16));
};

const dottedOf = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join(".");
