/** Arguments of one command: what is read, and how each mistake is told. */
import { expect, test } from 'vitest';
import { readArguments } from '../../src/bin/arguments.ts';
import { UsageError } from '../../src/bin/command.ts';

const SPEC = { words: [['plan', 'apply'], 'FILE'], options: { json: 'flag', stages: 'value' } } as const;

test('words, flags and values are read in any order', () => {
  const args = readArguments(['--json', 'plan', '--stages=join', 'x.yaml'], SPEC);
  expect([args.words, args.has('json'), args.value('stages')]).toEqual([['plan', 'x.yaml'], true, 'join']);
  const bare = readArguments(['apply', '--stages', 'rekey', 'y'], SPEC);
  expect([bare.has('json'), bare.value('stages')]).toEqual([false, 'rekey']);
});

test('what follows -- is a word, whatever it looks like', () => {
  expect(readArguments(['plan', '--', '--json'], SPEC).words).toEqual(['plan', '--json']);
});

test.each([
  [['plan', 'f', '--jsn'], 'unknown option --jsn, did you mean --json?'],
  [['plan', 'f', '--zebra'], 'unknown option --zebra'],
  [['plan', 'f', '-x'], 'unknown option -x'],
  [['plan', 'f', '--json=yes'], '--json takes no value'],
  [['plan', 'f', '--stages'], '--stages needs a value'],
  [['plan', 'f', '--stages='], '--stages needs a value'],
  [[], 'plan or apply is missing'],
  [['plan'], 'FILE is missing'],
  [['paln', 'f'], 'unknown word "paln", did you mean "plan"?'],
  [['zebra', 'f'], 'unknown word "zebra", expected plan or apply'],
  [['plan', 'f', 'g'], 'unexpected argument "g"'],
])('%j is refused: %s', (args, message) => {
  expect(() => readArguments(args, SPEC)).toThrow(new UsageError(message));
});
