/**
 * From the command line to a command and its exit code: help, suggestions for what is not known, and one plain line for each way to fail.
 * The only place that decides the exit codes of failures. Pure but for the streams and loaders it is given.
 */
import { nearest } from '../lib/nearest.ts';
import { lineOf } from '../ops/lifecycle.ts';
import { type Command, ConfigInvalid, type Context, UsageError } from './command.ts';

export type Loaders = Readonly<Record<string, () => Promise<{ readonly command: Command }>>>;

export type Terminal = Omit<Context, 'args'>;

const HELP = new Set(['--help', '-h']);

/**
 * Runs one command line.
 * @param argv what follows the program's name.
 * @returns 0 good, 1 a problem was found or something failed, 2 wrong usage or configuration. Never rejects.
 */
export async function dispatch(argv: readonly string[], loaders: Loaders, terminal: Terminal): Promise<number> {
  const [name, ...args] = argv;
  const askedFor = name === 'help' ? args[0] : name;
  try {
    if (name === '--version' || name === '-v') {
      terminal.out(terminal.version);
      return 0;
    }
    if (name === undefined || askedFor === undefined || HELP.has(askedFor)) {
      (name === undefined ? terminal.err : terminal.out)(await overview(loaders));
      return name === undefined ? 2 : 0;
    }
    const command = await load(askedFor, loaders);
    if (name === 'help' || wantsHelp(args)) {
      terminal.out(command.usage.trim());
      return 0;
    }
    return await command.run({ ...terminal, args });
  } catch (error) {
    return failed(error, askedFor, terminal);
  }
}

function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).some((arg) => HELP.has(arg));
}

async function load(name: string, loaders: Loaders): Promise<Command> {
  const loader = Object.hasOwn(loaders, name) ? loaders[name] : undefined;
  if (loader !== undefined) return (await loader()).command;
  const what = name.startsWith('-') ? `unknown option ${name}` : `unknown command "${name}"`;
  const near = nearest(name, Object.keys(loaders));
  throw new UsageError(near === null ? what : `${what}, did you mean "${near}"?`);
}

function failed(error: unknown, name: string | undefined, terminal: Terminal): number {
  if (error instanceof ConfigInvalid) {
    for (const problem of error.problems) terminal.err(`lead-webhooks: ${problem}`);
    return 2;
  }
  terminal.err(`lead-webhooks: ${lineOf(error)}`);
  if (!(error instanceof UsageError)) return 1;
  const known = name !== undefined && !error.message.startsWith('unknown command') && !name.startsWith('-');
  terminal.err(`See: lead-webhooks ${known ? `${name} ` : ''}--help`);
  return 2;
}

async function overview(loaders: Loaders): Promise<string> {
  const commands = await Promise.all(Object.values(loaders).map(async (loader) => (await loader()).command));
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `lead-webhooks: joins the change streams of leads, appointments and test drives, and delivers webhooks.

Usage: lead-webhooks COMMAND [ARGUMENTS]

Commands:
${lines.join('\n')}

  lead-webhooks COMMAND --help   what a command does, its options and examples
  lead-webhooks --version        the version of the program

Configuration comes from the environment: \`lead-webhooks config print\` shows it, docs/operating.md explains it.
Findings go to stdout, the log to stderr.
Exit codes: 0 good, 1 a problem was found, 2 wrong usage or configuration.`;
}
