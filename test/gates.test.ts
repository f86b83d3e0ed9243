/** The gates that are programs of their own, so that `npm test` is the whole truth: the types hold, format and lint are clean. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

function outputOf(program: string, ...args: string[]): { readonly code: number | null; readonly output: string } {
  const run = spawnSync(`${root}node_modules/.bin/${program}`, args, { cwd: root, encoding: 'utf8' });
  return { code: run.status, output: `${run.stdout}${run.stderr}`.trim() };
}

it('the types hold', () => {
  expect(outputOf('tsc', '-p', '.', '--pretty', 'false')).toEqual({ code: 0, output: '' });
});

it('format and lint are clean', () => {
  const { code, output } = outputOf('biome', 'check', '--error-on-warnings', '--colors=off');
  expect(code, output).toBe(0);
});
