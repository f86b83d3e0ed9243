/**
 * What a command of the program is, and what it gets from the process. A command prints its findings with `out`, and what is wrong
 * with the way it was called by throwing: the dispatcher turns that into a line on stderr and an exit code. No command touches `process`.
 */
import type { Log } from '../lib/log.ts';
import { type Config, type Env, type ParsedConfig, parseConfig } from '../ops/config.ts';
import type { Lifecycle } from '../ops/lifecycle.ts';
import { createLog } from '../ops/log.ts';

export interface Command {
  readonly name: string;
  /** One phrase for the list of commands. */
  readonly summary: string;
  /** The whole text of `--help`: how to call it, every option, exit codes, examples. */
  readonly usage: string;
  /** @returns the exit code: 0 good, 1 a problem was found, 2 wrong usage or configuration. */
  run(context: Context): Promise<number>;
}

export interface Context {
  /** What follows the command's name. */
  readonly args: readonly string[];
  readonly env: Env;
  /** Prints a finding on stdout; a newline is added. */
  readonly out: (text: string) => void;
  /** Prints a line on stderr; a newline is added. */
  readonly err: (text: string) => void;
  /** Whether a person watches stdout, so that colours make sense. */
  readonly isTerminal: boolean;
  /** The text of a file; throws when it cannot be read. */
  readonly readFile: (path: string) => string;
  /** All that comes on stdin, as text. */
  readonly readInput: () => Promise<string>;
  /** Version of the program. */
  readonly version: string;
  /** Hands the signals and crashes of the process to a lifecycle, until the function returned is called. */
  readonly attach: (lifecycle: Lifecycle) => () => void;
  /** Ends the process at once: for a Lifecycle. */
  readonly exit: (code: number) => void;
}

/** The command line is wrong. Exit 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The configuration is wrong, in all the ways named. Exit 2. */
export class ConfigInvalid extends Error {
  override name = 'ConfigInvalid';
  readonly problems: readonly string[];

  /** @param problems one line each, never empty. */
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/**
 * The configuration of the process.
 * @throws ConfigInvalid with every problem.
 */
export function loadConfig(context: Context): Config {
  const parsed = readConfig(context);
  if ('problems' in parsed) throw new ConfigInvalid(parsed.problems);
  return parsed.config;
}

/** The configuration or its problems, for the commands that are about it. */
export function readConfig(context: Context): ParsedConfig {
  return parseConfig(context.env, context.readFile);
}

/** The log of a command that ends by itself: its findings are on stdout, so stderr stays quiet unless something is wrong. */
export function briefLog({ log }: Config): Log {
  return createLog(log.level === 'info' ? 'warn' : log.level);
}

/** A JSON document as a finding, indented, one newline at the end. */
export function outJson(context: Context, document: unknown): void {
  context.out(JSON.stringify(document, null, 2));
}
