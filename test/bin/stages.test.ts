/** The --stages option. */
import { expect, test } from 'vitest';
import { UsageError } from '../../src/bin/command.ts';
import { parseStages } from '../../src/bin/stages.ts';

test('no option and "all" mean every stage', () => {
  expect(parseStages(null)).toEqual(['rekey', 'join', 'deliver']);
  expect(parseStages('all')).toEqual(['rekey', 'join', 'deliver']);
});

test('stages come in the order of the flow, each once', () => {
  expect(parseStages('deliver, rekey,deliver')).toEqual(['rekey', 'deliver']);
});

test('an unknown stage is refused with a suggestion', () => {
  expect(() => parseStages('rekey,jion')).toThrow(new UsageError('unknown stage "jion", did you mean "join"?'));
  expect(() => parseStages('')).toThrow(UsageError);
});
