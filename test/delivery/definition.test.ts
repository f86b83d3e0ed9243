import { expect, test } from 'vitest';
import { definitionDigest, differs } from '../../src/delivery/definition.ts';
import { Secret } from '../../src/lib/secret.ts';
import { testEndpoint } from '../support/deliver-world.ts';

test('the digest tells every field but the secrets, whatever the order of keys and entries', () => {
  const digest = definitionDigest(testEndpoint());
  expect(definitionDigest({ ...testEndpoint() })).toBe(digest);
  for (const other of [
    testEndpoint({ url: new URL('https://other.example/x') }),
    testEndpoint({ supersede: false }),
    testEndpoint({ outcomes: new Map([[404, 'retry']]) }),
    testEndpoint({ filters: { ...testEndpoint().filters, websites: new Set(['1']) } }),
    testEndpoint({ auth: { type: 'bearer', token: new Secret('x') } }),
  ]) {
    expect(definitionDigest(other)).not.toBe(digest);
  }
  const filters = (...names: string[]) => ({ ...testEndpoint().filters, locations: new Set(names) });
  expect(definitionDigest(testEndpoint({ filters: filters('a', 'b') }))).toBe(
    definitionDigest(testEndpoint({ filters: filters('b', 'a') })),
  );
});

test('a changed secret is a change, and no part of the digest', () => {
  const [old, renewed] = ['old', 'new'].map((token) =>
    testEndpoint({ auth: { type: 'bearer', token: new Secret(token) } }),
  );
  if (!old || !renewed) throw new Error('there are two');
  expect(definitionDigest(old)).toBe(definitionDigest(renewed));
  expect([differs(old, renewed), differs(old, { ...old })]).toEqual([true, false]);
});
