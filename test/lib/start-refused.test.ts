import { expect, test } from 'vitest';
import { StartRefused } from '../../src/lib/start-refused.ts';
import { lineOf } from '../../src/ops/lifecycle.ts';

test('a refused start shows the operator its sentence and nothing around it', () => {
  const refused = new StartRefused('topic leads is missing');
  expect(lineOf(refused)).toBe('topic leads is missing');
  expect(refused.name).toBe('StartRefused');
});
