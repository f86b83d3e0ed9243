/**
 * Method: real processes. The child is a shell that waits for ever; what kills it, and that its folder goes with it, is the
 * claim. A parent is a Node program of its own, so that it can be killed.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, vi } from 'vitest';
import { groupLives, startTethered } from '../../src/dev/tethered-process.ts';
import { type Scratch, scratchFolder } from '../support/scratch.ts';

const MODULE = new URL('../../src/dev/tethered-process.ts', import.meta.url).href;

async function folderIn(scratch: Scratch): Promise<string> {
  const folder = join(scratch.folder, 'work');
  await mkdir(folder);
  return folder;
}

it('a stop kills the child and deletes its folder, and may come twice', async () => {
  await using scratch = await scratchFolder();
  const folder = await folderIn(scratch);
  const child = startTethered({ command: ['/bin/sh', '-c', 'exec sleep 600'], folder, env: process.env });
  expect(groupLives(child.pid)).toBe(true);
  await child.stop();
  await child.stop();
  expect(groupLives(child.pid)).toBe(false);
  expect(existsSync(folder)).toBe(false);
});

it('a child that ends by itself shows what it wrote last, and leaves no folder', async () => {
  await using scratch = await scratchFolder();
  const folder = await folderIn(scratch);
  const child = startTethered({ command: ['/bin/sh', '-c', 'echo no luck; exit 3'], folder, env: process.env });
  expect(await child.ended).toBe('no luck');
  expect(existsSync(folder)).toBe(false);
  await child.stop();
});

it('a command that does not exist ends at once and says so', async () => {
  await using scratch = await scratchFolder();
  const folder = await folderIn(scratch);
  const child = startTethered({ command: [join(scratch.folder, 'nothing')], folder, env: process.env });
  expect(await child.ended).toContain('not found');
});

it.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)('the child dies when %s ends its parent', async (signal) => {
  await using scratch = await scratchFolder();
  const folder = await folderIn(scratch);
  const program = `
    import { startTethered } from ${JSON.stringify(MODULE)};
    const options = { command: ['/bin/sh', '-c', 'exec sleep 600'], folder: ${JSON.stringify(folder)}, env: process.env };
    process.stdout.write(startTethered(options).pid + '\\n');
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await firstNumber(parent.stdout);
  expect(groupLives(pid)).toBe(true);
  parent.kill(signal);
  await vi.waitFor(() => expect(groupLives(pid)).toBe(false), { timeout: 10_000 });
  expect(existsSync(folder)).toBe(false);
});

async function firstNumber(stream: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface({ input: stream })) return Number(line);
  throw new Error('the parent ended without a word');
}
