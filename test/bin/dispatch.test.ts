/** Dispatch with commands made for the test: help, suggestions, and the exit code of each way to fail. */
import { expect, test } from 'vitest';
import { type Command, ConfigInvalid, type Context, UsageError } from '../../src/bin/command.ts';
import { dispatch } from '../../src/bin/dispatch.ts';
import { AssertionFailed } from '../../src/lib/assert.ts';

function command(name: string, run: (context: Context) => Promise<number>): Command {
  return { name, summary: `does ${name}`, usage: `\nUsage: lead-webhooks ${name}\n`, run };
}

async function dispatched(argv: string[], run: (context: Context) => Promise<number> = async () => 0) {
  const out: string[] = [];
  const err: string[] = [];
  const loaders = {
    topics: async () => ({ command: command('topics', run) }),
    config: async () => ({ command: command('config', async () => 1) }),
  };
  const code = await dispatch(argv, loaders, {
    env: {},
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    isTerminal: false,
    readInput: async () => '',
    readFile: () => '',
    version: '1.2.3',
    attach: () => () => {},
    exit: () => {},
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

test('a command gets its arguments and gives the exit code', async () => {
  let seen: readonly string[] = [];
  const { code } = await dispatched(['topics', 'plan', '--json'], async ({ args }) => {
    seen = args;
    return 1;
  });
  expect([code, seen]).toEqual([1, ['plan', '--json']]);
});

test.each([[['--help']], [['-h']], [['help']]])('%j shows the commands on stdout', async (argv) => {
  const { code, out, err } = await dispatched(argv);
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('  topics  does topics\n  config  does config\n');
});

test('no command at all shows the same on stderr, with 2', async () => {
  const { code, out, err } = await dispatched([]);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain('Commands:');
});

test.each([[['topics', '--help']], [['topics', 'plan', '-h']], [['help', 'topics']]])(
  '%j shows the help of the command and does not run it',
  async (argv) => {
    const { code, out } = await dispatched(argv, async () => {
      throw new Error('must not run');
    });
    expect([code, out]).toEqual([0, 'Usage: lead-webhooks topics']);
  },
);

test('--version prints the version', async () => {
  expect(await dispatched(['--version'])).toEqual({ code: 0, out: '1.2.3', err: '' });
});

test.each([
  [['topcis'], 'lead-webhooks: unknown command "topcis", did you mean "topics"?\nSee: lead-webhooks --help'],
  [['zebra'], 'lead-webhooks: unknown command "zebra"\nSee: lead-webhooks --help'],
  [['help', 'zebra'], 'lead-webhooks: unknown command "zebra"\nSee: lead-webhooks --help'],
  [['--verbose'], 'lead-webhooks: unknown option --verbose\nSee: lead-webhooks --help'],
  [['constructor'], 'lead-webhooks: unknown command "constructor"\nSee: lead-webhooks --help'],
])('%j is wrong usage', async (argv, err) => {
  expect(await dispatched(argv)).toEqual({ code: 2, out: '', err });
});

test.each<[string, Error, number, string]>([
  [
    'wrong usage',
    new UsageError('FILE is missing'),
    2,
    'lead-webhooks: FILE is missing\nSee: lead-webhooks topics --help',
  ],
  ['a wrong configuration', new ConfigInvalid(['A: bad', 'B: bad']), 2, 'lead-webhooks: A: bad\nlead-webhooks: B: bad'],
  ['a failure of the world', new Error('no broker answers'), 1, 'lead-webhooks: no broker answers'],
  ['a bug', new AssertionFailed('impossible'), 1, 'lead-webhooks: bug: impossible'],
])('%s ends with its exit code and its line', async (_what, error, code, err) => {
  const result = await dispatched(['topics'], async () => {
    throw error;
  });
  expect(result).toEqual({ code, out: '', err });
});
