/** A secret shows itself nowhere by accident. */
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../src/lib/secret.ts';

test('a secret prints as [secret] in a template, in JSON and when inspected, also inside an object', () => {
  const secret = new Secret('hunter2');
  const shown = [`${secret}`, JSON.stringify({ secret }), inspect(secret), inspect({ deep: { secret } })];
  for (const text of shown) {
    expect(text).toContain('[secret]');
    expect(text).not.toContain('hunter2');
  }
  expect(Object.values(secret)).toEqual([]);
});

test('a secret is revealed by asking for it', () => {
  expect(new Secret('hunter2').reveal()).toBe('hunter2');
});
