/** The watchdog in a process of its own, as it kills: a loop that stands still ends it by name, one that turns lives. */
import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';

const WATCHDOG = new URL('../../src/bin/loop-watchdog.ts', import.meta.url).href;

async function run(then: string): Promise<{ signal: string | null; code: number | null; err: string }> {
  const script = `import { watchEventLoop } from ${JSON.stringify(WATCHDOG)};\nconst stop = watchEventLoop({ limitMs: 500, tickMs: 50 });\n${then}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal, err })));
}

test('an event loop that stands still ends the process with a line that says so', async () => {
  const { signal, err } = await run('setTimeout(() => { for (;;); }, 10);');
  expect(signal).toBe('SIGKILL');
  expect(JSON.parse(err)).toMatchObject({ level: 'error', event: 'event_loop_blocked' });
});

test('an event loop that turns is left alone, and the watch keeps no process alive', async () => {
  expect(
    await run('let turns = 0; const t = setInterval(() => { if (++turns === 40) clearInterval(t); }, 25);'),
  ).toEqual({
    code: 0,
    signal: null,
    err: '',
  });
});

test('after the watch was ended a standing loop is nobody’s business', async () => {
  expect(
    await run('setTimeout(() => { stop(); const end = Date.now() + 900; while (Date.now() < end); }, 10);'),
  ).toMatchObject({
    code: 0,
    signal: null,
  });
});
