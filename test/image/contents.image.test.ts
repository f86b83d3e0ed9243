/**
 * What is in the image and what is not, by its file list and by trying: programs that an intruder would like, packages of development, and
 * files that two builds of the same sources do not have in common.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { docker, imageFacts, LABEL, mustDocker, run } from './engine.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const image = inject('image');
const labelled = ['--label', `${LABEL}=${inject('imageRun')}`];

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly version?: string }>>;
}

/** Every path in the image, without a slash in front. */
async function pathsOf(name: string): Promise<string[]> {
  const id = await mustDocker('create', ...labelled, name);
  try {
    const { code, out, err } = await run('sh', ['-c', 'docker export "$0" | tar -t', id]);
    if (code !== 0) throw new Error(`the file list of ${name} cannot be had: ${err}`);
    return out.split('\n').filter((path) => path !== '');
  } finally {
    await mustDocker('rm', id);
  }
}

test('the image has no shell, no npm, no package manager, no test, no document, and no package that is for development alone', async () => {
  const paths = await pathsOf(image);
  expect(paths).toContain('app/src/bin/lead-webhooks.ts');
  const programs =
    /(?:^|\/)(?:sh|bash|dash|ash|busybox|npm|npx|yarn|pnpm|corepack|apt|apt-get|dpkg|apk|perl|python3?)$/;
  expect(paths.filter((path) => /(?:^|\/)s?bin\//.test(path) && programs.test(path))).toEqual([]);
  const own = paths.filter((path) => /^app\/[^/]+\/?$/.test(path));
  expect(own.sort()).toEqual(['app/node_modules/', 'app/package.json', 'app/schemas/', 'app/src/']);
  expect(paths.filter((path) => path.startsWith('app/src/dev/'))).toEqual([]);

  const { packages } = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as LockFile;
  const inImage = paths
    .map((path) => /^app\/((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/@.][^/]*)\/package\.json$/.exec(path)?.[1])
    .filter((path) => path !== undefined);
  expect(inImage).toContain('node_modules/kafkajs');
  expect(inImage.filter((path) => packages[path]?.dev !== false && packages[path]?.dev !== undefined)).toEqual([]);
  expect(inImage.filter((path) => packages[path] === undefined)).toEqual([]);
});

test.each([['/bin/sh'], ['/bin/bash'], ['sh'], ['npm']])('%s cannot be started in the image', async (program) => {
  const { code } = await docker('run', '--rm', ...labelled, '--network', 'none', '--entrypoint', program, image);
  expect(code).toBe(127);
});

test('without any option the image runs as a user that is not root, and says which version it is', async () => {
  const { Config } = await imageFacts(image);
  expect(Config.User).toBe('65532:65532');
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
  const said = await mustDocker('run', '--rm', ...labelled, '--network', 'none', '--read-only', image, '--version');
  expect(said).toContain(version);
});
