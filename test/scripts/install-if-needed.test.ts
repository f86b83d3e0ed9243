/** Method: the script is copied into a small project whose npm is a shell script that notes its arguments. */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Scratch, scratchFolder } from '../support/scratch.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/install-if-needed.mjs', import.meta.url));
const WANTED = {
  '': {},
  'node_modules/a': { version: '1.0.0' },
  'node_modules/mac': { version: '1.0.0', optional: true },
};
/** A Node that says it is 24, as `npm ci` would have put it there. */
const INSTALLS = `
echo "$@" >> calls
mkdir -p node_modules/.bin
cp package-lock.json node_modules/.package-lock.json
printf '#!/bin/sh\\necho v24.1.0\\n' > node_modules/.bin/node
chmod +x node_modules/.bin/node`;

async function project(scratch: Scratch, npm: string): Promise<void> {
  await mkdir(join(scratch.folder, 'scripts'));
  await cp(SCRIPT, join(scratch.folder, 'scripts/install-if-needed.mjs'));
  await writeFile(join(scratch.folder, 'package-lock.json'), JSON.stringify({ packages: WANTED }));
  await scratch.script('bin/npm', npm);
}

function run(scratch: Scratch): { readonly code: number | null; readonly output: string } {
  const env = { PATH: `${join(scratch.folder, 'bin')}:${process.env['PATH']}` };
  const script = join(scratch.folder, 'scripts/install-if-needed.mjs');
  const result = spawnSync(process.execPath, [script], { env, encoding: 'utf8' });
  return { code: result.status, output: result.stdout + result.stderr };
}

it('installs once, then says nothing and does nothing', async () => {
  await using scratch = await scratchFolder();
  await project(scratch, INSTALLS);
  expect(run(scratch)).toMatchObject({ code: 0, output: expect.stringContaining('npm ci') });
  expect(run(scratch)).toEqual({ code: 0, output: '' });
  expect(await readFile(join(scratch.folder, 'calls'), 'utf8')).toMatch(/^ci [^\n]*\n$/);
});

it('installs again when the lock file wants another version, and lets packages of other platforms be absent', async () => {
  await using scratch = await scratchFolder();
  await project(scratch, INSTALLS);
  run(scratch);
  const installed = join(scratch.folder, 'node_modules/.package-lock.json');
  await writeFile(installed, JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } }));
  expect(run(scratch).output).toBe('');
  await writeFile(installed, JSON.stringify({ packages: { 'node_modules/a': { version: '0.9.0' } } }));
  expect(run(scratch).output).toContain('npm ci');
});

it('shows why npm failed, and ends with exit code 1', async () => {
  await using scratch = await scratchFolder();
  await project(scratch, 'echo no space left >&2; exit 7');
  expect(run(scratch)).toMatchObject({ code: 1, output: expect.stringContaining('no space left') });
});

it('says so when npm left out the Node that this project runs on', async () => {
  await using scratch = await scratchFolder();
  await project(scratch, 'exit 0');
  expect(run(scratch)).toMatchObject({ code: 1, output: expect.stringContaining('ignore-scripts') });
});
