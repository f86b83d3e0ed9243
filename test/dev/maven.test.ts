/** Method: a script named mvn stands in for Maven and writes what it was asked for; the cache is a folder of the test. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fetchArtifact, type MavenDeps, versionOf } from '../../src/dev/maven.ts';
import { ServicesUnavailable } from '../../src/dev/services-unavailable.ts';
import { silentLog } from '../../src/lib/log.ts';
import { type Scratch, scratchFolder } from '../support/scratch.ts';

/** Writes a jar into the folder that `-Dinto=` names, and a line into `calls`. */
const FETCHES = `
for arg in "$@"; do case "$arg" in -Dinto=*) into=\${arg#-Dinto=} ;; esac; done
echo "$*" >> "$CALLS"
echo jar > "$into/one.jar"`;

async function bundle(scratch: Scratch, mvn: string): Promise<MavenDeps & { readonly calls: string }> {
  await scratch.script('bin/mvn', mvn);
  const calls = join(scratch.folder, 'calls');
  const env = {
    PATH: `${join(scratch.folder, 'bin')}:${process.env['PATH']}`,
    XDG_CACHE_HOME: join(scratch.folder, 'cache'),
    CALLS: calls,
  };
  return { log: silentLog, env, signal: new AbortController().signal, calls };
}

it('an artifact is fetched once and found the next time', async () => {
  await using scratch = await scratchFolder();
  const deps = await bundle(scratch, FETCHES);
  const folder = await fetchArtifact('kafka', deps);
  expect(await fetchArtifact('kafka', deps)).toBe(folder);
  expect(await readFile(join(folder, 'one.jar'), 'utf8')).toBe('jar\n');
  expect((await readFile(deps.calls, 'utf8')).trim().split('\n')).toHaveLength(1);
});

it('two fetches at once both succeed, and leave one folder', async () => {
  await using scratch = await scratchFolder();
  const deps = await bundle(scratch, FETCHES);
  const [one, two] = await Promise.all([fetchArtifact('kafka', deps), fetchArtifact('kafka', deps)]);
  expect(one).toBe(two);
  expect(await readdir(join(scratch.folder, 'cache/lead-webhooks'))).toHaveLength(1);
});

it('a fetch that failed half-way leaves nothing, says why, and is repeated', async () => {
  await using scratch = await scratchFolder();
  const failing = await bundle(scratch, `${FETCHES}\necho '[ERROR] no such version'; exit 1`);
  await expect(fetchArtifact('registry', failing)).rejects.toThrow(ServicesUnavailable);
  await expect(fetchArtifact('registry', failing)).rejects.toThrow('no such version');
  expect(await readdir(join(scratch.folder, 'cache/lead-webhooks'))).toEqual([]);
  const deps = await bundle(scratch, FETCHES);
  expect(await readdir(await fetchArtifact('registry', deps))).toEqual(['one.jar']);
});

it('a machine without Maven is told what to install', async () => {
  await using scratch = await scratchFolder();
  const deps = await bundle(scratch, FETCHES);
  const fetching = fetchArtifact('kafka', { ...deps, env: { ...deps.env, PATH: scratch.folder } });
  await expect(fetching).rejects.toThrow(/Maven \(mvn\).*install it, or start Docker/);
});

it('KAFKA_VERSION goes before the version in pom.xml', async () => {
  await using scratch = await scratchFolder();
  const deps = await bundle(scratch, FETCHES);
  const env = { ...deps.env, KAFKA_VERSION: '3.9.1' };
  expect(await versionOf('kafka', env)).toBe('3.9.1');
  expect(await versionOf('kafka', {})).toMatch(/^4\./);
  expect(await fetchArtifact('kafka', { ...deps, env })).toContain('kafka-3.9.1-');
  expect(await readFile(deps.calls, 'utf8')).toContain('-Dkafka.version=3.9.1');
});
