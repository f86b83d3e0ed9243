import type { Schema } from 'avsc';
import avro from 'avsc';
import { describe, expect, it } from 'vitest';
import { compileAvro } from '../../src/kafka/avro-schema.ts';
import type { WriterSchema } from '../../src/kafka/registry.ts';
import { avroKeyDecoder, avroSourceDecoder } from '../../src/kafka/source-avro.ts';

function writer(schema: unknown, references: unknown[] = []): WriterSchema {
  return { type: 'AVRO', schema, references };
}

function bytesOf(schema: unknown, value: unknown): Buffer {
  return compileAvro(writer(schema)).type.toBuffer(value);
}

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
