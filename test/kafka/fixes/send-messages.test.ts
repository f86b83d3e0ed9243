/**
 * Two brokers: the one answers late, the other refuses the first request, as a coordinator does for some milliseconds after a
 * commit. Around the client's own code, with everything below it played.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import '../../../src/kafka/fixes.ts';
import { internal } from '../../../src/kafka/fixes/internals.ts';
import { unfixed } from '../../support/unfixed-client.ts';

type Create = (parts: object) => (call: object) => Promise<unknown>;
type Attempt = (bail: (error: Error) => void, count: number, time: number) => Promise<unknown>;

class Refused extends Error {
  override name = 'KafkaJSProtocolError';
  readonly retriable: boolean;
  constructor(retriable: boolean) {
    super('refused');
    this.retriable = retriable;
  }
}

class World {
  readonly events: string[] = [];
  readonly #sequences = new Map<number, number>();
  readonly #waiting: (() => void)[] = [];
  #refusals = 1;

  constructor(retriable = true) {
    const sequence = (partition: number): number => this.#sequences.get(partition) ?? 0;
    const logger = { debug() {}, error() {} };
    const broker = (nodeId: number) => ({ nodeId, produce: () => this.#produce(nodeId) });
    const brokers = [broker(0), broker(1)];
    const cluster = {
      async addMultipleTargetTopics() {},
      async refreshMetadataIfNecessary() {},
      async refreshMetadata() {},
      isConnected: () => true,
      targetTopics: new Set(),
      findTopicPartitionMetadata: () => [{}, {}],
      findLeaderForPartitions: () => ({ 0: [0], 1: [1] }),
      findBroker: async ({ nodeId }: { nodeId: string }) => brokers[Number(nodeId)],
    };
    const eosManager = {
      isTransactional: () => true,
      getTransactionalId: () => 'join.0',
      getProducerId: () => 1,
      getProducerEpoch: () => 0,
      addPartitionsToTransaction: async ([{ partitions }]: [{ partitions: [{ partition: number }] }]) => {
        if (partitions[0].partition !== 1 || this.#refusals-- <= 0) return;
        this.events.push('1 refused');
        throw new Refused(retriable);
      },
      getSequence: (_topic: string, partition: number) => sequence(partition),
      updateSequence: (_topic: string, partition: number, by: number) => {
        this.#sequences.set(partition, sequence(partition) + by);
      },
      acquireBrokerLock: async () => {},
      releaseBrokerLock: () => {},
    };
    const partitioner = ({ message }: { message: { partition: number } }) => message.partition;
    this.parts = { logger, cluster, partitioner, eosManager, retrier: (attempt: Attempt) => this.#retry(attempt) };
  }

  readonly parts: object;

  async send(create: Create): Promise<unknown> {
    const topicMessages = [{ topic: 'outbound', messages: [{ partition: 0 }, { partition: 1 }] }];
    const sent = create(this.parts)({ acks: -1, timeout: 1, topicMessages });
    for (let turns = 0; turns < 20; turns++) await turn();
    this.events.push('0 answers');
    for (const answer of this.#waiting) answer();
    return sent;
  }

  async #produce(nodeId: number): Promise<object> {
    this.events.push(`${nodeId} written`);
    if (nodeId === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return { topics: [{ topicName: 'outbound', partitions: [{ partition: nodeId, errorCode: 0, baseOffset: '7' }] }] };
  }

  async #retry(attempt: Attempt): Promise<unknown> {
    for (let count = 0; ; count++) {
      let final: Error | null = null;
      try {
        const result = await attempt(
          (error) => {
            this.events.push('given up');
            final = error;
          },
          count,
          0,
        );
        if (final !== null) throw final;
        return result;
      } catch (error) {
        if (final !== null) throw error;
      }
    }
  }
}

describe('a send of which one part is refused while another is on its way', () => {
  it('unfixed, writes the other part twice', async () => {
    const world = new World();
    await world.send(unfixed<Create>('producer/sendMessages'));
    expect(world.events.filter((event) => event === '0 written')).toHaveLength(2);
  });

  it('fixed, waits for that part and writes it once', async () => {
    const world = new World();
    const answers = await world.send(internal('producer/sendMessages') as Create);
    expect(world.events).toEqual(['1 refused', '0 written', '0 answers', '1 written']);
    expect(answers).toHaveLength(2);
  });

  it('fixed, is given up only when that part has ended', async () => {
    const world = new World(false);
    await expect(world.send(internal('producer/sendMessages') as Create)).rejects.toThrow('refused');
    expect(world.events).toEqual(['1 refused', '0 written', '0 answers', 'given up']);
  });
});
