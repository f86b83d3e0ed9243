/**
 * The tests of the image: `npm run image:test`. Needs a container engine whose containers can use the host's network (DOCKER_HOST, or the
 * default socket), with BuildKit, compose, and helm; it installs none of them. Builds the image from nothing, prints its bases, size and start, runs the
 * suite in test/image on it and removes it. BUILD_IMAGE and RUNTIME_IMAGE replace the bases of the Dockerfile, for example by ones with a
 * digest: a base without one is a moving tag, and what was tested today is not what is built tomorrow.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const BASES = ['BUILD_IMAGE', 'RUNTIME_IMAGE'];
const SOURCES = ['Dockerfile', '.dockerignore', '.npmrc', 'package.json', 'package-lock.json', 'schemas', 'src'];
const root = fileURLToPath(new URL('..', import.meta.url));
const image = `lead-webhooks:image-test-${process.pid}`;
const env = { ...process.env, DOCKER_BUILDKIT: '1' };
const say = (text) => process.stdout.write(`${text}\n`);

/** Exit code of a program whose output is shown. */
function shown(program, args, more = {}) {
  return spawnSync(program, args, { cwd: root, stdio: 'inherit', env: { ...env, ...more } }).status ?? 1;
}

/** What a program printed, or null. */
function asked(program, args) {
  const { status, stdout } = spawnSync(program, args, { cwd: root, encoding: 'utf8', env });
  return status === 0 ? stdout.trim() : null;
}

function defaultOf(argument) {
  const dockerfile = readFileSync(`${root}Dockerfile`, 'utf8');
  return new RegExp(`^ARG ${argument}=(\\S+)$`, 'm').exec(dockerfile)?.[1] ?? '';
}

/** Says what the image stands on, and warns of a base that may be another one tomorrow. */
function sayBase(argument) {
  const base = process.env[argument] || defaultOf(argument);
  say(`${argument.padEnd(14)} ${base}`);
  if (base.includes('@sha256:')) return;
  const digests = asked('docker', ['image', 'inspect', '--format', '{{join .RepoDigests " "}}', base]);
  const here = digests ? `; the one used here is ${digests}` : '; the engine knows no digest of it';
  say(`WARNING        ${argument} is a tag and not pinned by a digest${here}`);
}

const missing = [
  ...(asked('docker', ['version']) === null ? ['a container engine that answers'] : []),
  ...(asked('docker', ['compose', 'version']) === null && asked('docker-compose', ['version']) === null
    ? ['docker compose']
    : []),
  ...(asked('helm', ['version']) === null ? ['helm'] : []),
];
if (missing.length > 0) {
  process.stderr.write(`missing: ${missing.join(' and ')}\n`);
  process.exit(2);
}
const options = BASES.flatMap((name) => (process.env[name] ? ['--build-arg', `${name}=${process.env[name]}`] : []));
// Builds are compared: nobody may edit what they are made of in between.
const context = mkdtempSync(join(tmpdir(), 'image-test-'));
process.on('exit', () => rmSync(context, { recursive: true, force: true }));
for (const name of SOURCES) cpSync(join(root, name), join(context, name), { recursive: true });
const startedAt = performance.now();
const built = spawnSync('docker', ['build', '--no-cache', '--tag', image, ...options, context], {
  cwd: root,
  encoding: 'utf8',
  env,
});
if (built.status !== 0) {
  process.stderr.write(`docker build failed:\n${built.error?.message ?? built.stderr}\n`);
  process.exit(1);
}
for (const argument of BASES) sayBase(argument);
say(`built in       ${Math.round((performance.now() - startedAt) / 1_000)} s, without a cached layer`);
const facts = shown(process.execPath, ['scripts/image-facts.mjs', image]);
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/image/vitest.config.ts'];
const tests = shown(process.execPath, [...vitest, ...process.argv.slice(2)], {
  IMAGE: image,
  IMAGE_BUILD: JSON.stringify([...options, context]),
});
asked('docker', ['image', 'rm', image]);
process.exit(facts === 0 && tests === 0 ? 0 : 1);
