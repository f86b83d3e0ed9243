/**
 * Finds the functions of a masked file by their brackets: a parameter list that is followed by a body or an arrow. Knows as
 * much TypeScript as formatted code of this project needs; no parser is involved.
 */
import { lineAt } from './rule.ts';

export interface FoundFunction {
  /** The name before the parameters or the variable that it is given to; `(anonymous)` for a callback. */
  readonly name: string;
  readonly line: number;
  /** Lines from the parameters to the closing brace. 1 for an arrow without braces. */
  readonly lines: number;
  readonly parameters: number;
}

const NOT_A_FUNCTION = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);

/** Every function, method and arrow with a parameter list in brackets. `code` has been through mask(). */
export function functionsOf(code: string): FoundFunction[] {
  const found: FoundFunction[] = [];
  for (let open = code.indexOf('('); open >= 0; open = code.indexOf('(', open + 1)) {
    const close = closing(code, open);
    if (close < 0) break;
    const before = code.slice(Math.max(0, open - 120), open);
    if (NOT_A_FUNCTION.has(/([\w$]+)\s*$/.exec(before)?.[1] ?? '')) continue;
    const body = bodyAfter(code, close + 1);
    if (body === null) continue;
    const end = body.brace < 0 ? open : closing(code, body.brace);
    const lines = lineAt(code.slice(open, end < 0 ? undefined : end + 1), Number.POSITIVE_INFINITY);
    const name = nameOf(before);
    found.push({ name, line: lineAt(code, open), lines, parameters: parametersOf(code.slice(open + 1, close)) });
  }
  return found;
}

function nameOf(before: string): string {
  const direct = /([#\w$]+)(?:<[^()]*>)?\s*$/.exec(before)?.[1];
  if (direct !== undefined && direct !== 'async' && direct !== 'function') return direct;
  const given = /([#\w$]+)(?::[^=;]*)?\s*[=:]\s*(?:async\s*)?(?:function\s*)?(?:<[^()]*>)?\s*$/.exec(before)?.[1];
  return given ?? '(anonymous)';
}

/** Where the body begins after a parameter list that ends before `from`; brace -1 for an arrow without one; null if none. */
function bodyAfter(code: string, from: number): { readonly brace: number } | null {
  let at = skipBlanks(code, from);
  if (code[at] === '{') return { brace: at };
  if (code[at] === ':') at = typeEnd(code, at + 1);
  if (code[at] === '{') return { brace: at };
  if (!code.startsWith('=>', at)) return null;
  at = skipBlanks(code, at + 2);
  return { brace: code[at] === '{' ? at : -1 };
}

/** The end of a return type: the `{` of the body, the `=>` of an arrow, or whatever cannot belong to a type. */
function typeEnd(code: string, from: number): number {
  let previous = ':';
  for (let at = skipBlanks(code, from); at < code.length; at = skipBlanks(code, at + 1)) {
    const char = code[at] ?? '';
    if (char === '=' && code[at + 1] === '>') return at;
    if (char === '{' && !/[:|&,<(]/.test(previous)) return at;
    if (/[;,)\]}=?]/.test(char)) return at;
    if ('({[<'.includes(char)) {
      const close = closing(code, at);
      if (close < 0) return code.length;
      at = close;
    }
    previous = code[at] ?? '';
  }
  return code.length;
}

function skipBlanks(code: string, from: number): number {
  let at = from;
  while (at < code.length && /\s/.test(code[at] ?? '')) at += 1;
  return at;
}

const PAIRS: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']', '<': '>' };

/** The index of the bracket that closes the one at `open`; -1 when there is none. Counts that kind of bracket alone. */
function closing(code: string, open: number): number {
  const opener = code[open] ?? '';
  const closer = PAIRS[opener];
  let depth = 0;
  for (let at = open; at < code.length; at += 1) {
    if (code[at] === opener) depth += 1;
    if (code[at] === closer && !(closer === '>' && code[at - 1] === '=')) depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

/** Commas at the outermost level, plus one; a trailing comma does not count. */
function parametersOf(list: string): number {
  let depth = 0;
  const parts = [''];
  for (let at = 0; at < list.length; at += 1) {
    const char = list[at] ?? '';
    if ('({[<'.includes(char)) depth += 1;
    if (')}]'.includes(char) || (char === '>' && list[at - 1] !== '=')) depth -= 1;
    if (char === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts.filter((part) => part.trim() !== '').length;
}
