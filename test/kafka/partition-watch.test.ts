/** The watch over the numbers of partitions, with answers that are played. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { watchPartitions } from '../../src/kafka/partition-watch.ts';
import { silentLog } from '../../src/lib/log.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const COUNTS = new Map([
  ['leads', 4],
  ['appointments', 2],
]);

function watch(answers: (Record<string, number | null> | Error)[]) {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const asked: string[][] = [];
  const countsOf = async (topics: readonly string[]) => {
    asked.push([...topics]);
    const answer = answers.shift() ?? { leads: 4, appointments: 2 };
    if (answer instanceof Error) throw answer;
    return new Map(Object.entries(answer));
  };
  const ended = watchPartitions({ countsOf, clock, log: silentLog }, COUNTS, stop.signal).then(
    () => 'stopped',
    (error: unknown) => String(error),
  );
  const minutes = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 1) {
      clock.advance(60_000);
      await turn();
    }
  };
  return { ended, stop, asked, minutes };
}

test('a source that has got more partitions ends the process within a minute, by the name of the topic', async () => {
  const { ended, minutes, asked } = watch([
    { leads: 4, appointments: 2 },
    { leads: 6, appointments: 2 },
  ]);
  await minutes(2);
  expect(await ended).toContain('source leads had 4 partitions at the start and has 6');
  expect(asked).toEqual([
    ['leads', 'appointments'],
    ['leads', 'appointments'],
  ]);
});

test('a broker that does not answer and a topic that is away are no change', async () => {
  const { ended, stop, minutes, asked } = watch([new Error('away'), { leads: null, appointments: 2 }, {}]);
  await minutes(4);
  expect(asked).toHaveLength(4);
  stop.abort();
  expect(await ended).toBe('stopped');
});
