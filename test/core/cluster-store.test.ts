/** The join's state as bytes: copies, counts, and clusters that vanish with their last row. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClusterStore } from '../../src/core/cluster-store.ts';
import { TABLES, type Table } from '../../src/core/source-event.ts';

const CLUSTER = 'cluster:289';

function rowsOf(store: ClusterStore, cluster: string): Record<string, string[]> {
  const rows: Record<string, string[]> = {};
  store.forEachRow(cluster, (table, bytes) => {
    rows[table] = [...(rows[table] ?? []), bytes.toString()];
  });
  return rows;
}

test('rows of a cluster are visited with their table, a row put again as it is now', () => {
  const store = new ClusterStore();
  store.putRow(CLUSTER, 'lead', '1', Buffer.from('old'));
  store.putRow(CLUSTER, 'test_drive', '1', Buffer.from('drive'));
  store.putRow(CLUSTER, 'lead', '1', Buffer.from('new'));
  store.putRow('cluster:5', 'lead', '2', Buffer.from('other'));
  expect(rowsOf(store, CLUSTER)).toEqual({ lead: ['new'], test_drive: ['drive'] });
  expect(rowsOf(store, 'cluster:404')).toEqual({});
  expect([store.rowCount(CLUSTER), store.rowCount('cluster:404')]).toEqual([2, 0]);
});

test('what is put in is a copy: the memory that was read may be used again', () => {
  const store = new ClusterStore();
  const fetched = Buffer.from('row|emission');
  store.putRow(CLUSTER, 'lead', '1', fetched.subarray(0, 3));
  store.putEmission(CLUSTER, '1', fetched.subarray(4));
  fetched.fill('x');
  expect(rowsOf(store, CLUSTER)).toEqual({ lead: ['row'] });
  expect(store.emission(CLUSTER, '1')?.toString()).toBe('emission');
});

test('a cluster goes with its last row, and removing what is not there changes nothing', () => {
  const store = new ClusterStore();
  store.putRow(CLUSTER, 'lead', '1', Buffer.from('row'));
  store.removeRow(CLUSTER, 'appointment', '1');
  store.removeRow('cluster:404', 'lead', '1');
  expect([...store.clusters()]).toEqual([CLUSTER]);
  store.removeRow(CLUSTER, 'lead', '1');
  expect([store.clusterCount, store.bytes, store.hasLead(CLUSTER, '1')]).toEqual([0, 0, false]);
});

test('only a lead counts as the lead of a cluster', () => {
  const store = new ClusterStore();
  store.putRow(CLUSTER, 'appointment', '7', Buffer.from('row'));
  expect(store.hasLead(CLUSTER, '7')).toBe(false);
  store.putRow(CLUSTER, 'lead', '7', Buffer.from('row'));
  expect(store.hasLead(CLUSTER, '7')).toBe(true);
});

test('bytes are those of the rows and emission records that are held now', () => {
  const store = new ClusterStore();
  store.putRow(CLUSTER, 'lead', '1', Buffer.alloc(10));
  store.putRow(CLUSTER, 'lead', '1', Buffer.alloc(4));
  store.putEmission(CLUSTER, '1', Buffer.alloc(5));
  store.putEmission(CLUSTER, '1', Buffer.alloc(7));
  expect(store.bytes).toBe(11);
  expect([store.removeEmission(CLUSTER, '1'), store.removeEmission(CLUSTER, '1')]).toEqual([true, false]);
  expect(store.bytes).toBe(4);
});

test('an emission record whose lead is gone is found', () => {
  const store = new ClusterStore();
  store.putRow(CLUSTER, 'lead', '1', Buffer.from('row'));
  store.putEmission(CLUSTER, '1', Buffer.from('told'));
  store.putEmission('cluster:5', '2', Buffer.from('told'));
  expect(store.orphanedEmissions()).toEqual([{ cluster: 'cluster:5', leadId: '2' }]);
});

test('a cluster of 50,000 rows is filled and emptied in time that grows with its rows alone', () => {
  const store = new ClusterStore();
  const ids = Array.from({ length: 50_000 }, (_, i) => String(i));
  for (const id of ids) store.putRow(CLUSTER, 'appointment', id, Buffer.from(id));
  expect(store.rowCount(CLUSTER)).toBe(50_000);
  for (const id of ids) store.removeRow(CLUSTER, 'appointment', id);
  expect([store.clusterCount, store.bytes]).toEqual([0, 0]);
});

const change = fc.record({
  cluster: fc.constantFrom('cluster:1', 'cluster:2', 'lead:3'),
  kind: fc.constantFrom<Table | 'emission'>(...TABLES, 'emission'),
  id: fc.integer({ min: 1, max: 4 }).map(String),
  value: fc.option(fc.string({ maxLength: 60 }), { nil: null }),
});

test('after any changes the store holds what maps would hold', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
      const store = new ClusterStore();
      const model = new Map<string, string>();
      for (const { cluster, kind, id, value } of changes) {
        if (value === null) model.delete(`${cluster}|${kind}|${id}`);
        else model.set(`${cluster}|${kind}|${id}`, value);
        if (kind === 'emission' && value === null) store.removeEmission(cluster, id);
        else if (kind === 'emission') store.putEmission(cluster, id, Buffer.from(value ?? ''));
        else if (value === null) store.removeRow(cluster, kind, id);
        else store.putRow(cluster, kind, id, Buffer.from(value));
      }
      const clusters = new Set([...model.keys()].map((key) => key.slice(0, key.indexOf('|'))));
      expect(new Set(store.clusters())).toEqual(clusters);
      for (const cluster of ['cluster:1', 'cluster:2', 'lead:3']) {
        const expected = [...model].filter(([key]) => key.startsWith(`${cluster}|`) && !key.includes('|emission|'));
        const found: string[] = [];
        store.forEachRow(cluster, (table, bytes) => found.push(`${table} ${bytes.toString()}`));
        expect(found.sort()).toEqual(expected.map(([key, value]) => `${key.split('|')[1]} ${value}`).sort());
        expect(store.rowCount(cluster)).toBe(expected.length);
        for (const id of ['1', '2', '3', '4']) {
          expect(store.emission(cluster, id)?.toString()).toBe(model.get(`${cluster}|emission|${id}`));
        }
      }
      expect(store.bytes).toBe([...model.values()].reduce((sum, value) => sum + Buffer.byteLength(value), 0));
    }),
    { numRuns: 300 },
  );
});
