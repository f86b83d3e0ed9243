/**
 * The arguments of one command, checked: unknown options and words are refused, with the name that comes close. It knows no command; `--help`
 * has been answered before (dispatch.ts).
 */
import { parseArgs } from 'node:util';
import { nearest } from '../lib/nearest.ts';
import { UsageError } from './command.ts';

export interface ArgumentSpec {
  /** Long option → whether it takes a value. */
  readonly options?: Readonly<Record<string, 'flag' | 'value'>>;
  /** The words that must follow: a set of words to choose from, or a name for the reader such as `FILE`. */
  readonly words?: readonly (string | readonly string[])[];
  /** How many words more may follow. */
  readonly more?: number;
}

export interface Arguments {
  readonly words: readonly string[];
  /** Whether a flag was given. */
  has(option: string): boolean;
  /** The value of an option, or null when it was not given. The last one wins. */
  value(option: string): string | null;
}

/**
 * Reads the arguments by the spec.
 * @throws UsageError for the first mistake.
 */
export function readArguments(args: readonly string[], spec: ArgumentSpec): Arguments {
  const options = new Map(Object.entries(spec.options ?? {}));
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      [...options].map(([name, kind]) => [
        name,
        { type: kind === 'flag' ? ('boolean' as const) : ('string' as const) },
      ]),
    ),
  });
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const kind = options.get(token.name);
    if (kind === undefined) throw unknownOption(token.rawName, options.keys());
    if (kind === 'flag' && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
    if (kind === 'flag') flags.add(token.name);
    else if (token.value === undefined || token.value === '') throw new UsageError(`${token.rawName} needs a value`);
    else values.set(token.name, token.value);
  }
  checkWords(words, spec.words ?? [], spec.more ?? 0);
  return { words, has: (name) => flags.has(name), value: (name) => values.get(name) ?? null };
}

function unknownOption(rawName: string, known: Iterable<string>): UsageError {
  const near = nearest(
    rawName,
    [...known].map((name) => `--${name}`),
  );
  return new UsageError(`unknown option ${rawName}${near === null ? '' : `, did you mean ${near}?`}`);
}

function checkWords(words: readonly string[], expected: readonly (string | readonly string[])[], more: number): void {
  expected.forEach((choice, index) => {
    const word = words[index];
    const wanted = typeof choice === 'string' ? choice : choice.join(' or ');
    if (word === undefined) throw new UsageError(`${wanted} is missing`);
    if (typeof choice === 'string' || choice.includes(word)) return;
    const near = nearest(word, choice);
    throw new UsageError(`unknown word "${word}", ${near === null ? `expected ${wanted}` : `did you mean "${near}"?`}`);
  });
  const extra = words[expected.length + more];
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`);
}

/**
 * Reads the arguments of a command that has several doings: the first word says which, and each has a spec of its own, whose words
 * come after it.
 * @throws UsageError for the first mistake, also when the first word is an option.
 */
export function readDoing<D extends string>(
  args: readonly string[],
  doings: Readonly<Record<D, ArgumentSpec>>,
): { readonly doing: D; readonly args: Arguments } {
  const names = Object.keys(doings) as D[];
  const [first = '', ...rest] = args;
  const doing = names.find((name) => name === first);
  if (first === '' || first.startsWith('-')) throw new UsageError(`${names.join(' or ')} must come first`);
  if (doing === undefined) {
    const near = nearest(first, names);
    throw new UsageError(
      `unknown word "${first}", ${near === null ? `expected ${names.join(' or ')}` : `did you mean "${near}"?`}`,
    );
  }
  return { doing, args: readArguments(rest, doings[doing]) };
}
