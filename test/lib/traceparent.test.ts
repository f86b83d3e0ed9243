import { expect, test } from 'vitest';
import { readTraceparent } from '../../src/lib/traceparent.ts';

const GOOD = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('a well-formed header is carried as it came, as text or bytes', () => {
  expect([readTraceparent(GOOD), readTraceparent(Buffer.from(GOOD))]).toEqual([GOOD, GOOD]);
  expect(readTraceparent(GOOD.replace(/^00/, 'cc'))).toBe(GOOD.replace(/^00/, 'cc'));
});

test.each([
  ['nothing', undefined],
  ['nothing at all', null],
  ['an empty text', ''],
  ['another text of the right length', 'x'.repeat(GOOD.length)],
  ['a line break behind it', `${GOOD}\n`],
  ['a line break in it', GOOD.replace('-01', '\n01')],
  ['upper case', GOOD.toUpperCase()],
  ['a version that is not allowed', GOOD.replace(/^00/, 'ff')],
  ['a trace id of zeros', GOOD.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32))],
  ['a span id of zeros', GOOD.replace('b7ad6b7169203331', '0'.repeat(16))],
])('%s is no traceparent', (_what, value) => {
  expect(readTraceparent(value)).toBeNull();
});
