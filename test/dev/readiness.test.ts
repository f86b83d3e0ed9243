import { expect, it } from 'vitest';
import { type ReadinessOptions, untilReady } from '../../src/dev/readiness.ts';
import type { TetheredProcess } from '../../src/dev/tethered-process.ts';
import type { Clock } from '../../src/lib/clock.ts';

/** A clock whose waits are over at once. */
function fastClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    after(delayMs, callback) {
      now += delayMs;
      const cancelled = { value: false };
      queueMicrotask(() => cancelled.value || callback());
      return () => {
        cancelled.value = true;
      };
    },
  };
}

function process(ended: Promise<string> = new Promise(() => {})): TetheredProcess {
  return { pid: 1, ended, stop: () => Promise.resolve() };
}

function options(ask: ReadinessOptions['ask'], signal = new AbortController().signal): ReadinessOptions {
  return { what: 'Kafka', ask, timeoutMs: 1_000, clock: fastClock(), signal };
}

it('asks until the answer is yes; a rejection is a no', async () => {
  let asked = 0;
  const ask = async (): Promise<boolean> => {
    asked += 1;
    if (asked === 1) throw new Error('refused');
    return asked === 3;
  };
  await untilReady(process(), options(ask));
  expect(asked).toBe(3);
});

it('a process that ends first is reported with what it wrote', async () => {
  const ended = process(Promise.resolve('port in use'));
  await expect(
    untilReady(
      ended,
      options(async () => false),
    ),
  ).rejects.toThrow('Kafka ended while it started: port in use');
});

it('gives up after the timeout, and at once when it is told to', async () => {
  await expect(
    untilReady(
      process(),
      options(async () => false),
    ),
  ).rejects.toThrow('did not answer within 1 s');
  const aborted = AbortSignal.abort(new Error('never mind'));
  await expect(
    untilReady(
      process(),
      options(async () => true, aborted),
    ),
  ).rejects.toThrow('never mind');
});
