/** Record batches as a broker stores them, with compaction's holes and transaction markers, for tests of the fixed client. */
import {
  BATCH_HEADER,
  measureRecords,
  writeBatchHeader,
  writeRecords,
} from '../../src/kafka/fixes/record-batch-writer.ts';

export interface StoredBatch {
  readonly baseOffset: number;
  /** Values of the surviving records, which lie at the beginning of the batch's range. */
  readonly values: readonly string[];
  /** Offsets that the batch spans; more than `values` when compaction took its last records. */
  readonly span: number;
  readonly producerId?: number;
  readonly marker?: 'commit' | 'abort';
}

const CONTROL = 0x20;

/** The batch's bytes. The sum does not cover the changes: the client does not verify it. */
export function storedBatch(batch: StoredBatch): Buffer {
  const marker = batch.marker === undefined ? null : Buffer.from([0, 0, 0, batch.marker === 'commit' ? 1 : 0]);
  const messages =
    marker === null ? batch.values.map((value) => ({ key: 'k', value })) : [{ key: marker, value: Buffer.alloc(6) }];
  const measured = measureRecords(messages, 1_700_000_000_000);
  const bytes = Buffer.alloc(BATCH_HEADER + measured.size);
  const end = writeRecords(bytes, BATCH_HEADER, measured);
  writeBatchHeader(bytes, { at: 0, end }, measured, {
    id: BigInt(batch.producerId ?? -1),
    epoch: 0,
    firstSequence: 0,
    transactional: batch.producerId !== undefined,
    codec: 0,
  });
  bytes.writeBigInt64BE(BigInt(batch.baseOffset), 0);
  bytes.writeInt32BE(batch.span - 1, 23);
  if (marker !== null) bytes.writeInt16BE(bytes.readInt16BE(21) | CONTROL, 21);
  return bytes;
}
