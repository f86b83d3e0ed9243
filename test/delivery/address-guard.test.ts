/**
 * The guard's verdicts, compared with a second implementation that shares nothing with it: Node's BlockList, filled from the IANA
 * special-purpose address registries (IPv4 and IPv6), and its own reading of addresses within addresses.
 */
import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AddressGuard, isRange, rangeWithin } from '../../src/delivery/address-guard.ts';

/** Special purposes of IPv4, and multicast and reserved space. */
const SPECIAL_4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // In public space, but a cloud's.
  ['168.63.129.16', 32],
] as const;

/** Special purposes within 2000::/3; everything outside of it is refused, but for what stands for IPv4. */
const SPECIAL_6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
] as const;

const special4 = new BlockList();
for (const [net, bits] of SPECIAL_4) special4.addSubnet(net, bits, 'ipv4');
const special6 = new BlockList();
for (const [net, bits] of SPECIAL_6) special6.addSubnet(net, bits, 'ipv6');
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

function oracle(address: string): boolean {
  if (isIP(address) === 4) return !special4.check(address, 'ipv4');
  const words = wordsOf(address);
  const zeros = (from: number, to: number): boolean => words.slice(from, to).every((word) => word === 0);
  const nat64 = words[0] === 0x64 && words[1] === 0xff9b && zeros(2, 6);
  if (nat64 || (zeros(0, 5) && words[5] === 0xffff)) return oracle(lastAsIpv4(words));
  return global6.check(address, 'ipv6') && !special6.check(address, 'ipv6');
}

/** The eight words of an IPv6 address, by the URL parser's reading of it. */
function wordsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const words = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  if (tail === undefined) return words(head);
  const [left, right] = [words(head), words(tail)];
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function lastAsIpv4(words: readonly number[]): string {
  return words
    .slice(6)
    .flatMap((word) => [word >> 8, word & 255])
    .join('.');
}

const guard = new AddressGuard([]);
const allows = (address: string): boolean => guard.refusal(address) === null;

const EDGES = [...SPECIAL_4, ...SPECIAL_6];
const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

/** Any IPv4 address, half of them next to the edge of a special range. */
const ipv4 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }).map(dotted),
  fc
    .tuple(fc.constantFrom(...SPECIAL_4), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([[net, bits], by, end]) => {
      const start = net.split('.').reduce((value, part) => value * 256 + Number(part), 0);
      return dotted((start + (end ? 2 ** (32 - bits) : 0) + by + 2 ** 32) % 2 ** 32);
    }),
);

const PREFIXES = [
  '::',
  '::ffff:',
  '::ffff:0:',
  '64:ff9b::',
  '64:ff9b:1::',
  '2002:',
  '2001:0:',
  '100::',
  'fc00::',
  'fe80::',
];
const PUBLIC_PREFIXES = [
  '2001:db8:',
  '2001:200:',
  '2606:4700:',
  '2620:4f:8000:',
  '2620:4f:8001:',
  '3ffe:',
  '3fff:',
  '4000:',
  '5f00:',
];
const word = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
const tail = fc.tuple(word, word).map((words) => words.join(':'));

const ipv6 = fc.oneof(
  fc.ipV6().filter((address) => !/^::\d+\.\d+\.\d+\.\d+$/.test(address)),
  fc.tuple(fc.constantFrom('::ffff:', '64:ff9b::'), ipv4).map(([prefix, inner]) => prefix + inner),
  fc
    .tuple(fc.constantFrom(...PREFIXES, ...PUBLIC_PREFIXES), tail)
    .map(([prefix, end]) => (prefix.includes('::') ? prefix + end : `${prefix}:${end}`)),
);

test('over all kinds of addresses the verdict is the one of the registries', () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), (address) => {
      expect([address, allows(address)]).toEqual([address, oracle(address)]);
    }),
    { numRuns: 3000 },
  );
});

test('the first and the last address of every special range are refused', () => {
  for (const [net, bits] of EDGES) {
    const list = new BlockList();
    list.addSubnet(net, bits, isIP(net) === 4 ? 'ipv4' : 'ipv6');
    expect([net, allows(net)]).toEqual([net, false]);
  }
});

test.each([
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ['::ffff:8.8.8.8', true],
  ['64:ff9b::8.8.8.8', true],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['::ffff:a00:1', false],
  ['64:ff9b::a00:1', false],
  ['64:ff9b:1::808:808', false],
  ['::ffff:0:8.8.8.8', false],
  ['2002:808:808::1', false],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', false],
  ['::1', false],
  ['::', false],
  ['::8.8.8.8', false],
  ['::127.0.0.1', false],
  ['fe80::1', false],
  ['fe80::1%eth0', false],
  ['2606:4700::1%1', false],
  ['fec0::1', false],
  ['ff02::1', false],
  ['0.0.0.0', false],
  ['255.255.255.255', false],
])('%s: allowed = %s', (address, allowed) => {
  expect(allows(address)).toBe(allowed);
});

test.each([
  '',
  'localhost',
  '127.1',
  '0177.0.0.1',
  '0x7f.0.0.1',
  '2130706433',
  '1.2.3',
  '1.2.3.4.5',
  '[::1]',
  ' 8.8.8.8',
  '8.8.8.8\n',
])('what is no plain address is refused, never guessed: %j', (text) => {
  expect(allows(text)).toBe(false);
});

test('what is allowed may be called, in every spelling, and nothing beyond it', () => {
  const some = new AddressGuard(['10.1.0.0/16', 'fd12:3456::/32', '64:ff9b:1::/48']);
  for (const address of [
    '10.1.0.0',
    '10.1.255.255',
    '::ffff:10.1.2.3',
    '64:ff9b::10.1.2.3',
    'fd12:3456::1',
    '64:ff9b:1::5',
  ]) {
    expect([address, some.refusal(address)]).toEqual([address, null]);
  }
  for (const address of ['10.0.255.255', '10.2.0.0', '::ffff:10.2.0.0', 'fd12:3457::1', '127.0.0.1', '::1']) {
    expect([address, some.refusal(address)]).not.toEqual([address, null]);
  }
});

test.each([
  '169.254.169.254',
  '169.254.170.2',
  '::ffff:169.254.169.254',
  '64:ff9b::169.254.169.254',
  'fe80::a9fe:a9fe',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  'fd00:42::42',
])('an address of a cloud platform is refused whatever is allowed: %s', (address) => {
  expect(new AddressGuard(['0.0.0.0/0', '::/0']).refusal(address)).toBe('platform');
});

test('a CIDR lies within others or not', () => {
  const outer = ['10.0.0.0/8', 'fd00::/16'];
  expect(['10.0.0.0/8', '10.255.0.0/16', 'fd00:1::/32'].map((inner) => rangeWithin(inner, outer))).toEqual([
    true,
    true,
    true,
  ]);
  expect(
    ['0.0.0.0/0', '11.0.0.0/8', '10.0.0.0/7', 'fd00::/8', '::/0'].map((inner) => rangeWithin(inner, outer)),
  ).toEqual(new Array(5).fill(false));
  expect([
    isRange('10.0.0.0/8'),
    isRange('10.0.0.0'),
    isRange('10.0.0.0/33'),
    isRange('x/8'),
    isRange('10/8'),
    isRange('fe80::%1/64'),
  ]).toEqual([true, false, false, false, false, false]);
});
