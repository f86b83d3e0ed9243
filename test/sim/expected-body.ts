/**
 * The body that a lead must have, straight from the source's rows: read and rendered by the product's readers and renderers
 * (which have tests of their own), but joined here.
 */
import { VERSIONS } from '../../src/core/payload/versions.ts';
import type { AppointmentRow, LeadRow, Row as ReadRow, TestDriveRow } from '../../src/core/rows.ts';
import { resolveZone } from '../../src/core/time-zone.ts';
import { SourceCodec } from '../../src/kafka/source-codec.ts';
import { assert } from '../../src/lib/assert.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { SourceDatabase } from '../support/change-events.ts';
import { contentOf } from './told.ts';
import type { RowHistory, Truth } from './truth.ts';

const RULES = {
  sourceEpoch: 0,
  unavailablePlaceholder: '__debezium_unavailable_value',
  jsonTimeUnit: 'micros',
} as const;
const codec = new SourceCodec({ registry: null, clock: systemClock, log: silentLog, meter: silentMeter }, RULES);
const database = new SourceDatabase();

/** The content of a living lead's body as the source is now. */
export function expectedContent(truth: Truth, lead: RowHistory, version: string): string {
  const cluster = lead.versions.at(-1)?.cluster ?? null;
  const row = read(lead) as LeadRow;
  const render = VERSIONS.find((entry) => entry.version === version)?.render;
  assert(render !== undefined, 'the version exists');
  const { body } = render({
    lead: row,
    appointments:
      cluster === null ? [] : truth.within('appointment', cluster).map((one) => read(one) as AppointmentRow),
    testDrives: cluster === null ? [] : truth.within('test_drive', cluster).map((one) => read(one) as TestDriveRow),
    zone: resolveZone(row.time_zone).zone,
    purposes: { enums: new Set() },
  });
  return contentOf(JSON.parse(body) as Record<string, unknown>);
}

function read(history: RowHistory): ReadRow {
  const now = history.versions.at(-1);
  assert(now !== undefined, 'a row that never was cannot be shown');
  const { value } = database.insert(history.table, now.row);
  const record = { topic: '', partition: 0, offset: 0, timestamp: 0, key: null, headers: {} };
  const change = codec.decode({ ...record, value: Buffer.from(value ?? '') }, history.table);
  assert(change.kind === 'upsert', 'a living row is an upsert');
  return change.row.row;
}
