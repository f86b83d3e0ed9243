/**
 * docs/operating.md against the code: its generated tables are up to date, its example is valid, and every name that the code uses is
 * known there. With DOCS_UPDATE=1 the tables are written instead.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { DeadLetterCode } from '../../src/core/delivery.ts';
import type { BadRecordCode } from '../../src/core/source-event.ts';
import { parseEndpoints } from '../../src/delivery/endpoints.ts';
import { configTable } from '../../src/ops/config-docs.ts';
import { knownNames } from '../../src/ops/config-table.ts';
import { METRICS, metricTable } from '../../src/ops/metric-table.ts';

const DOCS = fileURLToPath(new URL('../../docs/operating.md', import.meta.url));
const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url));
const UPDATE = process.env['DOCS_UPDATE'] === '1';

const docs = readFileSync(DOCS, 'utf8');

const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(SOURCES + name, 'utf8') }));

/** Each match of `pattern` in the sources, as [file, first group]. */
function found(pattern: RegExp): [string, string][] {
  return sources.flatMap(({ name, text }) =>
    [...text.matchAll(pattern)].map((match): [string, string] => [name, match[1] ?? '']),
  );
}

function between(marker: string): string {
  const [, rest = ''] = docs.split(`<!-- ${marker}:begin -->\n`);
  return rest.split(`<!-- ${marker}:end -->`)[0]?.trim() ?? '';
}

test.each([
  ['config', configTable],
  ['metrics', metricTable],
])('the %s table is the one that the code makes', (marker, make) => {
  if (UPDATE) {
    const text = readFileSync(DOCS, 'utf8');
    const block = new RegExp(`(<!-- ${marker}:begin -->\n)[\\s\\S]*?(<!-- ${marker}:end -->)`);
    writeFileSync(
      DOCS,
      text.replace(block, (_all, begin: string, end: string) => `${begin}${make()}\n${end}`),
    );
    return;
  }
  expect(between(marker)).toBe(make());
});

test('every setting is in the table by its name', () => {
  for (const name of knownNames()) expect(configTable(), name).toContain(name.replace(/_FILE$/, ''));
});

test('every metric that the code uses is in the table', () => {
  const known = METRICS.map(({ name }) => name);
  const used = found(/\.(?:count|gauge|observe)\(\s*'([a-z_]+)'/g);
  expect(used.length).toBeGreaterThan(10);
  expect(used.filter(([, name]) => !known.includes(name))).toEqual([]);
});

test('every log event that the code writes is explained', () => {
  const used = found(/\bevent: '([A-Za-z_-]+)'/g);
  expect(used.length).toBeGreaterThan(10);
  expect(used.filter(([, name]) => !docs.includes(`\`${name}\``))).toEqual([]);
});

test('every dead letter code is explained', () => {
  // Records, so that the compiler misses a code that is added to a union and not here.
  const badRecords: Record<BadRecordCode, true> = {
    undecodable: true,
    'unknown-schema': true,
    'missing-key': true,
    'wrong-type': true,
    'out-of-range': true,
    'too-large': true,
    skipped: true,
  };
  const deliveries: Record<DeadLetterCode, true> = {
    refused: true,
    gone: true,
    'gave-up': true,
    backlog: true,
    'endpoint-removed': true,
  };
  const codes = [...Object.keys(badRecords), 'cluster-too-large', ...Object.keys(deliveries)];
  const explained = [...docs.matchAll(/^\| `([a-z-]+)` \| (?:rekey|join|deliver)/gm)].map(([, code]) => code);
  expect(explained).toEqual(codes);
});

test('the example of an endpoints file is valid', () => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(docs)?.[1] ?? '';
  const secrets = { env: () => `whsec_${Buffer.alloc(32).toString('base64')}`, file: () => null };
  const { endpoints, mistakes } = parseEndpoints(yaml, { secrets, emittedVersions: ['v1', 'v2', 'v3'] });
  expect(mistakes).toEqual([]);
  expect(endpoints).toHaveLength(1);
});
