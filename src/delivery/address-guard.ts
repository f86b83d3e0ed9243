/**
 * Which addresses a request may go to: public ones, and those that the operator has allowed for the endpoint. Whoever defines an
 * endpoint could otherwise make this process call what only this process can reach. A pure verdict over one address as text; who
 * resolves names and opens sockets asks for every address that may be dialled (connections.ts).
 *
 * An address that carries an IPv4 address inside is judged by that one, where such addresses are in use: IPv4-mapped, and NAT64,
 * by which IPv6-only networks reach IPv4 receivers. All other tunnels are refused. Link-local addresses and the fixed addresses
 * of cloud platforms are refused whatever is allowed: credentials of the machine are served there, receivers never.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Why an address is refused: a range's name, such as `private`, or `platform`. */
export type Refusal = string;

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** Never allowed. IPv4 link-local holds the metadata services of nearly all clouds, and those of their containers. */
const PLATFORM: readonly Range[] = [
  '169.254.0.0/16',
  'fe80::/10',
  '168.63.129.16/32', // Azure: host
  '100.100.100.200/32', // Alibaba
  '192.0.0.192/32', // Oracle
  'fd00:ec2::/32', // AWS: metadata, DNS, time, credentials of containers
  'fd20:ce::254/128', // Google
  'fd00:42::42/128', // Scaleway
].map((text) => ipaddr.parseCIDR(text));

/** What IANA has given out as global unicast; the rest is special or not in use. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');
/** The spelling of the retired IPv4-compatible addresses, which the parser takes for IPv4-mapped ones. */
const COMPATIBLE = /^::\d+\.\d+\.\d+\.\d+$/;

/** Judges addresses for one endpoint. */
export class AddressGuard {
  readonly #allowed: readonly Range[];

  /** @param allowed CIDRs beyond the public ones, each valid (`isRange`). */
  constructor(allowed: readonly string[]) {
    this.#allowed = allowed.map((text) => ipaddr.parseCIDR(text));
  }

  /**
   * null = a request may go there.
   * @param address IPv4 in four decimal parts, or IPv6, as resolvers and the URL parser give them; anything else is refused.
   */
  refusal(address: string): Refusal | null {
    if (!ipaddr.isValid(address) || (!address.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(address))) {
      return 'unreadable';
    }
    if (address.includes('%')) return 'zoned';
    if (COMPATIBLE.test(address)) return 'not-global';
    const outer = ipaddr.parse(address);
    const inner = embedded(outer);
    const all = inner === null ? [outer] : [outer, inner];
    if (within(all, PLATFORM)) return 'platform';
    if (within(all, this.#allowed)) return null;
    return special(inner ?? outer);
  }
}

/** Whether `text` is a CIDR such as `10.1.0.0/16`. Short forms are none: `10/8` would mean 0.0.0.10/8. */
export function isRange(text: string): boolean {
  return isIP(text.split('/')[0] ?? '') !== 0 && !text.includes('%') && ipaddr.isValidCIDR(text);
}

/** Whether all of the CIDR `inner` lies in one of the CIDRs `outer`. */
export function rangeWithin(inner: string, outer: readonly string[]): boolean {
  const [address, bits] = ipaddr.parseCIDR(inner);
  return outer.map((text) => ipaddr.parseCIDR(text)).some((range) => bits >= range[1] && within([address], [range]));
}

function within(addresses: readonly Address[], ranges: readonly Range[]): boolean {
  return addresses.some((address) => {
    return ranges.some(([start, bits]) => start.kind() === address.kind() && address.match(start as never, bits));
  });
}

/** The IPv4 address that an IPv6 one stands for; null = it is one of its own. */
function embedded(address: Address): ipaddr.IPv4 | null {
  if (!(address instanceof ipaddr.IPv6)) return null;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  if (!within([address], [NAT64])) return null;
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

function special(address: Address): Refusal | null {
  const range = address.range();
  if (range !== 'unicast') return range;
  return address.kind() === 'ipv4' || within([address], [GLOBAL_UNICAST]) ? null : 'not-global';
}
