/** What becomes of a transaction that a broker has left open; how Kafka comes to do so is shown by the chaos runs. */
import { expect, test } from 'vitest';
import { endLeftOpen } from '../../src/kafka/left-open.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { silentLog } from '../../src/lib/log.ts';

const WRITTEN = {
  changelog: { topic: 'join-state', partition: 3 },
  outputs: [
    { topic: 'outbound', partitions: 2 },
    { topic: 'dead-letters', partitions: 1 },
  ],
};

class World {
  readonly sent: OutgoingRecord[] = [];
  aborted = 0;
  onSend: () => void = () => undefined;

  end(lastStable: number, highWatermark: number): Promise<void> {
    const producer = {
      send: async (records: readonly OutgoingRecord[]) => {
        this.onSend();
        this.sent.push(...records);
        return { offset: () => 0 };
      },
      abort: async () => {
        this.aborted++;
      },
    };
    const ends = { ends: async () => ({ lastStable, highWatermark }) };
    return endLeftOpen(producer, { ends, log: silentLog }, WRITTEN);
  }
}

test('a changelog that is stable to its end is left alone', async () => {
  const world = new World();
  await world.end(93, 93);
  expect(world.sent).toEqual([]);
  expect(world.aborted).toBe(0);
});

test('an open end is ended by an aborted transaction in every partition that the task may have written to, and the life with it', async () => {
  const world = new World();
  await expect(world.end(93, 115)).rejects.toMatchObject({ code: 'left-open', retriable: true });
  expect(world.sent.map(({ topic, partition }) => `${topic}/${partition}`)).toEqual([
    'join-state/3',
    'outbound/0',
    'outbound/1',
    'dead-letters/0',
  ]);
  expect(world.sent.every(({ value }) => value === null)).toBe(true);
  expect(world.aborted).toBe(1);
});

test('when that cannot be written, its failure ends the life, and nothing is committed', async () => {
  const world = new World();
  world.onSend = () => {
    throw new Error('no broker');
  };
  await expect(world.end(93, 115)).rejects.toThrow('no broker');
  expect(world.aborted).toBe(1);
});
