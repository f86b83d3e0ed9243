/** How a setting is written down. What the table says of each one: test/ops/operating-docs.test.ts. */
import { expect, test } from 'vitest';
import { plainText } from '../../src/ops/config-parsers.ts';
import { measured, optional, required, SECRET, setting } from '../../src/ops/setting.ts';

test('only a required setting has neither a default nor a way to be absent', () => {
  expect(required('A', plainText, 'What.')).toMatchObject({ required: true, fallback: null });
  expect(optional('A', plainText, 'What.')).toMatchObject({ required: false, fallback: null });
  expect(setting('A', plainText, 'x', 'What.')).toMatchObject({ required: false, fallback: 'x' });
});

test('a secret may lie in a file, and a unit changes nothing else', () => {
  const secret = optional('A', plainText, 'What.', SECRET);
  expect(secret).toMatchObject({ secret: true, fileTwin: true, unit: null });
  expect(measured('ms', secret)).toEqual({ ...secret, unit: 'ms' });
});
