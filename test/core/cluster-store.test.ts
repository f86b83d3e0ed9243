/** The join's state as bytes: copies, counts, and clusters that vanish with their last row. */
import { expect, test } from 'vitest';
import { ClusterStore } from '../../src/core/cluster-store.ts';

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
  store.putEmission(`${CLUSTER}|1`, fetched.subarray(4));
  fetched.fill('x');
  expect(rowsOf(store, CLUSTER)).toEqual({ lead: ['row'] });
  expect(store.emission(`${CLUSTER}|1`)?.toString()).toBe('emission');
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
  store.putEmission('key', Buffer.alloc(5));
  store.putEmission('key', Buffer.alloc(7));
  expect(store.bytes).toBe(11);
  expect([store.removeEmission('key'), store.removeEmission('key')]).toEqual([true, false]);
  expect([store.bytes, [...store.emissionKeys()]]).toEqual([4, []]);
});
