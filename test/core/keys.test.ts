/** Keys of the internal topics: what is written can be read, and what is no key is told apart. */
import { expect, test } from 'vitest';
import {
  clusterKey,
  emissionKey,
  POSITION_KEY,
  parseEmissionKey,
  parseRowKey,
  rowKey,
  stateKey,
} from '../../src/core/keys.ts';
import { TABLES } from '../../src/core/source-event.ts';

test.each(TABLES)('a %s in a cluster is keyed by the cluster, one without is a cluster of its own (A5)', (table) => {
  expect(clusterKey(table, '7', '289')).toBe('cluster:289');
  expect(clusterKey(table, '7', null)).toBe(`${table}:7`);
});

test.each(TABLES)('the key of a %s in cluster-changes is read back in its parts', (table) => {
  const key = rowKey('cluster:289', table, '138559');
  expect(key).toBe(`cluster:289|${table}|138559`);
  expect(parseRowKey(key)).toEqual({ cluster: 'cluster:289', table, id: '138559' });
});

test.each(['', 'position', 'cluster:289', 'cluster:289|lead', 'cluster:289|lead|', '|lead|1', 'cluster:289|user|1'])(
  '%j is no key of a row',
  (text) => {
    expect(parseRowKey(text)).toBeNull();
  },
);

test('an emission record belongs to a lead in a cluster; the position record to none', () => {
  expect(parseEmissionKey(emissionKey('cluster:289', '138559'))).toEqual({ cluster: 'cluster:289', leadId: '138559' });
  expect(parseEmissionKey(POSITION_KEY)).toBeNull();
  expect(parseEmissionKey('|138559')).toBeNull();
});

test('rekey keeps rows of equal ids in different tables apart', () => {
  expect(new Set(TABLES.map((table) => stateKey(table, '7'))).size).toBe(3);
});
