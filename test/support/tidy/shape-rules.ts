/** Sizes, names and comments: what a file looks like from outside. */
import { functionsOf } from './functions.ts';
import { type Finding, lineAt, type Rule } from './rule.ts';
import type { Tree, TreeFile } from './tree.ts';

const SOURCE_LINES_MAX = 400;
const TEST_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 70;
const PARAMETERS_MAX = 4;
const LIB_LINES_MAX = 80;
/** Names that say nothing of what a file owns. */
const EMPTY_NAMES = /^(?:index|utils?|helpers?|managers?|common|data|info|misc|types|interfaces|constants)$/;

const PROGRAM = ['src/', 'test/', 'bench/', 'scripts/'];

export const shapeRules: readonly Rule[] = [
  {
    name: 'file-size',
    claim: `a source file has at most ${SOURCE_LINES_MAX} lines, one of lib ${LIB_LINES_MAX}, a test ${TEST_LINES_MAX}`,
    check: (tree) => tree.code(...PROGRAM).flatMap(sizeFindings),
  },
  {
    name: 'function-size',
    claim: `a function has at most ${FUNCTION_LINES_MAX} lines`,
    check: (tree) =>
      everyFunction(
        tree,
        ({ lines }) => lines > FUNCTION_LINES_MAX,
        (one) => `${one.name} has ${one.lines} lines`,
      ),
  },
  {
    name: 'parameters',
    claim: `a function has at most ${PARAMETERS_MAX} positional parameters`,
    check: (tree) =>
      everyFunction(
        tree,
        ({ parameters }) => parameters > PARAMETERS_MAX,
        (one) => `${one.name} has ${one.parameters} parameters; take an options object`,
      ),
  },
  {
    name: 'file-names',
    claim: 'files are named in kebab-case after the one thing that they own; there is no index.ts',
    check: (tree) => tree.code(...PROGRAM).flatMap(nameFindings),
  },
  {
    name: 'head-comment',
    claim: 'every source file opens with a comment that says what it owns',
    check: (tree) =>
      tree
        .code('src/', 'bench/', 'scripts/', 'test/support/')
        .filter(({ text }) => !hasHeadComment(text))
        .map(({ path }) => ({ path, message: 'has no comment at its head' })),
  },
  {
    name: 'docstrings',
    claim:
      'every exported function and class of src has a docstring; for a class alone in its file, the head comment is it',
    check: (tree) => tree.code('src/').flatMap(docstringFindings),
  },
];

function sizeFindings({ path, text }: TreeFile): Finding[] {
  const lines = text.trimEnd().split('\n').length;
  const most = /^test\/.*\.test\.ts$/.test(path)
    ? TEST_LINES_MAX
    : path.startsWith('src/lib/')
      ? LIB_LINES_MAX
      : SOURCE_LINES_MAX;
  return lines > most ? [{ path, message: `has ${lines} lines, ${most} are the most` }] : [];
}

type Found = ReturnType<typeof functionsOf>[number];

function everyFunction(tree: Tree, isWrong: (one: Found) => boolean, say: (one: Found) => string): Finding[] {
  return tree.code('src/', 'bench/', 'scripts/').flatMap(({ path, code }) =>
    functionsOf(code)
      .filter(isWrong)
      .map((one) => ({ path, name: one.name, message: `line ${one.line}: ${say(one)}` })),
  );
}

function nameFindings({ path }: TreeFile): Finding[] {
  const name = path.split('/').at(-1) ?? '';
  const stem = name.split('.')[0] ?? '';
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)*\.(?:ts|mjs)$/.test(name))
    return [{ path, message: 'is not kebab-case' }];
  return EMPTY_NAMES.test(stem) ? [{ path, message: `"${stem}" says nothing; name what the file owns` }] : [];
}

function docstringFindings({ path, text, code }: TreeFile): Finding[] {
  const exported =
    /^export (?:default )?(?:(?:abstract )?class|(?:async )?function\*?|const (?=\w+(?:: [^=\n]+)? = (?:async )?(?:\(|function\b|<))) ?(\w*)/gm;
  const classes = [...code.matchAll(/^export (?:default )?(?:abstract )?class /gm)].length;
  const seen = new Set<string>();
  return [...code.matchAll(exported)].flatMap((match) => {
    const name = match[1] ?? '';
    const isOverload = seen.has(name);
    seen.add(name);
    const isFilesOwn = classes === 1 && match[0].includes('class ') && hasHeadComment(text);
    if (isOverload || isFilesOwn || text.slice(0, match.index).trimEnd().endsWith('*/')) return [];
    return [{ path, name, message: `line ${lineAt(text, match.index)}: ${name} has no docstring` }];
  });
}

function hasHeadComment(text: string): boolean {
  return /^(?:#!.*\n)?\s*\/[/*]/.test(text);
}
