/** Decoding what a broker stores: holes, markers, aborted transactions, cut-off answers. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AbortedTransaction, decodeBatches } from '../../src/kafka/record-batch.ts';
import { type BatchShape, recordBatch } from '../support/record-batches.ts';

interface Ask {
  readonly from?: number;
  readonly aborted?: readonly AbortedTransaction[];
  readonly cutTo?: number;
}

async function decode(batches: readonly BatchShape[], { from = 0, aborted = [], cutTo }: Ask = {}) {
  const bytes = Buffer.concat(batches.map(recordBatch)).subarray(0, cutTo);
  return decodeBatches({ topic: 't', partition: 3, bytes, from, aborted });
}

async function offsets(batches: readonly BatchShape[], ask: Ask = {}): Promise<number[]> {
  return (await decode(batches, ask)).records.map((record) => record.offset);
}

const run = (baseOffset: number, length: number, rest: Partial<BatchShape> = {}): BatchShape => ({
  baseOffset,
  lastOffsetDelta: length - 1,
  records: Array.from({ length }, (_, delta) => ({ delta, value: `v${baseOffset + delta}` })),
  ...rest,
});

describe('holes', () => {
  test('a batch that compaction emptied moves the reader past it', async () => {
    expect(await decode([{ baseOffset: 55, lastOffsetDelta: 14 }], { from: 55 })).toEqual({ records: [], next: 70 });
  });

  test('offsets that compaction took from the end of a batch are skipped at once', async () => {
    const batch = { baseOffset: 10, lastOffsetDelta: 89, records: [{ delta: 0 }, { delta: 3 }] };
    expect(await offsets([batch], { from: 10 })).toEqual([10, 13]);
    expect((await decode([batch], { from: 14 })).next).toBe(100);
  });

  test('records before the offset that was asked for are left out', async () => {
    expect(await offsets([run(10, 10)], { from: 17 })).toEqual([17, 18, 19]);
  });

  test('a cut-off last batch is left for the next request, wherever the cut is', async () => {
    const whole = Buffer.concat([run(0, 5), run(5, 5)].map(recordBatch)).length;
    const first = recordBatch(run(0, 5)).length;
    for (let cutTo = first; cutTo < whole; cutTo++) {
      const { records, next } = await decode([run(0, 5), run(5, 5)], { cutTo });
      expect([records.length, next]).toEqual([5, 5]);
    }
  });

  test('an answer without a whole batch leaves the reader where it is', async () => {
    expect(await decode([run(7, 5)], { from: 7, cutTo: 60 })).toEqual({ records: [], next: 7 });
  });
});

describe('transactions', () => {
  const of = (producerId: number) => ({ producerId, transactional: true });
  const marker = (baseOffset: number, producerId: number, kind: 'commit' | 'abort'): BatchShape => ({
    baseOffset,
    lastOffsetDelta: 0,
    producerId,
    marker: kind,
  });

  test('markers are not delivered and are passed', async () => {
    const { records, next } = await decode([run(0, 2, of(1)), marker(2, 1, 'commit')]);
    expect(records.map((record) => record.offset)).toEqual([0, 1]);
    expect(next).toBe(3);
  });

  test('aborted transactions that overlap leak nothing, in whatever order the broker lists them', async () => {
    const log = [
      run(10, 40, of(1)),
      run(50, 10, of(2)),
      marker(60, 2, 'abort'),
      run(61, 9, of(1)),
      marker(70, 1, 'abort'),
      run(71, 2, of(1)),
      marker(73, 1, 'commit'),
    ];
    const listed = [
      { producerId: 2, firstOffset: 50 },
      { producerId: 1, firstOffset: 10 },
    ];
    expect(await offsets(log, { from: 10, aborted: listed })).toEqual([71, 72]);
    expect(await offsets(log, { from: 10, aborted: listed.toReversed() })).toEqual([71, 72]);
    expect(await offsets(log.slice(1), { from: 50, aborted: listed })).toEqual([71, 72]);
  });

  test('a committed transaction of a producer that aborts its next one is delivered', async () => {
    const log = [run(0, 3, of(1)), marker(3, 1, 'commit'), run(4, 3, of(1)), marker(7, 1, 'abort')];
    expect(await offsets(log, { aborted: [{ producerId: 1, firstOffset: 4 }] })).toEqual([0, 1, 2]);
  });

  test('records outside of transactions are delivered even if their producer id is in an aborted one', async () => {
    const log = [run(0, 2, { producerId: 1 }), run(2, 2, of(1)), marker(4, 1, 'abort')];
    expect(await offsets(log, { aborted: [{ producerId: 1, firstOffset: 0 }] })).toEqual([0, 1]);
  });

  test('a marker that compaction emptied still ends the transaction', async () => {
    const emptied = { ...marker(2, 1, 'abort'), records: [] };
    const bytes = recordBatch(emptied);
    bytes.writeInt32BE(0, 57);
    bytes.writeInt32BE(49, 8);
    const log = Buffer.concat([recordBatch(run(0, 2, of(1))), bytes.subarray(0, 61), recordBatch(run(3, 2, of(1)))]);
    const aborted = [{ producerId: 1, firstOffset: 0 }];
    const { records } = await decodeBatches({ topic: 't', partition: 3, bytes: log, from: 0, aborted });
    expect(records.map((record) => record.offset)).toEqual([3, 4]);
  });

  test('a data record whose key looks like an abort marker is data', async () => {
    const batch = { ...run(0, 1), records: [{ delta: 0, key: '\0\0\0\0', value: 'x' }] };
    expect(await offsets([batch])).toEqual([0]);
  });
});

describe('records', () => {
  test('every field arrives as it was written', async () => {
    const record = { delta: 0, timestampDelta: -5, key: 'k', value: 'v', headers: [['a', 'x'] as const] };
    const { records } = await decode([{ baseOffset: 9, lastOffsetDelta: 0, records: [record], timestamp: 2_000 }]);
    expect(records).toMatchObject([{ topic: 't', partition: 3, offset: 9, timestamp: 1_995 }]);
    expect([records[0]?.key?.toString(), records[0]?.value?.toString()]).toEqual(['k', 'v']);
    expect({ ...records[0]?.headers }).toEqual({ a: Buffer.from('x') });
  });

  test('null and empty are told apart', async () => {
    const both = [
      { delta: 0, key: null, value: '' },
      { delta: 1, key: '', value: null },
    ];
    const { records } = await decode([{ baseOffset: 0, lastOffsetDelta: 1, records: both }]);
    expect(records.map(({ key, value }) => [key, value])).toEqual([
      [null, Buffer.alloc(0)],
      [Buffer.alloc(0), null],
    ]);
  });

  test('a repeated header keeps its last value, and no name is special', async () => {
    const headers = [['a', '1'] as const, ['__proto__', 'p'] as const, ['a', '2'] as const, ['b', null] as const];
    const { records } = await decode([{ baseOffset: 0, lastOffsetDelta: 0, records: [{ delta: 0, headers }] }]);
    const found = records[0]?.headers ?? {};
    expect(Object.entries(found).map(([name, value]) => `${name}=${value}`)).toEqual(['a=2', '__proto__=p', 'b=']);
  });

  test('the broker’s time wins where the topic says so', async () => {
    const { records } = await decode([run(0, 2, { timestamp: 5, appendTime: 77 })]);
    expect(records.map((record) => record.timestamp)).toEqual([77, 77]);
  });

  test('a compressed batch is the same as a plain one', async () => {
    const compression = { type: 1, compress: (bytes: Buffer) => gzipSync(bytes) };
    expect((await decode([run(4, 20, { compression })])).records).toEqual((await decode([run(4, 20)])).records);
  });

  test('any records survive the way through a batch', async () => {
    const text = fc.option(fc.string({ maxLength: 200 }), { nil: null });
    const record = fc.record({
      gap: fc.integer({ min: 0, max: 300 }),
      timestampDelta: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
      key: text,
      value: text,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 20 }), fc.nat(2 ** 45), async (wanted, base) => {
        let delta = -1;
        const records = wanted.map(({ gap, ...rest }) => {
          delta += 1 + gap;
          return { ...rest, delta };
        });
        const found = await decode([{ baseOffset: base, lastOffsetDelta: delta, records, timestamp: 2 ** 41 }]);
        expect(found.next).toBe(base + delta + 1);
        expect(
          found.records.map((r) => [r.offset, r.timestamp, r.key?.toString() ?? null, r.value?.toString() ?? null]),
        ).toEqual(records.map((r) => [base + r.delta, 2 ** 41 + r.timestampDelta, r.key, r.value]));
      }),
    );
  });
});

describe('what cannot be read', () => {
  test('an old message format is refused by name', async () => {
    await expect(decode([run(0, 1, { magic: 1 })])).rejects.toMatchObject({ code: 'unsupported', retriable: false });
  });

  test('an unknown compression and broken compressed bytes are refused', async () => {
    const compress = (): Buffer => Buffer.from('not compressed');
    await expect(decode([run(0, 1, { compression: { type: 6, compress } })])).rejects.toMatchObject({
      code: 'unsupported',
    });
    await expect(decode([run(0, 1, { compression: { type: 1, compress } })])).rejects.toMatchObject({
      code: 'unsupported',
    });
  });

  test('a batch whose content is broken is refused, and never read past its end', async () => {
    const bytes = recordBatch(run(0, 1));
    for (let at = 61; at < bytes.length; at++) {
      const broken = Buffer.from(bytes);
      broken.fill(0xff, at);
      const outcome = await decodeBatches({ topic: 't', partition: 3, bytes: broken, from: 0, aborted: [] }).then(
        ({ records }) => records.length,
        (error: { code: unknown }) => error.code,
      );
      expect(['unsupported', 0, 1]).toContain(outcome);
    }
  });
});
