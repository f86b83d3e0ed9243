/**
 * The Dockerfile and compose.yaml against the code, as far as that can be seen without a container engine: what the image leaves out
 * is not needed, and every name in compose.yaml is one that the program knows.
 */
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../src/bin/commands.ts';
import { parseEndpoints } from '../src/delivery/endpoints.ts';
import { parseConfig } from '../src/ops/config.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const textOf = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const dockerfile = textOf('Dockerfile');

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
}

const { services } = parse(textOf('compose.yaml'), { merge: true }) as { services: Record<string, Service> };
const ours = Object.entries(services).filter(([, { image }]) => image === 'lead-webhooks:dev');
const program = ours.filter(([, { entrypoint }]) => entrypoint === undefined);

/** Every module that the program may load, from its entry, but for the command `demo`. */
function modulesOfTheProgram(): Set<string> {
  const seen = new Set(['src/bin/lead-webhooks.ts']);
  for (const path of seen) {
    for (const [, specifier = ''] of textOf(path).matchAll(/(?:from |import\()'(\.[^']+\.ts)'/g)) {
      const target = posix.join(posix.dirname(path), specifier);
      if (target !== 'src/bin/commands/demo.ts') seen.add(target);
    }
  }
  return seen;
}

test('no command of the image but the demo needs the code for development that the image leaves out', () => {
  const modules = modulesOfTheProgram();
  expect(modules.size).toBeGreaterThan(100);
  expect(modules).toContain('src/kafka/client.ts');
  expect([...modules].filter((path) => path.startsWith('src/dev/'))).toEqual([]);
  expect(textOf('.dockerignore').split('\n')).toContain('src/dev');
});

test('the image starts a file that exists, as a user that is a number other than root', () => {
  const entry = /^ENTRYPOINT \["\/nodejs\/bin\/node", "([^"]+)"\]$/m.exec(dockerfile)?.[1] ?? '';
  expect(existsSync(`${root}${entry}`)).toBe(true);
  expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
});

test('both base images are arguments, so that a digest or another base can be given', () => {
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, name]) => name);
  expect(bases).toEqual([`\${BUILD_IMAGE}`, `\${RUNTIME_IMAGE}`]);
  for (const name of ['BUILD_IMAGE', 'RUNTIME_IMAGE'])
    expect(dockerfile).toMatch(new RegExp(`^ARG ${name}=\\S+:\\S+$`, 'm'));
});

test.each(ours)('compose: %s has a read-only root and no rights', (_name, service) => {
  expect(service.read_only).toBe(true);
  expect(service.cap_drop).toEqual(['ALL']);
});

test.each(program)('compose: the configuration of %s is accepted by the program', (_name, { environment, command }) => {
  expect(parseConfig(environment ?? {}, () => '')).not.toHaveProperty('problems');
  expect(Object.keys(COMMANDS)).toContain(command?.[0]);
});

test('compose: the endpoints are valid with what their stage is given', () => {
  const { environment = {} } = services['deliver'] ?? {};
  const secrets = { env: (name: string) => environment[name] ?? null, file: () => null };
  const { endpoints, mistakes } = parseEndpoints(textOf('scripts/compose/endpoints.yaml'), {
    secrets,
    emittedVersions: ['v1', 'v2', 'v3'],
  });
  expect(mistakes).toEqual([]);
  expect(endpoints.map(({ url }) => new URL(url).hostname)).toEqual(['receiver', 'receiver']);
});

test('compose: every file that a service mounts exists', () => {
  const mounted = Object.values(services).flatMap(({ volumes = [] }) => volumes.map((one) => one.split(':')[0] ?? ''));
  expect(mounted.length).toBeGreaterThan(3);
  expect(mounted.filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
});
