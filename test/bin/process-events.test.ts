/** Real signals and real crashes, in a process of their own that is built like `run` (test/support/waiting-program.ts). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../support/waiting-program.ts', import.meta.url));

interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly msg: string;
}

/** Runs the program until it ends; `onEvent` sees each log line as it comes, and may send signals. */
async function lived(
  args: readonly string[],
  onEvent: (event: string, kill: (signal: NodeJS.Signals) => void) => void,
) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  const lines: LogLine[] = [];
  for await (const text of createInterface(child.stderr)) {
    const line = JSON.parse(text) as LogLine;
    lines.push(line);
    onEvent(line.event, (signal) => child.kill(signal));
  }
  const [code] = (await ended) as [number | null];
  return { code, events: lines.map(({ event }) => event), errors: lines.filter(({ level }) => level === 'error') };
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s stops the process in order, with 0', async (signal) => {
  const { code, events } = await lived(['0'], (event, kill) => event === 'admin_listening' && kill(signal));
  expect([code, events]).toEqual([0, ['admin_listening', 'stop_requested', 'stopped']]);
});

test('a second signal ends a process that hangs, with 1', async () => {
  const { code, events } = await lived(['0', 'hang'], (event, kill) => {
    if (event === 'admin_listening') kill('SIGTERM');
    if (event === 'stop_requested') kill('SIGTERM');
  });
  expect([code, events]).toEqual([1, ['admin_listening', 'stop_requested', 'stop_forced']]);
});

test('a rejection that nobody awaited is one clear line and an ordered stop, with 1', async () => {
  const { code, events, errors } = await lived(['0', 'reject'], () => {});
  expect([code, events]).toEqual([1, ['admin_listening', 'failed', 'stop_requested', 'stopped']]);
  expect(errors.map(({ msg }) => msg)).toEqual(['nobody awaited this']);
});

test('an exception from a callback is treated alike', async () => {
  const { code, events } = await lived(['0', 'throw'], () => {});
  expect([code, events.at(-1)]).toEqual([1, 'stopped']);
});

test('a bug is one line with its message, and the end at once, with 1', async () => {
  const { code, events, errors } = await lived(['0', 'bug'], () => {});
  expect([code, events]).toEqual([1, ['admin_listening', 'failed']]);
  expect(errors.map(({ msg }) => msg)).toEqual(['bug: offsets must rise']);
});

test('an admin port in use is one clear line, with 1', async () => {
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { code, errors } = await lived([String(port)], () => {});
  other.close();
  expect(code).toBe(1);
  expect(errors.map(({ msg }) => msg)).toEqual([
    `cannot listen on 127.0.0.1 port ${port}: it is in use. Set LEAD_WEBHOOKS_ADMIN_PORT to a free port, or to 0 for any`,
  ]);
});
