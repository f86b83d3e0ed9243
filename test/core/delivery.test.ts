import { expect, test } from 'vitest';
import { formatStateKey, parseStateKey } from '../../src/core/delivery.ts';

test.each(['pending', 'seen', 'done'] as const)('a state key with suffix %s survives writing and reading', (suffix) => {
  const key = { endpointId: 'orange-crm', leadId: '138559', suffix };
  expect(formatStateKey(key)).toBe(`orange-crm|138559|${suffix}`);
  expect(parseStateKey(formatStateKey(key))).toEqual(key);
});

test.each(['position', '', 'a|b', 'a|b|other', 'a||pending', '|1|pending', 'a|1|pending|x'])(
  '%j is no key of a delivery',
  (text) => {
    expect(parseStateKey(text)).toBeNull();
  },
);
