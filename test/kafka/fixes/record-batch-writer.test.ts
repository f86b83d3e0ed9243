import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/kafka/fixes/crc32c.ts';
import {
  BATCH_HEADER,
  measureRecords,
  writeBatchHeader,
  writeRecords,
} from '../../../src/kafka/fixes/record-batch-writer.ts';
import { unfixed } from '../../support/unfixed-client.ts';

interface Decoded {
  records: { key: Buffer | null; value: Buffer | null; timestamp: string; offset: string; headers: object }[];
  maxTimestamp: string;
  inTransaction: boolean;
}

describe('a written record batch', () => {
  it('is read back by the client’s own decoder, with timestamps before and after the first one', async () => {
    const messages = [
      { key: 'a', value: Buffer.from('1'), timestamp: '5000', headers: { h: ['x', 'y'] } },
      { key: null, value: 'zwölf', timestamp: '3000' },
      { value: null, timestamp: 9_000 },
    ];
    const measured = measureRecords(messages, 1);
    const bytes = Buffer.alloc(BATCH_HEADER + measured.size);
    expect(writeRecords(bytes, BATCH_HEADER, measured)).toBe(bytes.length);
    const producer = { id: 7n, epoch: 1, firstSequence: 2, transactional: true };
    writeBatchHeader(bytes, { at: 0, end: bytes.length }, measured, { ...producer, codec: 0 });

    const Decoder = unfixed<new (bytes: Buffer) => unknown>('protocol/decoder');
    const decode = unfixed<(decoder: unknown) => Promise<Decoded>>('protocol/recordBatch/v0/decoder');
    const { records, maxTimestamp, inTransaction } = await decode(new Decoder(bytes));
    expect(records.map(({ key, value, timestamp }) => [key?.toString(), value?.toString(), timestamp])).toEqual([
      ['a', '1', '5000'],
      [undefined, 'zwölf', '3000'],
      [undefined, undefined, '9000'],
    ]);
    expect(records[0]?.headers).toEqual({ h: [Buffer.from('x'), Buffer.from('y')] });
    expect([maxTimestamp, inTransaction]).toEqual(['9000', true]);
    expect(bytes.readUInt32BE(17)).toBe(crc32c(bytes, 21));
  });
});
