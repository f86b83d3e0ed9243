import { expect, test } from 'vitest';
import { cellOf, columnTypes, NO_TYPES } from '../../src/core/connect-schema.ts';

const typed = (name: string, scale = 0) => ({ name, scale });

test.each([
  ['io.debezium.time.MicroTimestamp', '1757991600000123', { t: 'micros', v: 1_757_991_600_000_123 }],
  ['io.debezium.time.MicroTimestamp', '9223372036854775807', null],
  ['io.debezium.time.MicroTimestamp', '"2025-09-16"', { t: 'text', v: '2025-09-16' }],
  ['io.debezium.time.Timestamp', '1757991600000', { t: 'micros', v: 1_757_991_600_000_000 }],
  ['org.apache.kafka.connect.data.Timestamp', '1757991600000', { t: 'micros', v: 1_757_991_600_000_000 }],
  ['io.debezium.time.NanoTimestamp', '1757991600000123999', { t: 'micros', v: 1_757_991_600_000_123 }],
  ['io.debezium.time.ZonedTimestamp', '"2025-09-16T03:00:00Z"', { t: 'text', v: '2025-09-16T03:00:00Z' }],
  ['io.debezium.time.Date', '20351', { t: 'date', v: 20_351 }],
  ['org.apache.kafka.connect.data.Date', '20351', { t: 'date', v: 20_351 }],
  ['io.debezium.time.MicroTime', '48600000000', { t: 'time', v: 48_600_000_000 }],
  ['io.debezium.time.NanoTime', '48600000000999', { t: 'time', v: 48_600_000_000 }],
  ['io.debezium.time.Time', '48600000', { t: 'time', v: 48_600_000_000 }],
  ['org.apache.kafka.connect.data.Time', '48600000', { t: 'time', v: 48_600_000_000 }],
  ['io.debezium.data.Json', '"{\\"a\\": 1}"', { t: 'text', v: '{"a": 1}' }],
  ['int64', '9223372036854775807', { t: 'number', v: '9223372036854775807' }],
  ['double', '"NaN"', null],
  ['double', '12.3', { t: 'number', v: '12.3' }],
  ['string', '"NaN"', { t: 'text', v: 'NaN' }],
  ['boolean', 'true', { t: 'bool', v: true }],
  ['struct', '{"a": 1.0}', { t: 'json', v: '{"a":1.0}' }],
  ['array', '[1, 2]', { t: 'json', v: '[1,2]' }],
  ['string', 'null', null],
])('a %s of %s is the cell %j', (name, written, cell) => {
  expect(cellOf(written, typed(name))).toEqual(cell);
});

test.each([
  ['"JJsY"', 2, '2399000e-2'],
  ['"/w=="', 2, '-1e-2'],
  ['""', 0, '0'],
  ['"AA=="', 2, '0e-2'],
])('a Decimal of %s with scale %i is the number %s', (written, scale, number) => {
  expect(cellOf(written, typed('org.apache.kafka.connect.data.Decimal', scale))).toEqual({ t: 'number', v: number });
});

test('a Decimal that is no base64 is left as what it is', () => {
  expect(cellOf('"12.50"', typed('org.apache.kafka.connect.data.Decimal', 2))).toEqual({ t: 'text', v: '12.50' });
  expect(cellOf('12.50', typed('org.apache.kafka.connect.data.Decimal', 2))).toEqual({ t: 'number', v: '12.50' });
});

test('a VariableScaleDecimal carries its scale beside it', () => {
  const name = 'io.debezium.data.VariableScaleDecimal';
  expect(cellOf('{"scale": 3, "value": "AQ=="}', typed(name))).toEqual({ t: 'number', v: '1e-3' });
  expect(cellOf('{"value": 1}', typed(name))).toEqual({ t: 'json', v: '{"value":1}' });
});

test("the types are those of the envelope's after, or of a flat row, by semantic name first", () => {
  const field = (field: string, type: string, more = {}) => ({ field, type, ...more });
  const row = [
    field('id', 'int64'),
    field('at', 'int64', { name: 'io.debezium.time.MicroTimestamp' }),
    field('price', 'bytes', { name: 'org.apache.kafka.connect.data.Decimal', parameters: { scale: '2' } }),
  ];
  const expected = [
    ['id', { name: 'int64', scale: 0 }],
    ['at', { name: 'io.debezium.time.MicroTimestamp', scale: 0 }],
    ['price', { name: 'org.apache.kafka.connect.data.Decimal', scale: 2 }],
  ];
  const envelope = { type: 'struct', fields: [{ field: 'after', type: 'struct', fields: row }, field('op', 'string')] };
  expect([...columnTypes(JSON.stringify(envelope))]).toEqual(expected);
  expect([...columnTypes(JSON.stringify({ type: 'struct', fields: row }))]).toEqual(expected);
});

test.each(['null', '1', '{}', '{"fields": 1}', '{"fields": [1, {"field": 2}]}'])(
  'the schema %s gives no types',
  (schema) => {
    expect([...columnTypes(schema)]).toEqual([...NO_TYPES]);
  },
);
