/** Who may import what: the arrows between the folders of src, and the one home of each package. */
import { builtinModules } from 'node:module';
import type { Finding, Rule } from './rule.ts';
import type { TreeFile } from './tree.ts';

/**
 * bin → {kafka, delivery, ops, dev} → core → lib; dev may use kafka and ops. Each folder may import itself. `schemas` and
 * `package.json` are read as JSON.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  bin: ['bin', 'kafka', 'delivery', 'ops', 'dev', 'core', 'lib', 'schemas', 'package.json'],
  dev: ['dev', 'kafka', 'ops', 'core', 'lib'],
  kafka: ['kafka', 'core', 'lib', 'schemas'],
  delivery: ['delivery', 'core', 'lib'],
  ops: ['ops', 'core', 'lib'],
  core: ['core', 'lib'],
  lib: ['lib'],
};

/** Package → where in src it may be imported. A package that is not here may be imported nowhere in src. */
const HOMES: Readonly<Record<string, string>> = {
  kafkajs: 'src/kafka/',
  '@kafkajs/confluent-schema-registry': 'src/kafka/',
  avsc: 'src/kafka/',
  snappy: 'src/kafka/',
  'lz4-napi': 'src/kafka/',
  '@aws-sdk/credential-provider-node': 'src/kafka/msk-iam-token.ts',
  '@smithy/core': 'src/kafka/msk-iam-token.ts',
  '@smithy/signature-v4': 'src/kafka/msk-iam-token.ts',
  undici: 'src/delivery/',
  'ipaddr.js': 'src/delivery/',
  yaml: 'src/delivery/',
  luxon: 'src/core/',
  pino: 'src/ops/',
  'prom-client': 'src/ops/',
  '@opentelemetry/api': 'src/ops/',
  testcontainers: 'src/dev/containers.ts',
};

const BUILTIN = new Set(builtinModules);

export const importRules: readonly Rule[] = [
  {
    name: 'arrows',
    claim: 'imports follow the arrows: bin → kafka, delivery, ops, dev → core → lib',
    check: (tree) => tree.code('src/').flatMap(arrowFindings),
  },
  {
    name: 'packages',
    claim: 'each package is imported from its one home, and the core knows luxon alone',
    check: (tree) => tree.code('src/').flatMap(packageFindings),
  },
  {
    name: 'import-form',
    claim: 'built-in modules are imported with node:, files with their extension',
    check: (tree) => tree.code('src/', 'test/', 'bench/', 'scripts/').flatMap(formFindings),
  },
];

function arrowFindings({ path, imports }: TreeFile): Finding[] {
  const from = folderOf(path);
  const allowed = ARROWS[from];
  if (allowed === undefined) return [{ path, message: `src/${from}/ is not a folder of the design` }];
  return imports
    .filter(isOurs)
    .filter((target) => !allowed.includes(target.startsWith('src/') ? folderOf(target) : (target.split('/')[0] ?? '')))
    .map((target) => ({ path, message: `imports ${target}; ${from} may import ${allowed.join(', ')}` }));
}

function packageFindings({ path, imports }: TreeFile): Finding[] {
  return imports.flatMap((specifier) => {
    if (isOurs(specifier)) return [];
    if (isBuiltin(specifier)) {
      return path.startsWith('src/core/') ? [{ path, message: `imports ${specifier}; the core is pure` }] : [];
    }
    const name = packageOf(specifier);
    const home = HOMES[name];
    if (home === undefined) return [{ path, message: `imports ${name}, which has no home in import-rules.ts` }];
    return path.startsWith(home) ? [] : [{ path, message: `imports ${name}; only ${home} may` }];
  });
}

function formFindings({ path, imports }: TreeFile): Finding[] {
  return imports.flatMap((specifier) => {
    if (BUILTIN.has(specifier)) return [{ path, message: `imports ${specifier}: write node:${specifier}` }];
    if (isOurs(specifier) && !/\.(ts|mjs|json)$/.test(specifier)) {
      return [{ path, message: `imports ${specifier} without its extension` }];
    }
    return [];
  });
}

/** importsOf has turned relative specifiers into paths from the root, which begin with one of our folders. */
function isOurs(specifier: string): boolean {
  return /^(src|test|bench|scripts|schemas|package\.json)(\/|$)/.test(specifier);
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || BUILTIN.has(specifier);
}

function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
