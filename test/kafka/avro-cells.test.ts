import { describe, expect, it } from 'vitest';
import type { Cell } from '../../src/core/source-event.ts';
import { cellConverter, Uncarriable } from '../../src/kafka/avro-cells.ts';
import { compileAvro } from '../../src/kafka/avro-schema.ts';

/** What a value of the type becomes after it went through Avro. */
function cellOf(type: unknown, value: unknown): Cell {
  const schema = compileAvro({ type: 'AVRO', schema: type, references: [] });
  return cellConverter(schema.type, schema)(schema.type.fromBuffer(schema.type.toBuffer(value)));
}

function badOf(type: unknown, value: unknown): string {
  try {
    cellOf(type, value);
  } catch (error) {
    if (error instanceof Uncarriable) return error.code;
    throw error;
  }
  return 'good';
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
