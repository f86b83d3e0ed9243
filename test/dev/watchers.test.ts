/** Waiting for notices. */
import { expect, test } from 'vitest';
import { Watchers } from '../../src/dev/watchers.ts';

const never = new AbortController().signal;

test('a condition that holds already is not waited for', async () => {
  await expect(new Watchers().until(() => true, never)).resolves.toBeUndefined();
});

test('each notice makes everybody look again, until the condition holds', async () => {
  const watchers = new Watchers();
  let value = 0;
  const looks: number[] = [];
  const waiting = watchers.until(() => {
    looks.push(value);
    return value === 2;
  }, never);
  for (value = 1; value <= 2; value += 1) {
    watchers.notify();
    await Promise.resolve();
    await Promise.resolve();
  }
  value = 2;
  watchers.notify();
  await waiting;
  expect(looks.at(-1)).toBe(2);
  expect(looks.length).toBeGreaterThan(1);
});

test('an abort ends the waiting with its reason', async () => {
  const stop = new AbortController();
  const waiting = new Watchers().until(() => false, stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
