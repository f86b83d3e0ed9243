/**
 * A Kafka cluster of two brokers below the client's real producer: partition 0 is led by broker 1, partition 1 by broker 2,
 * until a test says otherwise. It appends what is produced and fails where it is told to, so that the producer's behaviour in
 * the rare cases can be tested without them happening.
 */
import type { Kafka, ProducerConfig } from 'kafkajs';
import '../../src/kafka/fixes.ts';
import { internal } from '../../src/kafka/fixes/internals.ts';

interface ProduceCall {
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly messages: readonly unknown[];
      firstSequence: number;
    }[];
  }[];
}

type Failing = 'connect' | 'initProducerId' | 'addPartitionsToTxn' | 'produce' | 'endTxn';

const { createErrorFromCode } = internal('protocol/error') as { createErrorFromCode(code: number): Error };
const { KafkaJSConnectionError } = internal('errors') as { KafkaJSConnectionError: new (message: string) => Error };
const createProducer = internal('producer') as (options: object) => ReturnType<Kafka['producer']>;

/** Kafka's error of this code, as the client makes it from an answer. */
export const protocolError = createErrorFromCode;

/** The client's error for a connection that is gone. */
export function connectionLost(): Error {
  return new KafkaJSConnectionError('gone');
}

export class ScriptedBrokers {
  /** Requests that reached a broker, in order: `init`, `add t/0,t/1`, `produce@1 t/0:3+0` (3 messages from sequence 0), `commit`, `abort`. */
  readonly requests: string[] = [];
  readonly leaders = new Map([
    [0, 1],
    [1, 2],
  ]);
  /** Called for each request before it takes effect; what it throws is the answer. */
  before: (request: Failing, nodeId: number) => void | Promise<void> = () => {};
  /** Ends the client's disconnection; a test may keep it from ending. */
  disconnecting: () => Promise<void> = async () => {};
  readonly #lengths = new Map<string, number>();
  readonly #brokers = new Map([1, 2].map((nodeId) => [nodeId, this.#broker(nodeId)]));

  /** A client whose producers talk to these brokers. */
  kafka(): Kafka {
    const silent = { debug() {}, info() {}, warn() {}, error() {} };
    const logger = { ...silent, namespace: () => silent };
    const producer = (config: ProducerConfig = {}): unknown =>
      createProducer({ ...config, cluster: this.#cluster(), logger });
    return { producer } as Kafka;
  }

  #cluster(): object {
    const coordinator = this.#brokers.get(1);
    return {
      retry: { retries: 0 },
      connect: () => this.before('connect', 0),
      disconnect: () => this.disconnecting(),
      isConnected: () => true,
      removeBroker() {},
      refreshMetadata: async () => {},
      refreshMetadataIfNecessary: async () => {},
      addMultipleTargetTopics: async () => {},
      findTopicPartitionMetadata: () => [...this.leaders.keys()],
      findLeaderForPartitions: (_topic: string, partitions: string[]) =>
        Object.groupBy(
          partitions.map(Number).filter((partition) => this.leaders.has(partition)),
          (partition) => this.leaders.get(partition) as number,
        ),
      findBroker: async ({ nodeId }: { nodeId: string }) => this.#brokers.get(Number(nodeId)),
      findGroupCoordinator: async () => coordinator,
    };
  }

  #broker(nodeId: number): object {
    return {
      nodeId,
      initProducerId: async () => {
        this.requests.push('init');
        await this.before('initProducerId', nodeId);
        return { producerId: '7', producerEpoch: 0 };
      },
      addPartitionsToTxn: async ({ topics }: { topics: { topic: string; partitions: number[] }[] }) => {
        this.requests.push(`add ${topics.flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}/${p}`))}`);
        await this.before('addPartitionsToTxn', nodeId);
      },
      produce: async (call: ProduceCall) => {
        this.requests.push(`produce@${nodeId} ${described(call)}`);
        await this.before('produce', nodeId);
        const topics = call.topicData.map(({ topic, partitions }) => ({
          topicName: topic,
          partitions: partitions.map(({ partition, messages }) => this.#append(topic, partition, messages.length)),
        }));
        return { topics };
      },
      endTxn: async ({ transactionResult }: { transactionResult: boolean }) => {
        this.requests.push(transactionResult ? 'commit' : 'abort');
        await this.before('endTxn', nodeId);
      },
    };
  }

  #append(topic: string, partition: number, count: number): object {
    const key = `${topic}/${partition}`;
    const baseOffset = this.#lengths.get(key) ?? 0;
    this.#lengths.set(key, baseOffset + count);
    return { partition, errorCode: 0, baseOffset: String(baseOffset) };
  }
}

function described({ topicData }: ProduceCall): string {
  return topicData
    .flatMap(({ topic, partitions }) =>
      partitions.map(
        ({ partition, messages, firstSequence }) => `${topic}/${partition}:${messages.length}+${firstSequence}`,
      ),
    )
    .join(' ');
}
