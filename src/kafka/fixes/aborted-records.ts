/**
 * Fix 2: hiding the records of aborted transactions. The broker lists aborted transactions in the order of their ends; the
 * client expects them in the order of their beginnings and takes one entry per record, so that records of transactions
 * that overlap in a partition show up as committed. Here all transactions that have begun at or before a record are known
 * when it is looked at, and only a real abort marker ends one: neither a data record with a key of four zero bytes nor the
 * synthetic record of fix 3 does.
 */
import type { DecodedRecord } from './holes.ts';

export interface AbortedTransaction {
  readonly producerId: string;
  /** Decimal text. */
  readonly firstOffset: string;
}

/** A control record's key: version and type, 16 bits each. */
const MARKER_TYPE_AT = 2;
const ABORT = 0;

/** Replacement of `consumer/filterAbortedMessages`: the records without those of aborted transactions, in order. */
export function withoutAborted<R extends DecodedRecord>(fetched: {
  readonly messages: readonly R[];
  readonly abortedTransactions?: readonly AbortedTransaction[] | null;
}): readonly R[] {
  const { messages, abortedTransactions } = fetched;
  if (!abortedTransactions?.length) return messages;
  const pending = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, from: Number(firstOffset) }))
    .sort((a, b) => a.from - b.from);
  const aborting = new Set<string>();
  let begun = 0;
  return messages.filter((message) => {
    const offset = Number(message.offset);
    for (let next = pending[begun]; next !== undefined && next.from <= offset; next = pending[++begun]) {
      aborting.add(next.producerId);
    }
    const { producerId, inTransaction } = message.batchContext;
    if (isAbortMarker(message)) aborting.delete(producerId);
    return message.isControlRecord || !inTransaction || !aborting.has(producerId);
  });
}

function isAbortMarker({ isControlRecord, key, batchContext }: DecodedRecord): boolean {
  return (
    isControlRecord &&
    batchContext.isControlBatch &&
    key !== null &&
    key.length >= MARKER_TYPE_AT + 2 &&
    key.readInt16BE(MARKER_TYPE_AT) === ABORT
  );
}
