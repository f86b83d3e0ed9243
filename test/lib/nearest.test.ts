/** Suggestions: near names are found, far ones are not forced on anybody. */
import { expect, test } from 'vitest';
import { nearest } from '../../src/lib/nearest.ts';

test.each([
  ['topcis', ['topics', 'schemas'], 'topics'],
  ['--jsn', ['--json', '--stages'], '--json'],
  [
    'LEAD_WEBHOOKS_PARTITION',
    ['LEAD_WEBHOOKS_PARTITIONS', 'LEAD_WEBHOOKS_OUTBOUND_PARTITIONS'],
    'LEAD_WEBHOOKS_PARTITIONS',
  ],
  ['RUN', ['run'], 'run'],
  ['rnu', ['run'], 'run'],
  ['zebra', ['run', 'topics'], null],
  ['x', [], null],
])('%s among %j suggests %s', (word, candidates, expected) => {
  expect(nearest(word, candidates)).toBe(expected);
});

test('of two equally near candidates the first wins', () => {
  expect(nearest('plam', ['plan', 'play'])).toBe('plan');
});
