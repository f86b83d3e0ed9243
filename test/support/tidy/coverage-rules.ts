/** Nothing lies about unused, untested or undocumented: tests beside sources, imports that reach every file, documents that keep up. */
import type { Finding, Rule } from './rule.ts';
import type { Tree, TreeFile } from './tree.ts';

const OPERATING = 'docs/operating.md';
const SEMANTICS = 'docs/semantics.md';
const PROMISES = ['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8'];

export const coverageRules: readonly Rule[] = [
  {
    name: 'tested',
    claim: 'every source file with code of its own has a test of the same name, or one that imports it',
    check: (tree) => tree.code('src/').flatMap((file) => testFindings(tree, file)),
  },
  {
    name: 'orphans',
    claim: 'every file of src and test/support is reached from a command, a test or a bench',
    check: orphanFindings,
  },
  {
    name: 'config-documented',
    claim: `every environment name of the configuration is in ${OPERATING}`,
    check: (tree) => documented(tree, environmentNames(tree)),
  },
  {
    name: 'codes-documented',
    claim: `every code of a dead letter or an error is in ${OPERATING}`,
    check: (tree) => documented(tree, codes(tree)),
  },
  {
    name: 'promises',
    claim: `every promise S1 to S8 is in ${SEMANTICS} with the tests that hold it`,
    check: promiseFindings,
  },
  {
    name: 'links',
    claim: 'every relative link and every path in backticks of a document leads somewhere',
    check: (tree) => tree.files.filter(({ path }) => path.endsWith('.md')).flatMap((file) => linkFindings(tree, file)),
  },
];

function testFindings(tree: Tree, { path, code }: TreeFile): Finding[] {
  const hasCode = /^(?:export )?(?:default )?(?:async )?(?:abstract )?(?:function|class)\b|=>/m.test(
    withoutTypes(code),
  );
  if (!hasCode) return [];
  const stem = path.replace(/^src\//, 'test/').replace(/\.ts$/, '');
  const isMirrored = [`${stem}.test.ts`, `${stem}.int.test.ts`].some((test) => tree.get(test) !== undefined);
  if (isMirrored || tree.code('test/').some((test) => isTest(test) && test.imports.includes(path))) return [];
  return [{ path, message: `has no ${stem}.test.ts, and no test imports it` }];
}

function isTest({ path }: TreeFile): boolean {
  return path.endsWith('.test.ts');
}

/** Without interfaces and type aliases, whose arrows are no code. */
function withoutTypes(code: string): string {
  return code.replace(/^(?:export )?interface [^{]*\{[\s\S]*?^\}/gm, '').replace(/^(?:export )?type [\s\S]*?;$/gm, '');
}

function orphanFindings(tree: Tree): Finding[] {
  const roots = tree.files.filter(
    ({ path }) =>
      path === 'src/bin/lead-webhooks.ts' ||
      path === 'vitest.config.ts' ||
      /^(?:test\/.*\.test\.ts|bench\/.*|scripts\/.*)$/.test(path),
  );
  const reached = new Set(roots.map(({ path }) => path));
  for (const path of reached) {
    const file = tree.get(path);
    // vitest.config.ts names the set-up and the reporter as texts.
    const named =
      path === 'vitest.config.ts' ? [...(file?.text ?? '').matchAll(/test\/support\/[\w-]+\.ts/g)].flat() : [];
    for (const target of [...(file?.imports ?? []), ...named]) reached.add(target);
  }
  return tree
    .code('src/', 'test/support/')
    .filter(({ path }) => !reached.has(path))
    .map(({ path }) => ({ path, message: 'is imported by nothing that runs' }));
}

interface Term {
  readonly path: string;
  readonly text: string;
}

/** Each term must stand in the operating guide as a word of its own in backticks. */
function documented(tree: Tree, terms: readonly Term[]): Finding[] {
  const guide = tree.get(OPERATING);
  if (guide === undefined) return [];
  return terms
    .filter(({ text }) => !guide.text.includes(`\`${text}\``))
    .map(({ path, text }) => ({ path, message: `${text} is not in ${OPERATING}` }));
}

function environmentNames(tree: Tree): Term[] {
  return tree.code('src/ops/config').flatMap(({ path, text }) => {
    const names = text.matchAll(/['"]((?:LEAD_WEBHOOKS|KAFKA|SCHEMA_REGISTRY)_[A-Z0-9_]*[A-Z0-9])['"]/g);
    return unique(names).map((name) => ({ path, text: name }));
  });
}

/** Members of exported unions of texts whose name ends in Code. */
function codes(tree: Tree): Term[] {
  return tree.code('src/').flatMap(({ path, text }) => {
    const unions = text.matchAll(/^export type \w*Code =((?:\s*(?:\|\s*)?'[\w-]+'(?:\s*\/\/[^\n]*(?=\n))?)+);/gm);
    const members = [...unions].flatMap((union) => unique((union[1] ?? '').matchAll(/(?:^|\|)\s*'([\w-]+)'/gm)));
    return members.map((member) => ({ path, text: member }));
  });
}

function unique(matches: Iterable<RegExpMatchArray>): string[] {
  return [...new Set([...matches].map((match) => match[1] ?? ''))];
}

function promiseFindings(tree: Tree): Finding[] {
  const document = tree.get(SEMANTICS);
  if (document === undefined) return [];
  return PROMISES.flatMap((promise) => {
    const part = new RegExp(
      `^(?:#+ |\\*\\*|- \\*\\*)${promise}\\b[\\s\\S]*?(?=^(?:#+ |\\*\\*|- \\*\\*)S\\d|(?![\\s\\S]))`,
      'm',
    ).exec(document.text);
    if (part === null) return [{ path: SEMANTICS, message: `says nothing of ${promise}` }];
    const tests = part[0].match(/test\/[\w/.-]+\.test\.ts/g) ?? [];
    return tests.length > 0 ? [] : [{ path: SEMANTICS, message: `names no test that holds ${promise}` }];
  });
}

function linkFindings(tree: Tree, { path, text }: TreeFile): Finding[] {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
  const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map((match) => resolve(folder + match[1]));
  const paths = [...text.matchAll(/`((?:src|test|docs|bench|scripts|schemas|helm)\/[\w/.-]+\.\w+)`/g)].map(
    (match) => match[1] ?? '',
  );
  return [...links, ...paths]
    .filter((target) => !exists(tree, target))
    .map((target) => ({ path, message: `names ${target}, which does not exist` }));
}

function resolve(path: string): string {
  return new URL(path, 'file:///').pathname.slice(1);
}

function exists(tree: Tree, target: string): boolean {
  const folder = target.endsWith('/') ? target : `${target}/`;
  return tree.get(target) !== undefined || tree.files.some((file) => file.path.startsWith(folder));
}
