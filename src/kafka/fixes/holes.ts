/**
 * Fix 3: reading over holes. Compaction takes records out of a batch, up to all of them, but leaves the batch's range of
 * offsets. The client takes the last record it sees for the end, and so asks for each missing offset one by one, or for the
 * same empty batch for ever. The decoder gets a synthetic control record at the batch's last offset, which the client
 * steps over without showing it to anybody.
 */

/** As the client's decoder returns it; offsets are decimal text. */
export interface DecodedBatch {
  readonly firstOffset: string;
  readonly lastOffsetDelta: number;
  readonly maxTimestamp: string;
  readonly records: DecodedRecord[];
}

export interface DecodedRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly isControlRecord: boolean;
  readonly batchContext: {
    readonly producerId: string;
    readonly inTransaction: boolean;
    readonly isControlBatch: boolean;
  };
}

export type DecodeBatch = (fetchDecoder: unknown) => Promise<DecodedBatch>;

/** Wraps the client's batch decoder so that every batch it returns ends at its last offset. */
export function reachingTheEnd(decode: DecodeBatch): DecodeBatch {
  return async (fetchDecoder) => {
    const batch = await decode(fetchDecoder);
    const { records, ...batchContext } = batch;
    const last = (BigInt(batch.firstOffset) + BigInt(batch.lastOffsetDelta)).toString();
    if (records.at(-1)?.offset !== last) {
      const synthetic = {
        magicByte: 2,
        attributes: 0,
        timestamp: batch.maxTimestamp,
        offset: last,
        key: null,
        value: null,
        headers: {},
        isControlRecord: true,
        batchContext,
      };
      records.push(synthetic as unknown as DecodedRecord);
    }
    return batch;
  };
}
