import { expect, test } from 'vitest';
import { LineCounter, parseDocument } from 'yaml';
import { readBreaker, readLimits, readRetry } from '../../src/delivery/pace-fields.ts';
import { Fields, type YamlSource } from '../../src/delivery/yaml-fields.ts';

function read<T>(yaml: string, reader: (fields: Fields) => T): { value: T; messages: string[] } {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines });
  const source: YamlSource = { document, lines, mistakes: [] };
  const fields = Fields.open(source, { node: document.contents, path: '', line: 1 });
  if (!fields) throw new Error('the text is a mapping');
  const value = reader(fields);
  return { value, messages: source.mistakes.map(({ path, message }) => `${path} ${message}`) };
}

test('what is left out has its default, and the default of the timeout is never beyond its bound', () => {
  const limits = (max: number | null) => read('{}', (fields) => readLimits(fields, max)).value;
  expect(limits(null)).toEqual({ concurrency: 16, ratePerSecond: null, timeoutMs: 15_000 });
  expect(limits(4200).timeoutMs).toBe(4200);
  expect(read('{}', readRetry).value).toEqual({ baseMs: 5000, capMs: 3_600_000, giveUpAfterMs: 259_200_000 });
  expect(read('{}', readBreaker).value).toEqual({ failures: 10, baseMs: 5000, capMs: 300_000 });
});

test('a cap that is not given is never below a base that is', () => {
  expect(read('breaker: { baseMs: 400000 }', readBreaker)).toMatchObject({ value: { capMs: 400_000 }, messages: [] });
});

test('numbers out of their bounds and unknown names are mistakes', () => {
  const text = 'limits: { ratePerSecond: 0.0001, timeoutMs: 21001, more: 1 }';
  expect(read(text, (fields) => readLimits(fields, null)).messages).toEqual([
    'limits.timeoutMs must be a whole number of milliseconds from 100 to 21000',
    'limits.ratePerSecond must be a number of requests from 0.001 to 10000',
    expect.stringContaining('limits.more is not known'),
  ]);
});
