/** What a rule is, and how findings and the exceptions to them meet. */
import type { Tree } from './tree.ts';

export interface Finding {
  readonly path: string;
  /** What is wrong and what to do instead; starts with the line where there is one. */
  readonly message: string;
  /** A function's name, where the rule is about one: exceptions name it. */
  readonly name?: string;
}

export interface Rule {
  readonly name: string;
  /** The rule as a full sentence: it is the test's name. */
  readonly claim: string;
  check(tree: Tree): Finding[];
}

/** A place where a rule may be broken, and why. The list may only shrink: an exception that nothing needs is a finding. */
export interface Exception {
  readonly rule: string;
  readonly path: string;
  readonly name?: string;
  readonly why: string;
}

/** Findings of `rule` without those that are excepted, then the exceptions to it that nothing needs; one line each. */
export function judge(rule: Rule, tree: Tree, exceptions: readonly Exception[]): string[] {
  const mine = exceptions.filter((exception) => exception.rule === rule.name);
  const findings = rule.check(tree);
  const open = findings.filter((finding) => !mine.some((exception) => covers(exception, finding)));
  const idle = mine.filter((exception) => !findings.some((finding) => covers(exception, finding)));
  return [
    ...open.map((finding) => `${finding.path}: ${finding.message}`),
    ...idle.map(({ path, name }) => `${path}${name ? ` ${name}` : ''}: is an exception that nothing needs; remove it`),
  ];
}

function covers(exception: Exception, finding: Finding): boolean {
  return exception.path === finding.path && exception.name === finding.name;
}

/** 1-based line of `index` in `text`. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
