/**
 * Deliberately wrong variants of what the product stands on, one for each guard that has its place at a seam. The guards test
 * runs seeds with one of them until the checkers complain; who can break the product without a complaint has found a hole in
 * the simulation.
 */
import { POSITION_KEY } from '../../src/core/keys.ts';
import type { BatchWork, InputFetcher } from '../../src/kafka/batch-loop.ts';
import type { Kafka } from '../../src/kafka/client.ts';
import type { PartitionLog } from '../../src/kafka/partition-log.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import type { StageMembership } from '../../src/kafka/stage.ts';
import type { Variant } from './deployment.ts';

/** Fences when it first writes, after everything was loaded. */
export const FENCE_AFTER_LOAD: Variant = {
  producer(make) {
    const producer = make();
    let fencing: Promise<void> | null = null;
    return {
      fence: async () => {},
      async send(records) {
        fencing ??= producer.fence(new AbortController().signal);
        await fencing;
        return producer.send(records);
      },
      commit: () => producer.commit(),
      abort: () => producer.abort(),
      close: () => producer.close(),
    };
  },
};

/** Writes the position beside the transaction instead of in it. */
export const POSITION_BESIDE_TRANSACTION: Variant = {
  producer(make, append) {
    const producer = make();
    const isPosition = ({ key }: OutgoingRecord): boolean => key === POSITION_KEY;
    return {
      fence: (signal) => producer.fence(signal),
      send(records) {
        for (const record of records.filter(isPosition)) append(record);
        return producer.send(records.filter((record) => !isPosition(record)));
      },
      commit: () => producer.commit(),
      abort: () => producer.abort(),
      close: () => producer.close(),
    };
  },
};

/** Takes a send for complete though a partition is missing in the answer. */
export const ANSWERS_NOT_COMPARED: Variant = {
  client: (client) =>
    withTransactions(client, (transaction) => ({
      ...transaction,
      async sendBatch(batch) {
        const answers = await transaction.sendBatch(batch);
        const answered = new Set(answers.map(({ topicName, partition }) => `${topicName}/${partition}`));
        for (const { topic, messages } of batch.topicMessages ?? []) {
          for (const { partition = 0 } of messages) {
            if (answered.has(`${topic}/${partition}`)) continue;
            answered.add(`${topic}/${partition}`);
            answers.push({ topicName: topic, partition, errorCode: 0, baseOffset: '0' });
          }
        }
        return answers;
      },
    })),
  conditions: (conditions) => ({ ...conditions, client: { incompleteSend: 0.05, partialSend: 0 } }),
};

/** Ends a transaction whose send was incomplete by a commit. */
export const COMMIT_ON_MISMATCH: Variant = {
  client: (client) =>
    withTransactions(client, (transaction) => ({ ...transaction, abort: () => transaction.commit() })),
  conditions: (conditions) => ({ ...conditions, client: { incompleteSend: 0.05, partialSend: 0 } }),
};

/** Reads on where the last life's subscription stood, instead of at this life's position. */
export const SUBSCRIPTION_OF_ANOTHER_LIFE: Variant = {
  fetcher(fetcher: InputFetcher): InputFetcher {
    const reached = new Map<string, number>();
    return {
      subscribe({ topic, partition, offset }, subscriber) {
        const name = `${topic}/${partition}`;
        const from = Math.max(offset, reached.get(name) ?? 0);
        return fetcher.subscribe(
          { topic, partition, offset: from },
          {
            ...subscriber,
            deliver(chunk) {
              reached.set(name, chunk.next);
              subscriber.deliver(chunk);
            },
          },
        );
      },
    };
  },
};

/** Hears its first assignment only. */
export const LATER_ASSIGNMENTS_IGNORED: Variant = {
  membership: (membership) =>
    withAssignments(membership, (onAssigned) => {
      let isFirst = true;
      return (indexes) => {
        if (isFirst) onAssigned(indexes);
        isFirst = false;
      };
    }),
};

/** Never stops a task that it lost. The fence still keeps two owners apart, but they hinder each other. */
export const LOST_TASKS_GO_ON: Variant = {
  membership: (membership) =>
    withAssignments(membership, (onAssigned) => {
      const ever = new Set<number>();
      return (indexes) => {
        for (const index of indexes) ever.add(index);
        onAssigned([...ever]);
      };
    }),
};

/** Takes a load for good however long it took. */
export const LONG_LOADS_TRUSTED: Variant = {
  believedCompactionLagMs: Number.POSITIVE_INFINITY,
  conditions: (conditions) => ({
    ...conditions,
    processes: ['rekey', 'join'],
    partitions: 1,
    source: {
      ...conditions.source,
      partitions: { lead: 1, appointment: 1, test_drive: 1 },
      transactions: 250,
      everyMs: 100,
      weights: { ...conditions.source.weights, toast: 0, move: 4 },
    },
    network: { ...conditions.network, wayMs: 1 },
    markerMs: 2,
    task: { ...conditions.task, batchRecordsMax: 1_000, announceClustersMax: 3 },
    reader: { recordsMax: 3, slowRead: 0.4, slowMs: 600 },
    cleaner: { everyMs: 100, minCompactionLagMs: 1_000, deleteRetentionMs: 5_000 },
    freezeMs: 500,
    troubleMs: 6_000,
  }),
};

/** Decides record by record within the transaction, and reads rows back there, read committed. */
export const READ_BACK_IN_TRANSACTION: Variant = {
  log: (log, stage) =>
    stage === 'join'
      ? log
      : ({
          ends: (...at) => log.ends(...at),
          read: (at, on) => log.read({ ...at, committed: true }, on),
        } satisfies PartitionLog),
  work: (work, stage) => (stage === 'join' ? work : oneByOne(work)),
  conditions: (conditions) => ({
    ...conditions,
    source: { ...conditions.source, everyMs: 20, weights: { ...conditions.source.weights, toast: 4 } },
    task: { ...conditions.task, rowCacheBytes: 0, batchRecordsMax: 1_000, commitIntervalMs: 200 },
  }),
};

function oneByOne(work: BatchWork): BatchWork {
  return {
    load: (signal) => work.load(signal),
    owing: () => work.owing(),
    async step({ records, next }, producer, signal) {
      for (const record of records.slice(0, -1)) {
        await work.step({ records: [record], next: new Map([[record.topic, record.offset + 1]]) }, producer, signal);
      }
      await work.step({ records: records.slice(-1), next }, producer, signal);
    },
  };
}

type Transaction = Awaited<ReturnType<ReturnType<Kafka['producer']>['transaction']>>;

function withTransactions(client: Kafka, wrap: (transaction: Transaction) => Transaction): Kafka {
  const producer = (config: Parameters<Kafka['producer']>[0]): unknown => {
    const made = client.producer(config);
    return {
      connect: () => made.connect(),
      disconnect: () => made.disconnect(),
      transaction: async () => wrap(plain(await made.transaction())),
    };
  };
  return { producer } as unknown as Kafka;
}

/** The methods as an object of its own, so that some can be replaced. */
function plain(transaction: Transaction): Transaction {
  return {
    send: (record) => transaction.send(record),
    sendBatch: (batch) => transaction.sendBatch(batch),
    sendOffsets: (offsets) => transaction.sendOffsets(offsets),
    commit: () => transaction.commit(),
    abort: () => transaction.abort(),
    isActive: () => transaction.isActive(),
  };
}

function withAssignments(
  membership: StageMembership,
  wrap: (onAssigned: (indexes: readonly number[]) => void) => (indexes: readonly number[]) => void,
): StageMembership {
  return {
    run: (listener) =>
      membership.run({
        onAssigned: wrap((indexes) => listener.onAssigned(indexes)),
        onHeartbeat: (sentAt) => listener.onHeartbeat(sentAt),
        onFailed: (error) => listener.onFailed(error),
      }),
    stop: (deadlineMs) => membership.stop(deadlineMs),
    commitOffsets: (positions) => membership.commitOffsets(positions),
  };
}
