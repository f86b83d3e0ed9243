import type { Schema } from 'avsc';
import avro from 'avsc';
import { describe, expect, it } from 'vitest';
import type { Cell } from '../../src/core/source-event.ts';
import { compileAvro } from '../../src/kafka/avro-schema.ts';
import type { WriterSchema } from '../../src/kafka/registry.ts';
import { avroKeyDecoder, avroSourceDecoder } from '../../src/kafka/source-avro.ts';

function writer(schema: unknown, references: unknown[] = []): WriterSchema {
  return { type: 'AVRO', schema, references };
}

function bytesOf(schema: unknown, value: unknown): Buffer {
  return compileAvro(writer(schema)).type.toBuffer(value);
}

/** The cell of a lead's column `comments` of the given type, read from a flat row. */
function cellOf(type: unknown, value: unknown): Cell | undefined {
  const schema = { type: 'record', name: 'Value', fields: [{ name: 'comments', type }] };
  const event = avroSourceDecoder(writer(schema), 'lead')(bytesOf(schema, { comments: value }));
  if (event === null || 'kind' in event) throw new Error(event?.message ?? 'no event');
  return event.after?.['comments'];
}

function badOf(type: unknown, value: unknown): string {
  const schema = { type: 'record', name: 'Value', fields: [{ name: 'comments', type }] };
  const event = avroSourceDecoder(writer(schema), 'lead')(bytesOf(schema, { comments: value }));
  return event !== null && 'kind' in event ? event.code : 'good';
}

const connect = (type: string, name: string, scale?: string): object => ({
  type,
  'connect.version': 1,
  'connect.name': name,
  ...(scale === undefined ? {} : { 'connect.parameters': { scale } }),
});
const logical = (type: string, logicalType: string, more: object = {}): object => ({ type, logicalType, ...more });

describe('a column', () => {
  const cases: [string, unknown, unknown, Cell][] = [
    [
      'MicroTimestamp',
      connect('long', 'io.debezium.time.MicroTimestamp'),
      1758160800000001,
      { t: 'micros', v: 1758160800000001 },
    ],
    ['Timestamp', connect('long', 'io.debezium.time.Timestamp'), 1758160800123, { t: 'micros', v: 1758160800123000 }],
    [
      'NanoTimestamp',
      connect('long', 'io.debezium.time.NanoTimestamp'),
      1758160800000001999n,
      { t: 'micros', v: 1758160800000001 },
    ],
    ['a NanoTimestamp before 1970', connect('long', 'io.debezium.time.NanoTimestamp'), -1, { t: 'micros', v: -1 }],
    [
      'ZonedTimestamp',
      connect('string', 'io.debezium.time.ZonedTimestamp'),
      '2025-09-18T02:00:00.9Z',
      { t: 'text', v: '2025-09-18T02:00:00.9Z' },
    ],
    ['Date', connect('int', 'io.debezium.time.Date'), 20351, { t: 'date', v: 20351 }],
    ['Time', connect('int', 'io.debezium.time.Time'), 48_600_000, { t: 'time', v: 48_600_000_000 }],
    [
      'MicroTime at 24:00',
      connect('long', 'io.debezium.time.MicroTime'),
      86_400_000_000,
      { t: 'time', v: 86_400_000_000 },
    ],
    ['NanoTime', connect('long', 'io.debezium.time.NanoTime'), 48_600_000_000_999, { t: 'time', v: 48_600_000_000 }],
    ['Connect Timestamp', connect('long', 'org.apache.kafka.connect.data.Timestamp'), 5, { t: 'micros', v: 5000 }],
    ['Connect Date', connect('int', 'org.apache.kafka.connect.data.Date'), -1, { t: 'date', v: -1 }],
    ['Connect Time', connect('int', 'org.apache.kafka.connect.data.Time'), 1, { t: 'time', v: 1000 }],
    [
      'Connect Decimal',
      connect('bytes', 'org.apache.kafka.connect.data.Decimal', '2'),
      Buffer.from('249b18', 'hex'),
      { t: 'number', v: '2399000e-2' },
    ],
    [
      'a negative Decimal',
      connect('bytes', 'org.apache.kafka.connect.data.Decimal', '2'),
      Buffer.from('ff', 'hex'),
      { t: 'number', v: '-1e-2' },
    ],
    ['Debezium Json', connect('string', 'io.debezium.data.Json'), '{"a": 1}', { t: 'text', v: '{"a": 1}' }],
    ['Uuid', connect('string', 'io.debezium.data.Uuid'), 'x', { t: 'text', v: 'x' }],
    ['timestamp-millis', logical('long', 'timestamp-millis'), 7, { t: 'micros', v: 7000 }],
    ['timestamp-micros', logical('long', 'timestamp-micros'), 7, { t: 'micros', v: 7 }],
    ['local-timestamp-micros', logical('long', 'local-timestamp-micros'), 7, { t: 'micros', v: 7 }],
    ['date', logical('int', 'date'), 7, { t: 'date', v: 7 }],
    ['time-millis', logical('int', 'time-millis'), 7, { t: 'time', v: 7000 }],
    ['time-micros', logical('long', 'time-micros'), 7, { t: 'time', v: 7 }],
    [
      'decimal in bytes',
      logical('bytes', 'decimal', { scale: 1, precision: 5 }),
      Buffer.from([15]),
      { t: 'number', v: '15e-1' },
    ],
    [
      'decimal in a fixed',
      logical('fixed', 'decimal', { name: 'Money', size: 2, scale: 2, precision: 4 }),
      Buffer.from([0, 5]),
      { t: 'number', v: '5e-2' },
    ],
    ['uuid', logical('string', 'uuid'), 'x', { t: 'text', v: 'x' }],
    ['int', 'int', -5, { t: 'number', v: '-5' }],
    ['long', 'long', 9007199254740993n, { t: 'number', v: '9007199254740993' }],
    ['the largest long', 'long', 9223372036854775807n, { t: 'number', v: '9223372036854775807' }],
    ['the smallest long', 'long', -9223372036854775808n, { t: 'number', v: '-9223372036854775808' }],
    ['a long at the edge', 'long', -9007199254740991, { t: 'number', v: '-9007199254740991' }],
    ['double', 'double', 46.9, { t: 'number', v: '46.9' }],
    ['a float, without the noise of its bits', 'float', Math.fround(12.3), { t: 'number', v: '12.3' }],
    ['NaN', 'double', Number.NaN, null],
    ['infinity', 'float', Number.POSITIVE_INFINITY, null],
    ['boolean', 'boolean', true, { t: 'bool', v: true }],
    ['enum', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'B', { t: 'text', v: 'B' }],
    ['null', ['null', 'string'], null, null],
    ['a default first', ['string', 'null'], null, null],
    ['a union of several', ['null', 'boolean', 'string'], 'x', { t: 'text', v: 'x' }],
    ['a union of int and long', ['null', 'int', 'long'], 9007199254740993n, { t: 'number', v: '9007199254740993' }],
    ['a union of int and double', ['null', 'int', 'double'], { double: 5.5 }, { t: 'number', v: '5.5' }],
    ['null in a union of int and double', ['null', 'int', 'double'], null, null],
    ['infinity in a timestamp', connect('long', 'io.debezium.time.MicroTimestamp'), 9223372036854775807n, null],
    ['minus infinity in a timestamp', connect('long', 'io.debezium.time.MicroTimestamp'), -9223372036854775808n, null],
    ['infinity in a timestamp(3)', connect('long', 'io.debezium.time.Timestamp'), 9223372036825200000n, null],
    [
      'a year beyond exact microseconds',
      connect('long', 'io.debezium.time.Timestamp'),
      253402214400000,
      { t: 'text', v: '9999-12-31T00:00:00.000000Z' },
    ],
  ];
  it.each(cases)('of type %s becomes its cell', (_name, type, value, expected) => {
    expect(cellOf(type, value)).toEqual(expected);
  });

  it('of VariableScaleDecimal becomes a number', () => {
    const type = {
      type: 'record',
      name: 'VariableScaleDecimal',
      namespace: 'io.debezium.data',
      fields: [
        { name: 'scale', type: 'int' },
        { name: 'value', type: 'bytes' },
      ],
    };
    expect(cellOf(['null', type], { scale: 1, value: Buffer.from([15]) })).toEqual({ t: 'number', v: '15e-1' });
  });

  it('of nested records, maps and arrays becomes JSON text with every digit, and bytes in it null', () => {
    const type = {
      type: 'record',
      name: 'Prospect',
      fields: [
        { name: 'dob', type: connect('int', 'io.debezium.time.Date') },
        { name: 'since', type: connect('int', 'io.debezium.time.Date') },
        { name: 'seen', type: connect('long', 'io.debezium.time.MicroTimestamp') },
        { name: 'big', type: 'long' },
        { name: 'price', type: connect('bytes', 'org.apache.kafka.connect.data.Decimal', '2') },
        { name: 'photo', type: 'bytes' },
        { name: 'tags', type: { type: 'array', items: ['null', 'string'] } },
        { name: 'more', type: { type: 'map', values: 'double' } },
        {
          name: 'address',
          type: ['null', { type: 'record', name: 'Address', fields: [{ name: 'city', type: 'string' }] }],
        },
      ],
    };
    const value = {
      dob: 20351,
      since: 20351,
      seen: 1758160800000000,
      big: 9007199254740993n,
      price: Buffer.from('249b18', 'hex'),
      photo: Buffer.from('x'),
      tags: ['a"b', null],
      more: { __proto__x: 0.5, nan: Number.NaN },
      address: { city: 'Ürö' },
    };
    const cell = cellOf(type, value);
    expect(cell).toEqual({
      t: 'json',
      v:
        '{"dob":"20/09/2025","since":"2025-09-20","seen":"2025-09-18T02:00:00.000Z","big":9007199254740993,"price":23990,' +
        '"photo":null,"tags":["a\\"b",null],"more":{"__proto__x":0.5,"nan":null},"address":{"city":"Ürö"}}',
    });
  });

  it('of a recursive record becomes JSON too', () => {
    const type = { type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] };
    expect(cellOf(type, { next: { next: null } })).toEqual({ t: 'json', v: '{"next":{"next":null}}' });
  });

  it('of raw bytes is of the wrong type', () => {
    expect(badOf('bytes', Buffer.from('x'))).toBe('wrong-type');
  });

  it('with a date or time beyond the safe integers is out of range', () => {
    expect(badOf(connect('long', 'io.debezium.time.MicroTime'), 9007199254740993n)).toBe('out-of-range');
  });
});

describe('an envelope', () => {
  const row = (name: string, column: unknown): object => ({
    type: 'record',
    name,
    fields: [
      { name: 'id', type: 'long' },
      { name: 'note', type: column },
    ],
  });
  const envelope = (column: unknown): object => ({
    type: 'record',
    name: 'Envelope',
    namespace: 'crm.public.appointments',
    fields: [
      { name: 'before', type: ['null', row('Value', column)], default: null },
      { name: 'after', type: ['null', 'Value'], default: null },
      {
        name: 'source',
        type: {
          type: 'record',
          name: 'Source',
          fields: [
            { name: 'ts_ns', type: 'long' },
            { name: 'ts_ms', type: 'long' },
            { name: 'sequence', type: ['null', 'string'] },
          ],
        },
      },
      { name: 'op', type: 'string' },
      { name: 'ts_ns', type: ['null', 'long'] },
    ],
  });

  it('gives of a before image nothing but the key, because Debezium invents the rest', () => {
    const bytes = bytesOf(envelope('string'), {
      before: { id: 5, note: 'invented' },
      after: null,
      source: { ts_ns: 1758160800000000001n, ts_ms: 3, sequence: '["1","2"]' },
      op: 'd',
      ts_ns: 1758160800000000001n,
    });
    expect(avroSourceDecoder(writer(envelope('string')), 'appointment')(bytes)).toEqual({
      form: 'envelope',
      op: 'd',
      deleted: false,
      before: { id: { t: 'number', v: '5' } },
      after: null,
      commitMs: 3,
      snapshot: null,
      sequence: '["1","2"]',
    });
  });

  it('has rows without a prototype, so that no column is found that is not there', () => {
    const bytes = bytesOf(envelope('string'), {
      before: null,
      after: { id: 5, note: '' },
      source: { ts_ns: 1, ts_ms: 3, sequence: null },
      op: 'c',
      ts_ns: null,
    });
    const event = avroSourceDecoder(writer(envelope('string')), 'appointment')(bytes);
    expect(event !== null && 'after' in event && event.after?.['constructor']).toBeUndefined();
  });

  it('reads under a schema that names another one of the registry', () => {
    const value = { type: 'record', name: 'Value', namespace: 'shared', fields: [{ name: 'id', type: 'long' }] };
    const naming = {
      type: 'record',
      name: 'Envelope',
      fields: [
        { name: 'after', type: ['null', 'shared.Value'] },
        { name: 'op', type: 'string' },
      ],
    };
    const bytes = avro.Type.forSchema({
      type: 'record',
      name: 'E',
      fields: [
        { name: 'after', type: ['null', value] },
        { name: 'op', type: 'string' },
      ],
    } as Schema).toBuffer({ after: { id: 5 }, op: 'c' });
    expect(avroSourceDecoder(writer(naming, [value]), 'lead')(bytes)).toMatchObject({
      op: 'c',
      after: { id: { v: '5' } },
    });
  });
});

describe('a flat row', () => {
  const schema = {
    type: 'record',
    name: 'Value',
    fields: [
      { name: 'id', type: 'long' },
      { name: '__op', type: ['null', 'string'] },
      { name: '__deleted', type: ['null', 'string'] },
      { name: '__source_ts_ms', type: ['null', 'long'] },
      { name: '__source_sequence', type: ['null', 'string'] },
    ],
  };

  it('gives its meta columns as the event and not as columns', () => {
    const bytes = bytesOf(schema, {
      id: 5,
      __op: 'd',
      __deleted: 'true',
      __source_ts_ms: 9,
      __source_sequence: '[null,"1"]',
    });
    expect(avroSourceDecoder(writer(schema), 'lead')(bytes)).toEqual({
      form: 'flat',
      op: 'd',
      deleted: true,
      before: null,
      after: { id: { t: 'number', v: '5' } },
      commitMs: 9,
      snapshot: null,
      sequence: '[null,"1"]',
    });
  });

  it('may be optional as a whole: null is a tombstone', () => {
    const optional = ['null', schema];
    const decode = avroSourceDecoder(writer(optional), 'lead');
    const row = { id: 5, __op: null, __deleted: null, __source_ts_ms: null, __source_sequence: null };
    expect(decode(bytesOf(optional, null))).toBeNull();
    expect(decode(bytesOf(optional, row))).toMatchObject({ form: 'flat', after: { id: { v: '5' } } });
  });
});

describe('a key', () => {
  const keyOf = (schema: unknown, value: unknown): unknown => avroKeyDecoder(writer(schema))(bytesOf(schema, value));
  const struct = (name: string, type: unknown): object => ({ type: 'record', name: 'Key', fields: [{ name, type }] });

  it('gives the id to the digit, from a struct, a bare integer or text of digits', () => {
    expect(keyOf(struct('id', 'long'), { id: 9223372036854775807n })).toBe('9223372036854775807');
    expect(keyOf('long', 138559)).toBe('138559');
    expect(keyOf('string', '138559')).toBe('138559');
    expect(keyOf(['null', struct('id', 'int')], { id: 3 })).toBe('3');
  });

  it('gives none for a key of other columns', () => {
    expect(keyOf(struct('lead_cluster_id', ['null', 'long']), { lead_cluster_id: 289 })).toBeNull();
  });

  it('is bad when it is no integer', () => {
    expect(keyOf(struct('id', 'string'), { id: 'abc' })).toMatchObject({ kind: 'bad', code: 'wrong-type' });
  });
});

describe('a schema that is of no use', () => {
  it.each([
    ['not valid', { type: 'record', name: 'V', fields: [{ name: 'x', type: 'nothing' }] }],
    ['no record', 'string'],
    [
      'a union of records',
      [
        { type: 'record', name: 'A', fields: [] },
        { type: 'record', name: 'B', fields: [] },
      ],
    ],
  ])('makes its records undecodable: %s', (_name, schema) => {
    expect(avroSourceDecoder(writer(schema), 'lead')(Buffer.from([0]))).toMatchObject({
      kind: 'bad',
      code: 'undecodable',
    });
  });

  it('is none because of a default that does not fit', () => {
    const schema = { type: 'record', name: 'V', fields: [{ name: 'id', type: 'long', default: 'zero' }] };
    expect(avroSourceDecoder(writer(schema), 'lead')(bytesOf(schema, { id: 1 }))).toMatchObject({ form: 'flat' });
  });
});
