import { expect, test } from 'vitest';
import { LineCounter, parseDocument } from 'yaml';
import { secretField } from '../../src/delivery/secret-reference.ts';
import { Fields, type YamlSource } from '../../src/delivery/yaml-fields.ts';

function open(yaml: string): { fields: Fields; source: YamlSource } {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines });
  const source: YamlSource = { document, lines, mistakes: [] };
  const fields = Fields.open(source, { node: document.contents, path: '', line: 1 });
  if (!fields) throw new Error('not a mapping');
  return { fields, source };
}

test('a wrong field is reported with line and path and reads as missing, so that reading can go on', () => {
  const { fields, source } = open('a: 1\nb:\n  c: x\n');
  expect(fields.text('a', 'must be a text')).toBeUndefined();
  expect(fields.fields('b')?.integer('c', { min: 1, max: 2, unit: 'apples' })).toBeUndefined();
  expect(source.mistakes).toEqual([
    { line: 1, path: 'a', message: 'must be a text' },
    { line: 3, path: 'b.c', message: 'must be a whole number of apples from 1 to 2' },
  ]);
});

test('null counts as not given, and what nobody asked for is named with its near neighbour', () => {
  const { fields, source } = open('one: null\ntow: 2\n');
  expect([fields.boolean('one'), fields.boolean('two')]).toEqual([undefined, undefined]);
  fields.finish();
  expect(source.mistakes).toEqual([
    { line: 2, path: 'tow', message: 'is not known; allowed here: one, two; did you mean two?' },
  ]);
});

test('a secret loses one trailing newline and nothing else', () => {
  const source = (text: string) => ({ file: () => text, env: () => null, sealed: () => null });
  const read = (text: string): string | undefined =>
    secretField(open('s: { file: /x }').fields, 's', source(text))?.reveal();
  expect([read('a\n'), read('a\r\n'), read('a\n\n'), read(' a ')]).toEqual(['a', 'a', 'a\n', ' a ']);
});
