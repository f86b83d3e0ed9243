/** Values of options on the command line: numbers and times. A value that cannot be read is a UsageError that names the option. */
import type { Arguments } from './arguments.ts';
import { UsageError } from './command.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A whole number of at least `least`; null when the option was not given. */
export function wholeNumber(args: Arguments, option: string, least: number): number | null {
  const text = args.value(option);
  if (text === null) return null;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least)) throw new UsageError(`--${option} needs a whole number, at least ${least}`);
  return number;
}

/**
 * A moment: an instant with its zone (`2026-02-01T00:00:00Z`), or so long ago (`90s`, `30m`, `24h`, `7d`).
 * @param now ms since the epoch
 * @returns ms since the epoch; null when the option was not given
 */
export function moment(args: Arguments, option: string, now: number): number | null {
  const text = args.value(option);
  if (text === null) return null;
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * (UNITS_MS[ago[2] ?? ''] ?? 0);
  const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(instant)) {
    throw new UsageError(`--${option} needs an instant such as 2026-02-01T00:00:00Z, or how long ago such as 24h`);
  }
  return instant;
}
