/** The lifecycle on a clock of the test's own, with a fake exit: what ends, in which order, with which code. */
import { expect, test } from 'vitest';
import { AssertionFailed } from '../../src/lib/assert.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Log, LogFields } from '../../src/lib/log.ts';
import { StartRefused } from '../../src/lib/start-refused.ts';
import { Lifecycle, lineOf } from '../../src/ops/lifecycle.ts';

interface Line {
  readonly level: string;
  readonly fields: LogFields;
  readonly message: string;
}

function setup() {
  const lines: Line[] = [];
  const exits: number[] = [];
  const timers = new Set<() => void>();
  const at = (level: string) => (fields: LogFields, message: string) => {
    lines.push({ level, fields, message });
  };
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(_delayMs, callback) {
      timers.add(callback);
      return () => timers.delete(callback);
    },
  };
  const lifecycle = new Lifecycle({ log, clock, exit: (code) => exits.push(code) }, { stopTimeoutMs: 1000 });
  const deadlinePasses = (): void => {
    for (const timer of timers) timer();
  };
  const events = (): unknown[] => lines.map(({ fields }) => fields['event']);
  return { lifecycle, lines, exits, timers, deadlinePasses, events };
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

const never = (): Promise<void> => new Promise(() => {});

test('a signal lets main return, then runs the steps newest first, and ends with 0', async () => {
  const { lifecycle, exits, timers, events } = setup();
  const order: string[] = [];
  lifecycle.onStop('admin', async () => void order.push('admin'));
  lifecycle.onStop('tasks', async () => void order.push('tasks'));
  const running = lifecycle.run(async (signal) => {
    await untilAborted(signal);
    order.push('main');
  });
  lifecycle.handleSignal('SIGTERM');
  expect(await running).toBe(0);
  expect(order).toEqual(['main', 'tasks', 'admin']);
  expect(events()).toEqual(['stop_requested', 'stopped']);
  expect(exits).toEqual([]);
  expect(timers.size).toBe(0);
});

test('main that ends by itself stops the rest, with 0', async () => {
  const { lifecycle } = setup();
  let stopped = false;
  lifecycle.onStop('admin', async () => {
    stopped = true;
  });
  expect(await lifecycle.run(async () => {})).toBe(0);
  expect(stopped).toBe(true);
});

test('a second signal ends the process at once', async () => {
  const { lifecycle, exits, deadlinePasses } = setup();
  const running = lifecycle.run(never);
  lifecycle.handleSignal('SIGINT');
  expect(exits).toEqual([]);
  lifecycle.handleSignal('SIGINT');
  expect(exits).toEqual([1]);
  deadlinePasses();
  await running;
});

test('main that fails ends with 1 and one clear line, after the steps ran', async () => {
  const { lifecycle, lines } = setup();
  let stopped = false;
  lifecycle.onStop('admin', async () => {
    stopped = true;
  });
  const code = await lifecycle.run(async () => {
    throw new Error('the topic is missing\nrun topics apply');
  });
  expect(code).toBe(1);
  expect(stopped).toBe(true);
  const errors = lines.filter(({ level }) => level === 'error');
  expect(errors.map(({ message }) => message)).toEqual(['the topic is missing run topics apply']);
});

test('main that throws before its first await is a failure like any other', async () => {
  const { lifecycle } = setup();
  const code = await lifecycle.run(() => {
    throw new Error('at once');
  });
  expect(code).toBe(1);
});

test('being cut off by the stop is no failure', async () => {
  const { lifecycle, lines } = setup();
  const running = lifecycle.run(async (signal) => {
    await untilAborted(signal);
    signal.throwIfAborted();
  });
  lifecycle.handleSignal('SIGTERM');
  expect(await running).toBe(0);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a failure that nobody awaited stops the process in order, with 1', async () => {
  const { lifecycle, exits, lines } = setup();
  const running = lifecycle.run(untilAborted);
  lifecycle.fail(new Error('a rejection'));
  expect(await running).toBe(1);
  expect(exits).toEqual([]);
  expect(lines[0]).toMatchObject({ level: 'error', message: 'a rejection', fields: { event: 'failed' } });
});

test('a refused start shows its sentence and no stack', async () => {
  const { lifecycle, lines } = setup();
  const code = await lifecycle.run(() => Promise.reject(new StartRefused('topic leads is missing')));
  expect(code).toBe(1);
  expect(lines[0]).toEqual({ level: 'error', message: 'topic leads is missing', fields: { event: 'failed' } });
});

test('a bug ends the process at once and shows its message', async () => {
  const { lifecycle, exits, lines, deadlinePasses } = setup();
  const running = lifecycle.run(never);
  lifecycle.fail(new AssertionFailed('offsets must rise'));
  expect(exits).toEqual([1]);
  expect(lines[0]?.message).toBe('bug: offsets must rise');
  lifecycle.requestStop('test over');
  deadlinePasses();
  await running;
});

test('main that ignores the stop is left behind at the deadline, with 1', async () => {
  const { lifecycle, lines, deadlinePasses } = setup();
  const running = lifecycle.run(never);
  lifecycle.handleSignal('SIGTERM');
  deadlinePasses();
  expect(await running).toBe(1);
  expect(lines).toContainEqual(expect.objectContaining({ fields: { event: 'stop_overdue', step: 'main' } }));
});

test('a step that hangs is named at the deadline, with 1', async () => {
  const { lifecycle, lines, deadlinePasses } = setup();
  let reached = (): void => {};
  const inStep = new Promise<void>((resolve) => {
    reached = resolve;
  });
  lifecycle.onStop('tasks', () => {
    reached();
    return never();
  });
  const running = lifecycle.run(async () => {});
  await inStep;
  deadlinePasses();
  expect(await running).toBe(1);
  expect(lines).toContainEqual(expect.objectContaining({ fields: { event: 'stop_overdue', step: 'tasks' } }));
});

test('a step that fails does not keep the others from running, and makes the code 1', async () => {
  const { lifecycle } = setup();
  const order: string[] = [];
  lifecycle.onStop('first added', async () => void order.push('first added'));
  lifecycle.onStop('broken', async () => {
    throw new Error('broken');
  });
  expect(await lifecycle.run(async () => {})).toBe(1);
  expect(order).toEqual(['first added']);
});

test('a stop may be asked for before the run', async () => {
  const { lifecycle } = setup();
  lifecycle.requestStop('early');
  expect(await lifecycle.run(untilAborted)).toBe(0);
});

test('a lifecycle runs once', async () => {
  const { lifecycle } = setup();
  await lifecycle.run(async () => {});
  await expect(lifecycle.run(async () => {})).rejects.toThrow(AssertionFailed);
});

test('any thrown thing becomes one line', () => {
  expect(lineOf(new Error('a\n  b'))).toBe('a b');
  expect(lineOf(new TypeError(''))).toBe('TypeError');
  expect(lineOf('text')).toBe('something that is no error was thrown');
});
