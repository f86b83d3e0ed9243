/**
 * Memory of the join's state: N clusters of the documented sample's size (1.3 leads, 0.8 appointments, 0.3 test drives each), put
 * into the real state as a load does, then changed. Prints resident memory, bytes a cluster, and the longest pause of the event loop
 * (the work between two turns is one batch of 2,000 records, as in a running task). Rekey's map of the same rows is reported apart.
 *
 *   node bench/state-memory.ts [clusters = 1000000]
 */
import { argv, memoryUsage, stdout } from 'node:process';
import { JoinClusters } from '../src/core/join-batch.ts';
import { rowKey, stateKey } from '../src/core/keys.ts';
import { RekeyRows } from '../src/core/rekey-batch.ts';
import { RowCache } from '../src/core/row-cache.ts';
import type { Row } from '../src/core/rows.ts';
import type { Table } from '../src/core/source-event.ts';
import { storedRow } from '../src/core/stored-row.ts';
import { encodeEmission, encodeRow, encodeState, joinCodec, rekeyCodec } from '../src/kafka/internal-codec.ts';
import { appointmentRow, leadRow, testDriveRow } from '../test/support/rows.ts';

const clusters = Number(argv[2] ?? 1_000_000);
const BATCH = 2_000;
const meta = { moves: 0, live: true, birth: 1_758_000_000_000, changedAt: 1_758_000_000_000, unknown: [] };
const hash = '0011223344556677';
const position = { epoch: 0, high: 26_947_120, own: 26_947_120, streamed: true };
const emission = encodeEmission({ moves: 0, n: 1, hashes: { v1: hash, v2: hash, v3: hash } });

const join = new JoinClusters({
  codec: joinCodec,
  rules: { versions: ['v3'], purposes: { enums: new Set() } },
  rowsMax: 1_000,
});
const rekey = new RekeyRows({
  codec: rekeyCodec,
  cache: new RowCache(0),
  rules: { announceSince: 0 },
  partitions: 12,
  rowBytesMax: 900_000,
});
const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;
const empty = memoryUsage().rss;
let rows = 0;
let longestMs = 0;
let turnAt = performance.now();

/** Lets the event loop turn, and remembers how long it could not. */
async function turn(): Promise<void> {
  longestMs = Math.max(longestMs, performance.now() - turnAt);
  await new Promise((resolve) => setImmediate(resolve));
  turnAt = performance.now();
}

async function put(cluster: number, table: Table, row: Row, dirty: boolean): Promise<void> {
  const key = rowKey(`cluster:${cluster}`, table, row.id);
  join.evolve({ key, value: encodeRow(storedRow(table, meta, row)), goneAt: 0, traceparent: null }, dirty);
  if (++rows % BATCH === 0) await turn();
}

async function load(): Promise<void> {
  for (let cluster = 1; cluster <= clusters; cluster++) {
    const lead_cluster_id = String(cluster);
    for (let n = 0; n < (cluster % 10 < 3 ? 2 : 1); n++) {
      const id = String(cluster * 2 + n);
      await put(cluster, 'lead', leadRow({ id, lead_cluster_id }), false);
      join.restoreEmission(`cluster:${cluster}|${id}`, emission);
    }
    if (cluster % 10 < 8)
      await put(cluster, 'appointment', appointmentRow({ id: lead_cluster_id, lead_cluster_id }), false);
    if (cluster % 10 < 3)
      await put(cluster, 'test_drive', testDriveRow({ id: lead_cluster_id, lead_cluster_id }), false);
  }
}

const startedAt = performance.now();
await load();
const loadSeconds = (performance.now() - startedAt) / 1000;
const loaded = memoryUsage();
stdout.write(`clusters ${clusters}, rows ${rows}, bytes of rows and emissions ${megabytes(join.bytes)}\n`);
stdout.write(
  `after the load: resident ${megabytes(loaded.rss)} (${megabytes(empty)} before), JavaScript heap ${megabytes(loaded.heapUsed)}\n`,
);
stdout.write(
  `a cluster: ${Math.round((loaded.rss - empty) / clusters)} bytes resident, ${Math.round(join.bytes / clusters)} bytes of data\n`,
);
stdout.write(
  `load: ${Math.round(rows / loadSeconds)} rows a second (encoding included), longest pause ${longestMs.toFixed(1)} ms\n`,
);

longestMs = 0;
for (let change = 0; change < 200_000; change++) {
  const cluster = 1 + ((change * 7_919) % clusters);
  await put(
    cluster,
    'lead',
    leadRow({ id: String(cluster * 2), lead_cluster_id: String(cluster), comments: `"change ${change}"` }),
    true,
  );
  if (change % BATCH === 0) join.announce(Number.POSITIVE_INFINITY);
}
const changed = memoryUsage().rss;
stdout.write(`200,000 changes: resident ${megabytes(changed)}, longest pause ${longestMs.toFixed(1)} ms\n`);

const before = memoryUsage().rss;
const state = {
  cluster: 'cluster:289',
  moves: 0,
  position,
  live: true,
  birth: 1_758_000_000_000,
  grave: false,
  bare: false,
  hash,
  updatedAt: '"2025-09-16T00:30:52.297Z"',
  unknown: false,
  pointer: { partition: 3, offset: 1_234_567 },
};
for (let id = 1; id <= rows; id++) rekey.restore(stateKey('lead', String(id)), encodeState(state));
stdout.write(
  `rekey's map of ${rekey.count} rows: resident ${megabytes(memoryUsage().rss - before)}, ${Math.round((memoryUsage().rss - before) / rekey.count)} bytes a row\n`,
);
