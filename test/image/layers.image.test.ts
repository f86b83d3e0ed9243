/**
 * Two builds of the same sources, neither with a layer of another one, make the same layers: paths, modes, times and bytes. The second is
 * made of a copy that has other times and narrower modes, as another person's checkout may. If the images differ, the files that do are named. The bases are those of the image under test; what they hold is theirs.
 */
import { createHash } from 'node:crypto';
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { docker, imageFacts, LABEL, mustDocker, run } from './engine.ts';

/** Path → mode, time and content of everything that the project puts into an image. */
async function contentsOf(image: string): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'lead-webhooks-image-'));
  const id = await mustDocker('create', '--label', `${LABEL}=${inject('imageRun')}`, image);
  try {
    const { code, err } = await run('sh', ['-c', 'docker cp "$0":/app - | tar -x -p -C "$1"', id, folder]);
    if (code !== 0) throw new Error(`the files of ${image} cannot be had: ${err}`);
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return Object.fromEntries(paths.map((path) => [path, described(join(folder, path))]));
  } finally {
    await mustDocker('rm', id);
    rmSync(folder, { recursive: true, force: true });
  }
}

function described(path: string): string {
  const about = lstatSync(path);
  const fixed = `${about.mode.toString(8)} ${about.mtime.toISOString()}`;
  if (about.isSymbolicLink()) return `${fixed} -> ${readlinkSync(path)}`;
  if (!about.isFile()) return fixed;
  return `${fixed} ${about.size} bytes, sha256 ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

/** Lines that only one of two images has. */
function differences(one: Record<string, string>, other: Record<string, string>): string[] {
  const paths = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...paths].filter((path) => one[path] !== other[path]).map((path) => `${path}: ${one[path]} | ${other[path]}`);
}

test('the image and one that is built again from nothing have the same files and the same layers', async () => {
  const image = inject('image');
  const again = `${image}-again`;
  const build = inject('imageBuild');
  const context = build.at(-1) ?? '';
  const copy = mkdtempSync(join(tmpdir(), 'lead-webhooks-context-'));
  try {
    cpSync(context, copy, { recursive: true });
    const { code } = await run('chmod', ['-R', 'go-rwx', copy]);
    expect(code).toBe(0);
    await mustDocker('build', '--no-cache', '--tag', again, ...build.slice(0, -1), copy);
    const [one, other] = [await contentsOf(image), await contentsOf(again)];
    expect(Object.keys(one).length).toBeGreaterThan(500);
    expect(differences(one, other)).toEqual([]);
    expect((await imageFacts(again)).RootFS.Layers).toEqual((await imageFacts(image)).RootFS.Layers);
  } finally {
    rmSync(copy, { recursive: true, force: true });
    await docker('image', 'rm', again);
  }
});
