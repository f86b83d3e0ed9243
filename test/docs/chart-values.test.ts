/**
 * What the documents say about the chart, against its values, its schema and the renders of its examples: files of values that are shown, values
 * that are set on a command line or named in the text, and the names of objects. Helm itself is not run.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { blocksOf, DOCUMENTS, projectFile, withoutBlocks } from '../support/documents.ts';

type Values = Record<string, unknown>;

const CHART = 'helm/lead-webhooks/';
const values = parse(projectFile(`${CHART}values.yaml`) ?? '') as Values;
const fits = new Ajv({ strict: false }).compile(
  JSON.parse(projectFile(`${CHART}values.schema.json`) ?? '{}') as object,
);
const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** As Helm lays one file of values over another. */
function laidOver(below: Values, above: Values): Values {
  const merged = { ...below };
  for (const [name, value] of Object.entries(above)) {
    const former = merged[name];
    merged[name] = isObject(former) && isObject(value) ? laidOver(former, value) : value;
  }
  return merged;
}

/** Whether the chart takes a value at this path. */
function isTaken(path: string, value: unknown = ''): boolean {
  const names = path.split('.');
  let at: unknown = values;
  for (const [index, name] of names.entries()) {
    if (!isObject(at)) return false;
    // A free-form map, such as `settings`: the schema says what may be in it.
    if (Object.keys(at).length === 0) {
      const inner = names.slice(0, index + 1).reduceRight<unknown>((all, one) => ({ [one]: all }), value);
      return fits(laidOver(values, inner as Values));
    }
    if (!Object.hasOwn(at, name)) return false;
    at = at[name];
  }
  return true;
}

const BLOCKS = DOCUMENTS.flatMap(blocksOf);

test('every file of values in the procedures, and the one of the network policy, is taken by the chart', () => {
  const files = BLOCKS.filter(({ language }) => language === 'yaml').filter(
    ({ path, text }) => path.startsWith('docs/procedures/') || text.startsWith('networkPolicy:'),
  );
  expect(files.length).toBeGreaterThan(5);
  for (const { path, line, text } of files) {
    expect(fits(laidOver(values, parse(text) as Values)), `${path}:${line}`).toBe(true);
  }
});

test('every value that is set on a command line or named in the text is one of the chart', () => {
  const set = BLOCKS.filter(({ language }) => language === 'bash').flatMap(({ path, text }) =>
    [...text.matchAll(/--set (\S+)/g)]
      .flatMap(([, pairs = '']) => pairs.split(','))
      .map((pair) => ({ path, name: pair.split('=')[0] ?? '', value: Number(pair.split('=')[1]) })),
  );
  const first = Object.keys(values).join('|');
  const named = DOCUMENTS.filter(({ path }) => path.startsWith('docs/')).flatMap(({ path, text }) =>
    [...withoutBlocks(text).matchAll(new RegExp(`\`((?:${first})(?:\\.[A-Za-z]+)+)(?::[^\`]*)?\``, 'g'))]
      .map(([, name = '']) => ({ path, name, value: '' }))
      .filter(({ name }) => !/\.(yaml|md|ts|js)$/.test(name)),
  );
  expect(set.length).toBeGreaterThan(3);
  expect(named.length).toBeGreaterThan(15);
  expect([...set, ...named].filter(({ name, value }) => !isTaken(name, value))).toEqual([]);
});

test('the objects that commands name are of the kind that the chart makes of each stage', () => {
  const renders = readdirSync(fileURLToPath(new URL('../golden/chart/', import.meta.url))).map(
    (name) => projectFile(`test/golden/chart/${name}`) ?? '',
  );
  const made = (kind: string, stage: string): boolean =>
    renders.some((text) => new RegExp(`^kind: ${kind}\\nmetadata:\\n {2}name: \\S+-${stage}$`, 'im').test(text));
  const named = DOCUMENTS.filter(({ path }) => path.startsWith('docs/')).flatMap(({ path, text }) =>
    [...text.matchAll(/(deployment\/|statefulset\/|scaledobject )\w+-lead-webhooks-(rekey|join|deliver)\b/g)].map(
      ([, kind = '', stage = '']) => ({ path, kind: kind.slice(0, -1), stage }),
    ),
  );
  expect(new Set(named.map(({ kind }) => kind)).size).toBe(3);
  expect(named.filter(({ kind, stage }) => !made(kind, stage))).toEqual([]);
});
