/**
 * What one environment variable of the program is, and the four ways to write one down. The table of all is config-table.ts; how a text
 * becomes a value is the parser's part.
 */
import type { Parser } from './config-parsers.ts';

export interface Setting<T> {
  readonly env: string;
  readonly parser: Parser<T>;
  /** null = no default: the value is null, or a problem when `required`. */
  readonly fallback: string | null;
  readonly required: boolean;
  /** Never printed; always has a `_FILE` twin. */
  readonly secret: boolean;
  /** May also be given as the path of a file in `<env>_FILE`. */
  readonly fileTwin: boolean;
  readonly unit: 'ms' | 'bytes' | 'records' | 'rows' | 'requests' | 'endpoints' | null;
  /** One or two sentences for the operator. */
  readonly meaning: string;
}

type Extra = Partial<Pick<Setting<unknown>, 'secret' | 'fileTwin'>>;

/** A setting with a default, in the words of the environment. */
export function setting<T>(env: string, parser: Parser<T>, fallback: string, meaning: string): Setting<T> {
  return { ...PLAIN, env, parser, fallback, meaning };
}

/** A setting that may be absent; then its value is null. */
export function optional<T>(env: string, parser: Parser<T>, meaning: string, extra: Extra = {}): Setting<T | null> {
  return { ...PLAIN, env, parser, fallback: null, meaning, ...extra };
}

/** A setting without which the program does not start. */
export function required<T>(env: string, parser: Parser<T>, meaning: string): Setting<T> {
  return { ...PLAIN, env, parser, fallback: null, meaning, required: true };
}

/** The same setting with the unit of its number. */
export function measured<T>(unit: Setting<T>['unit'], of: Setting<T>): Setting<T> {
  return { ...of, unit };
}

const PLAIN = { required: false, secret: false, fileTwin: false, unit: null } as const;
/** A value that is never printed. */
export const SECRET: Extra = { secret: true, fileTwin: true };
/** A value that may lie in a file. */
export const FILE: Extra = { fileTwin: true };
