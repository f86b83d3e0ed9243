import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeJsonKey, decodeJsonRecord } from '../../src/core/json-record.ts';

const SOURCE = {
  version: '3.7.0.Final',
  ts_ms: 1_795_444_990_100,
  snapshot: 'false',
  sequence: '[null,"26652304"]',
  lsn: 26652304,
};

test('an envelope gives its operation, both row images and the facts of its source', () => {
  const text = JSON.stringify({
    before: null,
    after: { id: 5, a: 'x', b: null, c: true, d: { e: [1] } },
    source: SOURCE,
    op: 'c',
    ts_ns: 1,
  });
  expect(decodeJsonRecord(text)).toEqual({
    form: 'envelope',
    op: 'c',
    deleted: false,
    before: null,
    after: {
      id: { t: 'number', v: '5' },
      a: { t: 'text', v: 'x' },
      b: null,
      c: { t: 'bool', v: true },
      d: { t: 'json', v: '{"e":[1]}' },
    },
    commitMs: 1_795_444_990_100,
    snapshot: 'false',
    sequence: '[null,"26652304"]',
  });
});

test('integers beyond 2^53 and decimals arrive to the digit', () => {
  const event = decodeJsonRecord('{"op":"r","after":{"id":9223372036854775807,"price":46.90,"__proto__":1}}');
  expect(event).toMatchObject({ after: { id: { v: '9223372036854775807' }, price: { v: '46.90' } } });
  expect(event !== null && 'after' in event && Object.keys(event.after ?? {})).toEqual(['id', 'price', '__proto__']);
});

test('a lead has a column `source`, so a flat row is not taken for an envelope by it', () => {
  expect(decodeJsonRecord('{"id":5,"source":"Website","__op":"u"}')).toMatchObject({
    form: 'flat',
    op: 'u',
    after: { source: { v: 'Website' } },
  });
  expect(decodeJsonRecord('{"id":5,"source":"Website","op":"x"}')).toMatchObject({ form: 'flat', op: null });
});

test('a truncate has neither image, and is still an envelope', () => {
  expect(decodeJsonRecord(JSON.stringify({ before: null, after: null, source: SOURCE, op: 't' }))).toMatchObject({
    form: 'envelope',
    op: 't',
    before: null,
    after: null,
  });
});

describe('{schema, payload}', () => {
  const at = { field: 'created_at', type: 'int64', name: 'io.debezium.time.Timestamp' };
  const price = {
    field: 'price',
    type: 'bytes',
    name: 'org.apache.kafka.connect.data.Decimal',
    parameters: { scale: '2' },
  };
  const values = { id: 5, created_at: 1_758_067_200_000, price: 'JJsY' };
  const typedValues = {
    created_at: { t: 'micros', v: 1_758_067_200_000_000 },
    price: { t: 'number', v: '2399000e-2' },
  };

  test('types the columns of an envelope', () => {
    const schema = { type: 'struct', fields: [{ field: 'after', type: 'struct', fields: [at, price] }] };
    const payload = { before: values, after: values, source: SOURCE, op: 'u' };
    for (const _again of [1, 2]) {
      const event = decodeJsonRecord(JSON.stringify({ schema, payload }, null, 1));
      expect(event).toMatchObject({ form: 'envelope', op: 'u', before: typedValues, after: typedValues });
    }
  });

  test('types the columns of a flat row', () => {
    const schema = { type: 'struct', fields: [at, price] };
    expect(decodeJsonRecord(JSON.stringify({ schema, payload: { ...values, __op: 'c' } }))).toMatchObject({
      form: 'flat',
      op: 'c',
      after: typedValues,
    });
  });

  test('a null schema types nothing', () => {
    expect(decodeJsonRecord('{"schema":null,"payload":{"id":5}}')).toMatchObject({
      form: 'flat',
      after: { id: { v: '5' } },
    });
  });

  test('many schemas are read rightly one after the other', () => {
    for (let count = 0; count < 100; count++) {
      const schema = { type: 'struct', fields: [{ ...at, field: `at${count}` }] };
      const event = decodeJsonRecord(JSON.stringify({ schema, payload: { [`at${count}`]: 1, at0: 2 } }));
      expect(event).toMatchObject({ after: { [`at${count}`]: { t: 'micros' } } });
    }
  });
});

test.each(['null', ' null ', '{"schema":null,"payload":null}', '{"schema":{"type":"struct"},"payload":null}'])(
  '%j means what a missing value means',
  (text) => {
    expect(decodeJsonRecord(text)).toBeNull();
  },
);

test.each([
  ['', 'undecodable'],
  ['{', 'undecodable'],
  ['[]', 'undecodable'],
  ['5', 'undecodable'],
  ['"text"', 'undecodable'],
  ['{"schema":{},"payload":5}', 'undecodable'],
  ['{"op":"c","after":5}', 'wrong-type'],
  ['{"op":"d","before":[]}', 'wrong-type'],
  ['{"op":"c","after":{},"source":"x"}', 'wrong-type'],
  ['{"op":"c","after":{},"source":{"ts_ms":"noon"}}', 'wrong-type'],
  ['{"op":"c","after":{},"source":{"ts_ms":9007199254740993}}', 'out-of-range'],
  ['{"op":"c","after":{},"source":{"snapshot":1}}', 'wrong-type'],
  ['{"op":"c","after":{},"source":{"sequence":1}}', 'wrong-type'],
  ['{"id":5,"__op":7}', 'wrong-type'],
])('%s is a bad record: %s', (text, code) => {
  expect(decodeJsonRecord(text)).toMatchObject({ kind: 'bad', code });
});

test('no text makes the decoder throw, and no message quotes a value', () => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('c', 'd', 'private', 9e15));
  const key = fc.constantFrom(
    'op',
    'before',
    'after',
    'source',
    'schema',
    'payload',
    '__op',
    '__source_ts_ms',
    'id',
    'ts_ms',
    'sequence',
  );
  fc.assert(
    fc.property(fc.dictionary(key, fc.oneof(value, fc.dictionary(key, value))), (record) => {
      const event = decodeJsonRecord(JSON.stringify(record));
      if (event !== null && 'message' in event) expect(event.message).not.toContain('private');
      decodeJsonKey(JSON.stringify(record));
    }),
  );
});

test.each([
  ['{"id":138559}', '138559'],
  ['{"id":"138559"}', '138559'],
  ['{"id":9223372036854775807}', '9223372036854775807'],
  ['{"schema":{"type":"struct"},"payload":{"id":5001}}', '5001'],
  ['{"schema":{"type":"int64"},"payload":5001}', '5001'],
  ['138559', '138559'],
  ['"138559"', '138559'],
  ['{"lead_cluster_id":289}', null],
  ['{"id":null}', null],
  ['{"id":1.5}', null],
  ['{"id":9223372036854775808}', null],
  ['{"id":', null],
  ['lead-5', null],
  ['null', null],
  ['', null],
  ['[5]', null],
])('the key %s names the row %s', (text, id) => {
  expect(decodeJsonKey(text)).toBe(id);
});
