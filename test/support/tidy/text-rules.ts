/** Words that no file may hold, whatever its kind. The patterns are put together from pieces, or this file would break them. */
import { type Finding, lineAt, type Rule } from './rule.ts';
import type { Tree } from './tree.ts';

const UNFINISHED = new RegExp(
  `\\b(?:${['TO', 'FIX', 'XX'].map((word, i) => word + ['DO', 'ME', 'X'][i]).join('|')})\\b`,
  'g',
);
/** Not the XML namespace of Maven's own files, which is a name and no address. */
const REGISTRY_HOST =
  /https?:\/\/[a-z0-9.-]*(?:npm|maven|golang|pypi|pythonhosted|crates|debian)[a-z0-9.-]*(?![a-z0-9.-])(?!\/POM)/g;
const MACHINE_PATH = new RegExp(
  `(?<![\\w.~-])/(?:${['wo', 'ro', 'ho', 'Us'].map((word, i) => word + ['rk', 'ot', 'me', 'ers'][i]).join('|')})/\\w+`,
  'g',
);

export const textRules: readonly Rule[] = [
  {
    name: 'unfinished',
    claim: 'nothing is left unfinished: a task belongs into an issue',
    check: (tree) => search(tree, UNFINISHED, 'finish it, or write an issue'),
  },
  {
    name: 'registry-hosts',
    claim: 'no package registry is named: npm and Maven know theirs',
    check: (tree) => search(tree, REGISTRY_HOST, 'let the client choose its registry'),
  },
  {
    name: 'machine-paths',
    claim: 'no path of one particular machine is named',
    check: (tree) => search(tree, MACHINE_PATH, 'use a path inside the project'),
  },
];

function search(tree: Tree, pattern: RegExp, instead: string): Finding[] {
  return tree.files.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map((match) => ({
      path,
      name: match[0],
      message: `line ${lineAt(text, match.index)}: ${match[0]}: ${instead}`,
    })),
  );
}
