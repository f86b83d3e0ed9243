/**
 * What everybody relies on when they read the last line of `npm test`. Method: vitest itself is run on small projects in a
 * temporary folder, with this project's reporter and leak check.
 */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { lastLine } from './support/reporter.ts';
import { scratchFolder } from './support/scratch.ts';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs vitest on a project of one test file and one global set-up. */
async function run(test: string, setup = 'export default () => {};'): Promise<Run> {
  await using scratch = await scratchFolder();
  const config = {
    globals: true,
    include: ['*.test.mjs'],
    reporters: [path('support/reporter.ts')],
    globalSetup: [path('support/leak-check.ts'), './setup.mjs'],
  };
  await writeFile(join(scratch.folder, 'vitest.config.mjs'), `export default { test: ${JSON.stringify(config)} };`);
  await writeFile(join(scratch.folder, 'setup.mjs'), setup);
  if (test !== '') await writeFile(join(scratch.folder, 'one.test.mjs'), test);
  const foreign = Object.entries(process.env).filter(([name]) => !/^(?:VITEST|TEST_RUN_ID|NODE_OPTIONS)/.test(name));
  const result = spawnSync(path('../node_modules/.bin/vitest'), ['run', '--root', scratch.folder], {
    env: Object.fromEntries(foreign),
    encoding: 'utf8',
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

it('a green run prints its counts and nothing else', async () => {
  const green = await run(`it('one', () => {}); describe('two', () => { it('three', () => {}); });`);
  expect(green).toEqual({ code: 0, stdout: '2 passed, 0 failed\n', stderr: '' });
});

it('a failed test is named and shown in full, and the last line counts it', async () => {
  const red = await run(`it('good', () => {}); it('adds up', () => { expect(1 + 1).toBe(3); });`);
  expect(red.code).toBe(1);
  expect(red.stdout.trimEnd().split('\n').at(-1)).toBe('1 passed, 1 failed');
  expect(red.stderr).toContain('one.test.mjs > adds up');
  expect(red.stderr).toContain('expected 2 to be 3');
});

it('a file that does not load, and a hook that throws, are failures', async () => {
  const broken = await run(`throw new Error('no such thing');`);
  expect(broken).toMatchObject({ code: 1, stdout: '0 passed, 1 failed\n' });
  expect(broken.stderr).toContain('no such thing');
  const hook = await run(`beforeAll(() => { throw new Error('not ready'); }); it('one', () => {});`);
  expect(hook).toMatchObject({ code: 1, stdout: '0 passed, 1 failed\n' });
  expect(hook.stderr).toContain('not ready');
});

it('a set-up that fails ends with the same line, and so does a run without tests', async () => {
  const setup = await run(`it('one', () => {});`, `export default () => { throw new Error('no broker'); };`);
  expect(setup).toMatchObject({ code: 1, stdout: '0 passed, 1 failed\n' });
  expect(setup.stderr).toContain('no broker');
  expect(await run('')).toMatchObject({ code: 1, stdout: '0 passed, 1 failed\n' });
});

it('a process left behind fails the run, where /proc shows it', async () => {
  const leak = await run(`
    import { spawn } from 'node:child_process';
    it('starts one', () => { spawn('sleep', ['8'], { detached: true, stdio: 'ignore' }).unref(); });
  `);
  const isSeen = process.platform === 'linux';
  expect(leak).toMatchObject({ code: isSeen ? 1 : 0, stdout: `1 passed, ${isSeen ? 1 : 0} failed\n` });
  if (isSeen) expect(leak.stderr).toContain('sleep 8');
});

it('the line never says zero failed when the exit code says otherwise', () => {
  expect(lastLine({ passed: 3, failed: 0 }, 0)).toBe('3 passed, 0 failed');
  expect(lastLine({ passed: 3, failed: 2 }, 1)).toBe('3 passed, 2 failed');
  expect(lastLine({ passed: 3, failed: 0 }, 130)).toBe('3 passed, 1 failed');
});
