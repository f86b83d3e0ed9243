/** Method: scripts that answer `-version` as a Java would stand in for one; PATH and the usual places point at them. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findJava, listJava, majorOf } from '../../src/dev/java.ts';
import { scratchFolder } from '../support/scratch.ts';

const says = (version: string): string => `echo 'openjdk version "${version}" 2025-01-01' >&2`;

it.each([
  ['openjdk version "21.0.4" 2024-07-16', 21],
  ['openjdk version "25" 2025-09-16', 25],
  ['java version "1.8.0_402"', 8],
  ['java: command not found', null],
])('the version of %j is %j', (text, major) => {
  expect(majorOf(text)).toBe(major);
});

it('JAVA_HOME goes before PATH, and PATH before the usual places', async () => {
  await using scratch = await scratchFolder();
  const home = await scratch.script('home/bin/java', says('21.0.1'));
  const onPath = await scratch.script('path/java', says('22.0.1'));
  const usual = await scratch.script('jvm/jdk/bin/java', says('23.0.1'));
  const places = [join(scratch.folder, 'jvm/*/bin/java')];
  const [JAVA_HOME, PATH] = [join(scratch.folder, 'home'), join(scratch.folder, 'path')];
  expect(await findJava(17, { JAVA_HOME, PATH }, places)).toEqual({ path: home, major: 21 });
  expect(await findJava(17, { PATH }, places)).toEqual({ path: onPath, major: 22 });
  expect(await findJava(17, {}, places)).toEqual({ path: usual, major: 23 });
});

it('a Java that is too old, broken or missing is passed over', async () => {
  await using scratch = await scratchFolder();
  await scratch.script('jvm/a/bin/java', says('17.0.1'));
  await scratch.script('jvm/b/bin/java', 'exit 1');
  const wanted = await scratch.script('jvm/c/bin/java', says('21.0.1'));
  const places = [join(scratch.folder, 'jvm/*/bin/java')];
  const env = { JAVA_HOME: join(scratch.folder, 'gone'), PATH: '/nowhere' };
  expect(await findJava(21, env, places)).toEqual({ path: wanted, major: 21 });
  expect(await findJava(22, env, places)).toBeNull();
  expect((await listJava(env, places)).map((java) => java.major)).toEqual([17, 21]);
});
