/** What each parser takes and refuses. */
import { expect, test } from 'vitest';
import {
  addressRanges,
  announceSince,
  awsRegion,
  bool,
  brokerList,
  enumIntegers,
  integer,
  kafkaName,
  oneOf,
  type Parser,
  pairs,
  pem,
  sealKeys,
  serviceUrl,
  someOf,
} from '../../src/ops/config-parsers.ts';

const port = integer(0, 65_535);
const versions = someOf('v1', 'v2', 'v3');

const words = pairs(/^[a-z]+$/, 'words');

const taken: [string, Parser<unknown>, string, unknown][] = [
  ['integer', port, '0', 0],
  ['integer', port, '65535', 65_535],
  ['awsRegion', awsRegion, 'us-gov-west-1', 'us-gov-west-1'],
  [
    'pairs, with white space around',
    words,
    ' a=b=c , b=d e',
    new Map([
      ['a', 'b=c'],
      ['b', 'd e'],
    ]),
  ],
  ['bool', bool, 'true', true],
  ['bool', bool, 'false', false],
  ['oneOf', oneOf('a', 'b'), 'b', 'b'],
  ['someOf', versions, 'v3', ['v3']],
  ['someOf, in the order of the list', versions, 'v3, v1', ['v1', 'v3']],
  ['enumIntegers', enumIntegers, '2, 7,-1', ['2', '7', '-1']],
  ['kafkaName', kafkaName(249), 'a.b_c-D9', 'a.b_c-D9'],
  ['brokerList', brokerList, 'a:1, [::1]:9092', ['a:1', '[::1]:9092']],
  ['serviceUrl', serviceUrl, 'http://r:8080/apis/ccompat/v7/', 'http://r:8080/apis/ccompat/v7'],
  ['serviceUrl', serviceUrl, 'https://registry.example', 'https://registry.example'],
  ['announceSince', announceSince, 'beginning', { rule: 'beginning' }],
  ['announceSince, no seconds', announceSince, '1970-01-01T00:01Z', { rule: 'instant', atMs: 60_000 }],
  ['announceSince', announceSince, '1970-01-01T10:00:00.500+10:00', { rule: 'instant', atMs: 500 }],
];

test.each(taken)('%s takes it', (_name, parser, text, value) => {
  expect(parser.parse(text)).toEqual({ value });
});

const KEY = Buffer.alloc(32, 7).toString('base64');

test('several seal keys and ranges are taken in their order', () => {
  const other = Buffer.alloc(32, 8).toString('base64');
  expect(sealKeys.parse(`${KEY}, ${other}`)?.value.map((key) => key.reveal())).toEqual([KEY, other]);
  expect(addressRanges.parse('10.0.0.0/8,fd00::/8')?.value).toEqual(['10.0.0.0/8', 'fd00::/8']);
});

const refused: [string, Parser<unknown>, string][] = [
  ...['-1', '65536', '1.5', '1e3', ' 1', '0x10', 'ten', '9'.repeat(30)].map(
    (text): [string, Parser<unknown>, string] => ['integer', port, text],
  ),
  ['bool', bool, 'yes'],
  ['bool', bool, 'TRUE'],
  ['oneOf', oneOf('a', 'b'), 'c'],
  ['someOf, an unknown word', versions, 'v1,v4'],
  ['someOf, a word twice', versions, 'v1,v1'],
  ['someOf, an empty part', versions, 'v1,'],
  ['enumIntegers', enumIntegers, '1,two'],
  ['kafkaName', kafkaName(249), '..'],
  ['kafkaName', kafkaName(249), 'a b'],
  ['kafkaName', kafkaName(3), 'abcd'],
  ['brokerList, no port', brokerList, 'kafka'],
  ['brokerList, port too large', brokerList, 'kafka:70000'],
  ['brokerList, a URL', brokerList, 'http://kafka:9092'],
  ['brokerList, twice', brokerList, 'a:1,a:1'],
  ['serviceUrl, another scheme', serviceUrl, 'ftp://r'],
  ['serviceUrl, credentials', serviceUrl, 'http://u:p@r'],
  ['serviceUrl, no URL', serviceUrl, 'registry:8081'],
  ['announceSince, no zone', announceSince, '2026-02-01T00:00:00'],
  ['announceSince, no time', announceSince, '2026-02-01'],
  ['announceSince, no such day', announceSince, '2026-02-30T00:00:00Z'],
  ['announceSince, no such hour', announceSince, '2026-02-01T24:00:00Z'],
  ['announceSince, no such month', announceSince, '2026-13-01T00:00:00Z'],
  ['pem', pem, 'MIIB'],
  ['awsRegion, part of a host name', awsRegion, 'eu-west-1.example.com/'],
  ['pairs, another name', words, 'A=b'],
  ['pairs, no value', words, 'a='],
  ['pairs, twice', words, 'a=b,a=c'],
  ['pairs, a line break', words, 'a=b\nc'],
  ['addressRanges, no range', addressRanges, '10.0.0.0'],
  ['addressRanges, a short form', addressRanges, '10/8'],
  ['addressRanges, too many bits', addressRanges, '10.0.0.0/33'],
  ['addressRanges, a zone', addressRanges, 'fe80::%1/64'],
  ['sealKeys, too short', sealKeys, 'c2hvcnQ='],
  ['sealKeys, no base64', sealKeys, `${'!'.repeat(43)}=`],
  ['sealKeys, twice', sealKeys, `${KEY},${KEY}`],
];

test.each(refused)('%s refuses it', (_name, parser, text) => {
  expect(parser.parse(text)).toBeNull();
});
