import { expect, test } from 'vitest';
import { RetryTimes, type Sleeper } from '../../src/delivery/retry-times.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const HOUR_MS = 3_600_000;

class Named implements Sleeper {
  heapDueAt: number | null = null;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

function world() {
  const clock = new VirtualClock();
  const woken: string[] = [];
  const times = new RetryTimes<Named>(clock, ({ name }) => void woken.push(name));
  const sleep = (sleeper: Named, ms: number): void => times.sleep(sleeper, clock.now() + ms);
  return { clock, woken, times, sleep };
}

test('who sleeps is woken when its time has come, the earliest first, with one timer for all', () => {
  const { clock, woken, times, sleep } = world();
  times.start();
  for (const [name, ms] of [
    ['c', 3000],
    ['a', 1000],
    ['far', 30 * HOUR_MS],
    ['b', 2000],
  ] as const) {
    sleep(new Named(name), ms);
  }
  expect(clock.waiting).toBe(1);
  clock.advance(2500);
  expect(woken).toEqual(['a', 'b']);
  clock.advance(30 * HOUR_MS);
  expect([woken, clock.waiting]).toEqual([['a', 'b', 'c', 'far'], 0]);
});

test('an earlier time replaces a later one, and a later one changes nothing', () => {
  const { clock, woken, times, sleep } = world();
  times.start();
  const sleeper = new Named('a');
  sleep(sleeper, 5000);
  sleep(sleeper, 9000);
  sleep(sleeper, 1000);
  clock.advance(1000);
  expect([woken, sleeper.heapDueAt]).toEqual([['a'], null]);
});

test('stopped, it wakes nobody and leaves no timer; started again, it wakes who became due meanwhile', () => {
  const { clock, woken, times, sleep } = world();
  sleep(new Named('a'), 1000);
  expect(clock.waiting).toBe(0);
  times.start();
  times.stop();
  clock.advance(2000);
  expect([woken, clock.waiting]).toEqual([[], 0]);
  times.start();
  clock.advance(0);
  expect(woken).toEqual(['a']);
});
