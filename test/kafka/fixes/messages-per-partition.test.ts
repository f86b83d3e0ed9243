import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupPerPartition } from '../../../src/kafka/fixes/messages-per-partition.ts';
import { unfixed } from '../../support/unfixed-client.ts';

type Group = typeof groupPerPartition<{ partition: number; n: number }>;
const original = unfixed<Group>('producer/groupMessagesPerPartition');
const partitioner = ({ message }: { message: { partition: number } }): number => message.partition;

describe('grouping messages by partition', () => {
  it('gives what the client gives, for any messages', () => {
    const messages = fc.array(fc.record({ partition: fc.nat(5), n: fc.integer() }), { maxLength: 40 });
    fc.assert(
      fc.property(messages, (list) => {
        const call = { topic: 't', partitionMetadata: [{}], messages: list, partitioner };
        expect(groupPerPartition(call)).toEqual(original(call));
      }),
    );
  });

  it('gives nothing without metadata, as the client does', () => {
    const call = { topic: 't', partitionMetadata: [], messages: [{ partition: 0, n: 1 }], partitioner };
    expect(groupPerPartition(call)).toEqual({});
    expect(original(call)).toEqual({});
  });

  it('takes time in proportion to the messages, where the client copies the list for every one of them', () => {
    const messages = Array.from({ length: 20_000 }, (_, n) => ({ partition: 0, n }));
    const timed = (group: Group): number => {
      const start = performance.now();
      group({ topic: 't', partitionMetadata: [{}], messages, partitioner });
      return performance.now() - start;
    };
    expect(timed(original)).toBeGreaterThan(5 * timed(groupPerPartition));
  });
});
