/**
 * The golden renders of the chart stand for what a cluster would get, in tests that have no Helm. So they must be those of the chart as it
 * is; whether they are right is judged in test/chart.test.ts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { chartInputs } from './support/chart-inputs.ts';

const golden = fileURLToPath(new URL('./golden/chart/', import.meta.url));
const chart = fileURLToPath(new URL('../helm/lead-webhooks/', import.meta.url));

test('the golden renders were made of the chart as it is; if not: npm run chart:test -- --update, which needs Helm', () => {
  expect(chartInputs(chart)).toEqual(JSON.parse(readFileSync(`${golden}inputs.json`, 'utf8')));
});

test('there is a golden render for each example, and no other', () => {
  const renders = readdirSync(golden).filter((file) => file.endsWith('.yaml'));
  expect(renders.toSorted()).toEqual(readdirSync(`${chart}examples`).toSorted());
});
