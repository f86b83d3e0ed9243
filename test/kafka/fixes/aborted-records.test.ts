import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import '../../../src/kafka/fixes.ts';
import type { AbortedTransaction, withoutAborted } from '../../../src/kafka/fixes/aborted-records.ts';
import type { DecodeBatch, DecodedRecord } from '../../../src/kafka/fixes/holes.ts';
import { internal } from '../../../src/kafka/fixes/internals.ts';
import { type StoredBatch, storedBatch } from '../../support/stored-batches.ts';
import { unfixed } from '../../support/unfixed-client.ts';

type Filter = typeof withoutAborted<DecodedRecord>;
const PATH = 'consumer/filterAbortedMessages';
const fixed = internal(PATH) as Filter;
const unfixedFilter = unfixed<Filter>(PATH);

/** Decodes stored batches with the fixed decoder, so that holes carry their synthetic control records. */
async function fetched(batches: readonly StoredBatch[]): Promise<DecodedRecord[]> {
  const Decoder = internal('protocol/decoder') as new (bytes: Buffer) => unknown;
  const decode = internal('protocol/recordBatch/v0/decoder') as DecodeBatch;
  const messages: DecodedRecord[] = [];
  for (const batch of batches) messages.push(...(await decode(new Decoder(storedBatch(batch)))).records);
  return messages;
}

function shown(
  filter: Filter,
  messages: readonly DecodedRecord[],
  abortedTransactions: AbortedTransaction[],
): number[] {
  const visible = filter({ messages, abortedTransactions }).filter(({ isControlRecord }) => !isControlRecord);
  return visible.map(({ offset }) => Number(offset));
}

function batch(producerId: number, baseOffset: number, count: number): StoredBatch {
  return { producerId, baseOffset, values: Array.from({ length: count }, () => 'v'), span: count };
}

describe('hiding the records of aborted transactions', () => {
  /** Producer 1 writes 10 … 49 and 61 … 69 and aborts at 70; producer 2 writes 50 … 59 and aborts at 60. */
  const overlapping = [
    batch(1, 10, 40),
    batch(2, 50, 10),
    { ...batch(2, 60, 1), marker: 'abort' as const },
    batch(1, 61, 9),
    { ...batch(1, 70, 1), marker: 'abort' as const },
  ];
  const byTheirEnds = [
    { producerId: '2', firstOffset: '50' },
    { producerId: '1', firstOffset: '10' },
  ];

  it('unfixed, 40 records of overlapping aborted transactions are shown as committed', async () => {
    expect(shown(unfixedFilter, await fetched(overlapping), [...byTheirEnds])).toHaveLength(40);
  });

  it('fixed, none of them is shown', async () => {
    expect(shown(fixed, await fetched(overlapping), [...byTheirEnds])).toEqual([]);
  });

  it('unfixed, a record whose key is four zero bytes ends its aborted transaction', async () => {
    const messages = await fetched([batch(1, 0, 3), { ...batch(1, 3, 1), marker: 'abort' }]);
    const disguised = messages.map((m, i) => (i === 0 ? { ...m, key: Buffer.alloc(4) } : m));
    const aborted = [{ producerId: '1', firstOffset: '0' }];
    expect(shown(unfixedFilter, disguised, aborted)).toEqual([0, 1, 2]);
    expect(shown(fixed, disguised, aborted)).toEqual([]);
  });

  it('the synthetic record of a hole does not end the aborted transaction that it stands in', async () => {
    const messages = await fetched([
      { ...batch(1, 0, 2), span: 5 },
      { ...batch(1, 5, 0), span: 5 },
      batch(1, 10, 2),
      { ...batch(1, 12, 1), marker: 'abort' },
      batch(1, 13, 2),
      { ...batch(1, 15, 1), marker: 'commit' },
    ]);
    expect(messages.filter(({ isControlRecord }) => isControlRecord)).toHaveLength(4);
    expect(shown(fixed, messages, [{ producerId: '1', firstOffset: '0' }])).toEqual([13, 14]);
  });

  it('an emptied marker batch ends nothing', async () => {
    const messages = await fetched([batch(1, 0, 1), batch(1, 2, 1)]);
    const emptied = { ...(messages[0] as DecodedRecord), offset: '1', key: null, isControlRecord: true };
    const marker = { ...emptied, batchContext: { ...emptied.batchContext, isControlBatch: true } };
    const aborted = [{ producerId: '1', firstOffset: '0' }];
    expect(shown(fixed, [messages[0], marker, messages[1]] as DecodedRecord[], aborted)).toEqual([]);
  });

  it('records without a transaction are shown, and nothing is filtered when nothing was aborted', async () => {
    const plain = await fetched([{ baseOffset: 0, values: ['a'], span: 1 }, batch(1, 1, 1)]);
    expect(shown(fixed, plain, [{ producerId: '-1', firstOffset: '0' }])).toEqual([0, 1]);
    expect(fixed({ messages: plain, abortedTransactions: null })).toBe(plain);
  });

  it('for any interleaving and any place to start, exactly the committed records are shown', async () => {
    const step = fc.record({ producer: fc.nat(3), act: fc.constantFrom('write', 'write', 'commit', 'abort') });
    const history = fc.array(step, { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.property(history, fc.nat(70), (steps, from) => {
        const { messages, aborted, committed } = play(steps);
        const rest = messages.filter(({ offset }) => Number(offset) >= from);
        const listed = aborted.filter(({ marker }) => marker >= from).map(({ entry }) => entry);
        expect(shown(fixed, rest, listed)).toEqual(committed.filter((offset) => offset >= from));
      }),
      { numRuns: 300 },
    );
  });
});

interface Step {
  readonly producer: number;
  readonly act: string;
}

/** The log that the steps leave, with the broker's list of aborted transactions in the order of their markers. */
function play(steps: readonly Step[]) {
  const messages: DecodedRecord[] = [];
  const aborted: { entry: AbortedTransaction; marker: number }[] = [];
  const committed: number[] = [];
  const open = new Map<number, number[]>();
  const append = (producer: number, key: Buffer | null, isControl: boolean): number => {
    const batchContext = { producerId: String(producer), inTransaction: true, isControlBatch: isControl };
    messages.push({ offset: String(messages.length), key, isControlRecord: isControl, batchContext });
    return messages.length - 1;
  };
  const closing = [...new Set(steps.map(({ producer }) => producer))].map((producer) => ({ producer, act: 'abort' }));
  for (const { producer, act } of [...steps, ...closing]) {
    const written = open.get(producer) ?? [];
    if (act === 'write') open.set(producer, [...written, append(producer, null, false)]);
    else if (written[0] !== undefined) {
      const marker = append(producer, Buffer.from([0, 0, 0, act === 'commit' ? 1 : 0]), true);
      if (act === 'commit') committed.push(...written);
      else aborted.push({ entry: { producerId: String(producer), firstOffset: String(written[0]) }, marker });
      open.delete(producer);
    }
  }
  return { messages, aborted, committed: committed.sort((a, b) => a - b) };
}
