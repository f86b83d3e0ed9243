import { expect, test } from 'vitest';
import { LagGauges } from '../../src/kafka/lag-gauges.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function gaugesOf(newest?: number) {
  const meter = new CountingMeter();
  const clock = new VirtualClock(100_000);
  const gauges = new LagGauges({ meter, clock }, { stage: 'join', partition: 1 }, newest);
  const shown = (): unknown[] => ['lag_records', 'lag_seconds'].map((name) => meter.counts.get(`${name} join 1`));
  return { gauges, clock, shown };
}

test('without lag there is no age, however old the last record is', () => {
  const { gauges, shown } = gaugesOf(90_000);
  gauges.show(0, null);
  expect(shown()).toEqual([0, 0]);
});

test('the age is that of the oldest record that is not processed', () => {
  const { gauges, shown } = gaugesOf(99_000);
  gauges.show(4, 60_000);
  expect(shown()).toEqual([4, 40]);
});

test('what is not read yet is shown as old as the newest record read, by this owner or the one before', () => {
  const { gauges, shown } = gaugesOf(70_000);
  gauges.show(2, null);
  expect(shown()).toEqual([2, 30]);
  gauges.read(90_000);
  gauges.read(80_000);
  gauges.show(2, null);
  expect(shown()).toEqual([2, 10]);
});

test('where nothing was ever read, and for a record from the future, the age is 0', () => {
  const { gauges, shown } = gaugesOf();
  gauges.show(9, null);
  expect(shown()).toEqual([9, 0]);
  gauges.show(9, 100_001);
  expect(shown()).toEqual([9, 0]);
});
