/** What an operator sees of a long load, and that a short one is silent. */
import { expect, test } from 'vitest';
import { loadProgress } from '../../src/kafka/load-progress.ts';
import type { LogFields } from '../../src/lib/log.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('a long load says every ten seconds how much is left and how fast it goes; the gauge follows every part', () => {
  const clock = new VirtualClock();
  const said: LogFields[] = [];
  const gauges: number[] = [];
  const logger = { ...silentLog, info: (fields: LogFields) => void said.push(fields) };
  const meter = { ...silentMeter, gauge: (_name: string, _labels: object, value: number) => void gauges.push(value) };
  const left = loadProgress({ clock, logger, meter }, { stage: 'join', partition: 3 });
  left(100_000);
  for (let part = 1; part <= 5; part++) {
    clock.advance(5_000);
    left(100_000 - part * 10_000);
  }
  expect(said).toEqual([
    { event: 'loading', stage: 'join', partition: 3, left: 80_000, perSecond: 2_000 },
    { event: 'loading', stage: 'join', partition: 3, left: 60_000, perSecond: 2_000 },
  ]);
  expect(gauges).toEqual([100_000, 90_000, 80_000, 70_000, 60_000, 50_000]);
});
