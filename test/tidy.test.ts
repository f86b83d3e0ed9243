/**
 * The house style (CONTRIBUTING.md), executed. Each rule is a plain text scan with an exact claim; a place that has to break
 * one stands in test/support/tidy/exceptions.ts with its reason. The second half proves that each rule fires: for every
 * rule there is at least one bad example, and one that must stay silent.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { callRules } from './support/tidy/call-rules.ts';
import { coverageRules } from './support/tidy/coverage-rules.ts';
import { EXCEPTIONS } from './support/tidy/exceptions.ts';
import { functionsOf } from './support/tidy/functions.ts';
import { importRules } from './support/tidy/import-rules.ts';
import { mask } from './support/tidy/mask.ts';
import { judge, type Rule } from './support/tidy/rule.ts';
import { shapeRules } from './support/tidy/shape-rules.ts';
import { textRules } from './support/tidy/text-rules.ts';
import { readTree, treeOf } from './support/tidy/tree.ts';

const RULES: readonly Rule[] = [...importRules, ...callRules, ...shapeRules, ...coverageRules, ...textRules];

describe('this project', () => {
  const tree = readTree(fileURLToPath(new URL('..', import.meta.url)));

  it.each(RULES.map((rule) => [rule.claim, rule] as const))('%s', (_claim, rule) => {
    expect(judge(rule, tree, EXCEPTIONS).join('\n')).toBe('');
  });

  it('every exception belongs to a rule and has a reason', () => {
    const names = RULES.map((rule) => rule.name);
    for (const { rule, why } of EXCEPTIONS) {
      expect(names).toContain(rule);
      expect(why).toMatch(/\w{3}/);
    }
  });
});

type Files = Readonly<Record<string, string>>;

const HEAD = '/** What it owns. */\n';
const lines = (count: number): string => 'x;\n'.repeat(count);
const unfinished = `${'TO'}DO`;

/** Rule, what is wrong with the first tree, that tree, and one like it in which nothing is wrong. */
const EXAMPLES: readonly (readonly [string, string, Files, Files])[] = [
  [
    'arrows',
    'kafka imports delivery',
    { 'src/kafka/a.ts': `import { b } from '../delivery/b.ts';` },
    { 'src/kafka/a.ts': `import { b } from '../core/b.ts';`, 'src/bin/a.ts': `import { b } from '../delivery/b.ts';` },
  ],
  [
    'arrows',
    'core imports a test, by a type',
    { 'src/core/a.ts': `import type { B } from '../../test/b.ts';` },
    { 'src/core/a.ts': `// import type { B } from '../../test/b.ts';` },
  ],
  ['arrows', 'a new folder of src', { 'src/shared/a.ts': '' }, { 'src/lib/a.ts': '' }],
  [
    'packages',
    'kafkajs outside src/kafka',
    { 'src/dev/a.ts': `import { Kafka } from 'kafkajs';` },
    { 'src/kafka/a.ts': `import { Kafka } from 'kafkajs';` },
  ],
  [
    'packages',
    'a package imported when it is needed',
    { 'src/bin/a.ts': `const { request } = await import('undici');` },
    { 'src/delivery/a.ts': `const { request } = await import('undici');` },
  ],
  [
    'packages',
    'the file system in the core',
    { 'src/core/a.ts': `import { readFile } from 'node:fs/promises';` },
    { 'src/ops/a.ts': `import { readFile } from 'node:fs/promises';` },
  ],
  [
    'packages',
    'a package that has no home yet',
    { 'src/ops/a.ts': `import leftPad from 'left-pad';` },
    { 'src/ops/a.ts': `import { DateTime } from 'pino';` },
  ],
  ['import-form', 'fs without node:', { 'src/ops/a.ts': `import 'fs';` }, { 'src/ops/a.ts': `import 'node:fs';` }],
  [
    'import-form',
    'no extension',
    { 'src/ops/a.ts': `import '../lib/log';` },
    { 'src/ops/a.ts': `import '../lib/log.ts';` },
  ],
  ['core-is-pure', 'Date.now', { 'src/core/a.ts': 'const t = Date.now();' }, { 'src/core/a.ts': '// Date.now()' }],
  ['core-is-pure', 'new Date()', { 'src/core/a.ts': 'new Date()' }, { 'src/core/a.ts': 'new Date(ms)' }],
  ['core-is-pure', 'an await', { 'src/core/a.ts': 'await x;' }, { 'src/core/a.ts': `const s = 'await x';` }],
  ['core-is-pure', 'luxon now', { 'src/core/a.ts': 'DateTime.now()' }, { 'src/core/a.ts': 'DateTime.fromMillis(1)' }],
  ['core-is-pure', 'a random id', { 'src/core/a.ts': 'randomUUID()' }, { 'src/kafka/a.ts': 'randomUUID()' }],
  [
    'time-and-chance',
    'a timer of its own',
    { 'src/delivery/a.ts': 'setTimeout(f, 1);' },
    { 'src/lib/clock.ts': 'setTimeout(f, 1);', 'src/bin/a.ts': 'setTimeout(f, 1);' },
  ],
  ['time-and-chance', 'a die of its own', { 'src/kafka/a.ts': 'Math.random()' }, { 'src/kafka/a.ts': 'deps.random()' }],
  ['process', 'the environment', { 'src/ops/a.ts': 'process.env.X' }, { 'src/bin/a.ts': 'process.env.X' }],
  ['process', 'a signal', { 'src/ops/a.ts': `process.once('SIGTERM', f)` }, { 'src/ops/a.ts': 'child.once(x)' }],
  ['tests', 'a skipped test', { 'test/a.test.ts': 'it.skip(x)' }, { 'test/a.test.ts': 'it.each(x)' }],
  ['tests', 'a retried test', { 'test/a.test.ts': 'it(x, { retry: 2 })' }, { 'test/a.test.ts': 'it(x)' }],
  [
    'tests',
    'a sleep',
    { 'test/a.test.ts': 'await new Promise((r) => setTimeout(r, 9))' },
    { 'test/a.test.ts': 'await vi.waitFor(f)' },
  ],
  ['console', 'console.log', { 'bench/a.ts': 'console.log(1)' }, { 'bench/a.ts': 'process.stdout.write(x)' }],
  ['file-size', 'a long source', { 'src/core/a.ts': lines(401) }, { 'src/core/a.ts': lines(400) }],
  ['file-size', 'a long test', { 'test/a.test.ts': lines(601) }, { 'test/a.test.ts': lines(600) }],
  ['file-size', 'a long file of lib', { 'src/lib/a.ts': lines(81) }, { 'src/lib/a.ts': lines(80) }],
  [
    'function-size',
    'a long function',
    { 'src/core/a.ts': `function a(): void {\n${lines(69)}}` },
    { 'src/core/a.ts': `function a(): void {\n${lines(68)}}\nfunction b() {\n${lines(20)}}` },
  ],
  [
    'function-size',
    'a long method with a type that has braces',
    { 'src/core/a.ts': `class A {\n  #b(x: { y: 1 }): Map<string, { z: 1 }> {\n${lines(80)}  }\n}` },
    { 'src/core/a.ts': `class A {\n${lines(80)}  b() {}\n}\nif (x) {\n${lines(80)}}` },
  ],
  [
    'parameters',
    'five parameters',
    { 'src/core/a.ts': 'const a = (b: B, c: Map<X, Y>, d: D, e: E, f: F): void => {};' },
    { 'src/core/a.ts': 'const a = (b: Map<X, Y>, { c, d, e }: P, f: (g: G, h: H) => I = j) => {};\nk(1, 2, 3, 4, 5);' },
  ],
  ['file-names', 'camel case', { 'src/core/leadRow.ts': '' }, { 'src/core/lead-row.ts': '' }],
  ['file-names', 'a barrel', { 'src/core/index.ts': '' }, { 'test/core/lead-row.int.test.ts': '' }],
  ['file-names', 'a name that says nothing', { 'src/core/utils.ts': '' }, { 'src/core/stored-row.ts': '' }],
  ['head-comment', 'no comment', { 'src/core/a.ts': 'const a = 1;' }, { 'src/core/a.ts': `${HEAD}const a = 1;` }],
  [
    'docstrings',
    'a bare function',
    { 'src/core/a.ts': `${HEAD}\nconst x = 1;\nexport function a(): void {}` },
    { 'src/core/a.ts': `${HEAD}\n/** Does a. */\nexport function a(): void {}\nfunction b() {}\nexport const c = 1;` },
  ],
  [
    'docstrings',
    'a bare class and a bare arrow',
    { 'src/core/a.ts': `${HEAD}export const b = 2;\nexport class A {}\nexport const c = () => 1;\nexport class D {}` },
    { 'src/core/a.ts': `${HEAD}const b = 2;\nexport class A {}\n/** C. */\nexport const c = (): number => 1;` },
  ],
  [
    'tested',
    'no test',
    { 'src/core/a.ts': 'export function a() {}' },
    {
      'src/core/a.ts': 'export function a() {}',
      'test/core/a.test.ts': '',
      'src/kafka/b.ts': 'export class B {}',
      'test/kafka/b.int.test.ts': '',
      'src/core/c.ts': 'export const c = () => 1;',
      'test/core/d.test.ts': `import { c } from '../../src/core/c.ts';`,
      'src/core/types-only.ts': 'export interface A {\n  b: () => void;\n}\nexport type C = (d: D) => void;',
    },
  ],
  [
    'orphans',
    'a file that nothing imports',
    { 'src/core/a.ts': '', 'src/bin/lead-webhooks.ts': '' },
    {
      'src/bin/lead-webhooks.ts': `import '../core/a.ts';`,
      'src/core/a.ts': `const b = import('./b.ts');`,
      'src/core/b.ts': '',
      'test/x.test.ts': `new Worker(new URL('./support/c.ts', import.meta.url));`,
      'test/support/c.ts': '',
    },
  ],
  [
    'config-documented',
    'a name that the guide lacks',
    { 'src/ops/config-table.ts': `env: 'LEAD_WEBHOOKS_NEW'`, 'docs/operating.md': '`LEAD_WEBHOOKS_NEW_ONE`' },
    { 'src/ops/config-table.ts': `env: 'LEAD_WEBHOOKS_NEW'`, 'docs/operating.md': '| `LEAD_WEBHOOKS_NEW` |' },
  ],
  [
    'codes-documented',
    'a code that the guide lacks',
    { 'src/core/a.ts': `export type BadCode = 'one' | 'two';`, 'docs/operating.md': '`one`' },
    {
      'src/core/a.ts': `export type BadCode =\n  | 'one' // it's one\n  | 'two';\nexport type Kind = 'three';`,
      'docs/operating.md': '`one` `two`',
    },
  ],
  [
    'promises',
    'a promise without a test',
    {
      'docs/semantics.md': [1, 2, 3, 4, 5, 6, 7, 8]
        .map((n) => `## S${n}\n${n === 4 ? '' : 'test/a.test.ts'}\n`)
        .join(''),
    },
    { 'docs/semantics.md': [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `## S${n}. It holds\n\`test/a.test.ts\`\n`).join('') },
  ],
  [
    'links',
    'a dead link',
    { 'README.md': 'see [the map](ARCHITECTURE.md)' },
    { 'README.md': 'see [the map](docs/map.md#flow), `src/core/`', 'docs/map.md': '[back](../README.md)' },
  ],
  ['links', 'a dead path', { 'README.md': 'in `src/core/a.ts`' }, { 'README.md': '`src/a.ts`', 'src/a.ts': '' }],
  ['unfinished', 'a task in a comment', { 'helm/a.yaml': `# ${unfinished}: x` }, { 'helm/a.yaml': '# to do' }],
  [
    'registry-hosts',
    "a registry's host",
    { 'a.json': `"${'https://registry.'}${'npm'}js.org/x"` },
    { 'pom.xml': 'http://maven.apache.org/POM/4.0.0', 'a.md': 'https://kafka.apache.org' },
  ],
  [
    'machine-paths',
    'a path of one machine',
    { 'docs/a.md': `in /${'ro'}${'ot'}/x` },
    { 'docs/a.md': 'src/work/x ~/home/x https://x.org/work' },
  ],
];

describe('the rules', () => {
  const byName = new Map(RULES.map((rule) => [rule.name, rule]));
  const check = (name: string, files: Files): string[] => {
    const rule = byName.get(name);
    if (rule === undefined) throw new Error(`no rule ${name}`);
    return judge(rule, treeOf(files), []);
  };

  it.each(EXAMPLES)('%s: finds %s', (name, _what, bad) => {
    expect(check(name, bad)).not.toEqual([]);
  });

  it.each(EXAMPLES)('%s: is silent without %s', (name, _what, _bad, good) => {
    expect(check(name, good)).toEqual([]);
  });

  it('each have an example', () => {
    const shown = new Set(EXAMPLES.map(([name]) => name));
    expect(RULES.map((rule) => rule.name).filter((name) => !shown.has(name))).toEqual([]);
  });

  it('take an exception where one is needed, and report one that is not', () => {
    const rule = shapeRules.find(({ name }) => name === 'file-names');
    if (rule === undefined) throw new Error('no such rule');
    const exception = { rule: 'file-names', path: 'src/core/index.ts', why: 'an example' };
    expect(judge(rule, treeOf({ 'src/core/index.ts': '' }), [exception])).toEqual([]);
    expect(judge(rule, treeOf({ 'src/core/other.ts': '' }), [exception])[0]).toContain('remove it');
  });
});

describe('the scanner', () => {
  it.each([
    ['a // b', 'a     '],
    ['a /* b\nc */ d', 'a     \n     d'],
    [`f('it\\'s', "x")`, `f('     ', " ")`],
    [`\`a $\{b(\`c\`)} d\` + e`, `\`  $\{b(\` \`)}  \` + e`],
    ['x = /[/"]/g; y', 'x = /    /g; y'],
    ['a / b / c', 'a / b / c'],
  ])('masks %j', (text, masked) => {
    expect(mask(text)).toBe(masked);
  });

  it.each([
    ['function a<T extends { b: 1 }>(c: T): asserts c is T {\n}', 'a', 1],
    ['  async *#b(c: C, d = f(1, 2)): AsyncGenerator<E> {\n  }', '#b', 2],
    ['const g = async (h: H, i: I): Promise<J> => {\n};', 'g', 2],
    ['k.map(({ l, m }) => {\n});', '(anonymous)', 1],
  ])('sees the function in %j', (code, name, parameters) => {
    expect(functionsOf(code)).toContainEqual({ name, line: 1, lines: 2, parameters });
  });

  it.each(['if (a) {}', 'for (const a of b) {}', 'a ? b(c) : { d: 1 };', 'case f(a): {', 'a(b, c);'])(
    'sees no function in %j',
    (code) => {
      expect(functionsOf(code)).toEqual([]);
    },
  );
});
