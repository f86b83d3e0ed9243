/**
 * Finds a Java that is new enough: JAVA_HOME, then PATH, then the folders where package managers put one. Asks each
 * candidate for its version (folder names lie), once per process, and takes the first that fits. Installs nothing.
 */
import { execFile } from 'node:child_process';
import { readdir, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Environment } from './environment.ts';

/** `*` stands for one folder. `~` is HOME. */
const USUAL_PLACES: readonly string[] = [
  '/usr/lib/jvm/*/bin/java',
  '/usr/java/*/bin/java',
  '/opt/*/bin/java',
  '~/.sdkman/candidates/java/*/bin/java',
  '~/.jdks/*/bin/java',
  '~/.asdf/installs/java/*/bin/java',
  '~/.local/share/mise/installs/java/*/bin/java',
  '/opt/homebrew/opt/*/bin/java',
  '/usr/local/opt/*/bin/java',
  '/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java',
  '~/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java',
];

const ANSWER_TIMEOUT_MS = 10_000;

export interface Java {
  readonly path: string;
  /** 17, 21, 25 … */
  readonly major: number;
}

const known = new Map<string, Promise<Java | null>>();

/** The first Java of `major` or newer, from JAVA_HOME, PATH, then `places`; null when there is none. */
export async function findJava(major: number, env: Environment, places = USUAL_PLACES): Promise<Java | null> {
  const seen = new Set<string>();
  for (const candidate of await candidates(env, places)) {
    const path = await realpath(candidate).catch(() => null);
    if (path === null || seen.has(path)) continue;
    seen.add(path);
    const java = await ask(path);
    if (java !== null && java.major >= major) return java;
  }
  return null;
}

/** Every Java that answers, for the sentence that says what is too old. */
export async function listJava(env: Environment, places = USUAL_PLACES): Promise<Java[]> {
  const paths = await Promise.all((await candidates(env, places)).map((path) => realpath(path).catch(() => null)));
  const answers = await Promise.all([...new Set(paths)].map((path) => (path === null ? null : ask(path))));
  return answers.filter((java) => java !== null);
}

/** `openjdk version "21.0.4"`, `java version "1.8.0_402"`; null for anything else. */
export function majorOf(versionText: string): number | null {
  const match = /version "(?:1\.)?(\d+)/.exec(versionText);
  return match === null ? null : Number(match[1]);
}

async function candidates(env: Environment, places: readonly string[]): Promise<string[]> {
  const home = env['JAVA_HOME'];
  const path = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const usual = await Promise.all(places.map((place) => expand(place, env['HOME'] ?? '')));
  return [...(home ? [join(home, 'bin/java')] : []), ...path.map((folder) => join(folder, 'java')), ...usual.flat()];
}

async function expand(place: string, home: string): Promise<string[]> {
  const [folder = '', rest = ''] = place.replace('~', home).split('*');
  const names = await readdir(folder).catch(() => []);
  return names.sort().map((name) => `${folder}${name}${rest}`);
}

function ask(path: string): Promise<Java | null> {
  const before = known.get(path);
  if (before !== undefined) return before;
  const answer = new Promise<Java | null>((resolve) => {
    execFile(path, ['-version'], { timeout: ANSWER_TIMEOUT_MS }, (_error, stdout, stderr) => {
      const major = majorOf(`${stderr}${stdout}`);
      resolve(major === null ? null : { path, major });
    });
  });
  known.set(path, answer);
  return answer;
}
