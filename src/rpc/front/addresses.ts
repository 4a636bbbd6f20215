import { BlockList, isIP, isIPv6 } from 'node:net';

export const LOOPBACK = ['127.0.0.0/8', '::1/128'];
const MAPPED_IPV4 = '::ffff:';

/** An IPv4 address that arrived on a socket of IPv6, as IPv4. */
function plain(address: string): string {
  const lower = address.toLowerCase();
  return lower.startsWith(MAPPED_IPV4) && lower.includes('.')
    ? lower.slice(MAPPED_IPV4.length)
    : lower;
}

/**
 * Whom a limit for one address counts together: an address of IPv4, a /64 network of IPv6, which is what
 * one customer is given at least.
 */
export function addressKey(address: string): string {
  const text = plain(address);
  if (!isIPv6(text)) return text;
  const bare = text.split('%')[0] as string;
  const [head = '', tail] = bare.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':');
    while (groups.length + last.length < 8) groups.push('0');
  }
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}

/** A set of addresses and networks. */
export class AddressSet {
  readonly #blocks = new BlockList();

  /** @param networks addresses, or networks such as `10.0.0.0/8`; the configuration has checked them */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', prefix] = network.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      const bits = prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix);
      this.#blocks.addSubnet(address, bits, family);
    }
  }

  has(address: string): boolean {
    const text = plain(address).split('%')[0] as string;
    const family = isIP(text);
    return family !== 0 && this.#blocks.check(text, family === 6 ? 'ipv6' : 'ipv4');
  }
}
