import { describe, expect, it } from 'vitest';
import '../../../src/kafka/fixes.ts';
import type { DecodeBatch, DecodedRecord } from '../../../src/kafka/fixes/holes.ts';
import { internal } from '../../../src/kafka/fixes/internals.ts';
import { type StoredBatch, storedBatch } from '../../support/stored-batches.ts';
import { unfixed } from '../../support/unfixed-client.ts';

const DECODER = 'protocol/recordBatch/v0/decoder';
const fixed = internal(DECODER) as DecodeBatch;
type Reader = new (bytes: Buffer) => unknown;
type BatchView = new (
  topic: string,
  from: string,
  data: object,
) => { messages: DecodedRecord[]; lastOffset(): string; isEmptyControlRecord(): boolean };

async function decoded(decode: DecodeBatch, batch: StoredBatch): Promise<DecodedRecord[]> {
  const Decoder = internal('protocol/decoder') as Reader;
  return (await decode(new Decoder(storedBatch(batch)))).records;
}

function view(Batch: BatchView, from: number, messages: DecodedRecord[]): InstanceType<BatchView> {
  return new Batch('t', String(from), { partition: 0, highWatermark: '200', abortedTransactions: [], messages });
}

const EMPTY: StoredBatch = { baseOffset: 55, values: [], span: 15 };
const TAIL_GONE: StoredBatch = { baseOffset: 70, values: ['a', 'b'], span: 30 };

describe('reading over the holes that compaction leaves', () => {
  it('unfixed, an emptied batch holds nothing, so that the position stays where it is', async () => {
    const messages = await decoded(unfixed<DecodeBatch>(DECODER), EMPTY);
    expect(messages).toEqual([]);
  });

  it('fixed, an emptied batch leads behind its last offset and shows no record', async () => {
    const batch = view(internal('consumer/batch') as BatchView, 55, await decoded(fixed, EMPTY));
    expect(batch.messages).toEqual([]);
    expect(batch.isEmptyControlRecord()).toBe(true);
    expect(batch.lastOffset()).toBe('69');
  });

  it('unfixed, a position inside a hole moves by one offset only', async () => {
    const messages = await decoded(unfixed<DecodeBatch>(DECODER), TAIL_GONE);
    expect(view(unfixed<BatchView>('consumer/batch'), 75, messages).lastOffset()).toBe('75');
  });

  it('fixed, a position inside a hole moves to the end of the batch', async () => {
    const batch = view(internal('consumer/batch') as BatchView, 75, await decoded(fixed, TAIL_GONE));
    expect(batch.messages).toEqual([]);
    expect(batch.lastOffset()).toBe('99');
  });

  it('a batch without holes is left as it is', async () => {
    const messages = await decoded(fixed, { baseOffset: 3, values: ['a', 'b'], span: 2 });
    expect(messages.map(({ offset, isControlRecord }) => [offset, isControlRecord])).toEqual([
      ['3', false],
      ['4', false],
    ]);
  });
});
