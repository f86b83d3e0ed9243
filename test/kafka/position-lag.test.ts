import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LagGauges } from '../../src/kafka/lag-gauges.ts';
import { PositionLag } from '../../src/kafka/position-lag.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const NOW_S = 100_000;

function lagOf(position: number) {
  const meter = new CountingMeter();
  const gauges = new LagGauges({ meter, clock: new VirtualClock(NOW_S * 1000) }, { stage: 'deliver', partition: 0 });
  const lag = new PositionLag(gauges, position);
  return { lag, shown: () => ['lag_records', 'lag_seconds'].map((name) => meter.counts.get(`${name} deliver 0`)) };
}

/** Each record is as old, in seconds, as its offset is below `NOW_S`. */
function chunk(offsets: readonly number[], next: number, end: number) {
  const records = offsets.map((offset) => {
    return { topic: 'outbound', partition: 0, offset, timestamp: offset * 1000, key: null, value: null, headers: {} };
  });
  return { records, next, lastStableOffset: end, highWatermark: end };
}

test('nothing is shown before a broker has said where the input ends', () => {
  const { lag, shown } = lagOf(3);
  lag.show();
  lag.committed(4);
  expect(shown()).toEqual([undefined, undefined]);
});

test('what was read counts until the position has passed it, and the oldest of it is the age', () => {
  const { lag, shown } = lagOf(10);
  lag.fetched(chunk([10, 12, 15], 17, 40));
  expect(shown()).toEqual([30, NOW_S - 10]);
  lag.committed(11);
  expect(shown()).toEqual([29, NOW_S - 12]);
  lag.committed(16);
  expect(shown()).toEqual([24, NOW_S - 15]);
  lag.fetched(chunk([], 40, 40));
  lag.committed(40);
  expect(shown()).toEqual([0, 0]);
});

test('for any course of reading and committing the age is that of the first record at or behind the position', () => {
  const steps = fc.array(
    fc.record({ read: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 6 }), commit: fc.nat(8) }),
  );
  fc.assert(
    fc.property(steps, (course) => {
      const { lag, shown } = lagOf(0);
      const read: number[] = [];
      let [next, position] = [0, 0];
      for (const step of course) {
        const offsets = step.read.map((gap) => {
          next += gap;
          return next - 1;
        });
        read.push(...offsets);
        lag.fetched(chunk(offsets, next, next));
        position = Math.min(next, position + step.commit);
        lag.committed(position);
        const oldest = read.find((offset) => offset >= position) ?? read.at(-1);
        const age = position === next || oldest === undefined ? 0 : NOW_S - oldest;
        expect(shown()).toEqual([next - position, oldest === 0 ? 0 : age]);
      }
    }),
  );
});
