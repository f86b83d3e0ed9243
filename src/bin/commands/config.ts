/** `config print` and `config check`: what the environment amounts to, without connecting to anything. */
import type { EffectiveSetting } from '../../ops/config.ts';
import { readArguments } from '../arguments.ts';
import { type Command, ConfigInvalid, type Context, outJson, readConfig } from '../command.ts';

const USAGE = `
Usage: lead-webhooks config print [--json]
       lead-webhooks config check [--json]

print   Shows every setting as it is in effect, and where it comes from. Secrets are shown as [secret].
check   Names every problem of the configuration at once. Connects to nothing.

Options:
  --json   one JSON document instead of text
  --help   this text

Exit codes: 0 good, 2 the configuration has problems.

Examples:
  lead-webhooks config check
  LEAD_WEBHOOKS_PARTITIONS=24 lead-webhooks config print --json
`;

export const command: Command = {
  name: 'config',
  summary: 'print the effective configuration, or check it',
  usage: USAGE,
  async run(context) {
    const args = readArguments(context.args, { words: [['print', 'check']], options: { json: 'flag' } });
    return args.words[0] === 'print' ? print(context, args.has('json')) : check(context, args.has('json'));
  },
};

function print(context: Context, json: boolean): number {
  const parsed = readConfig(context);
  if ('problems' in parsed) throw new ConfigInvalid(parsed.problems);
  if (json) outJson(context, parsed.effective);
  else for (const setting of parsed.effective) context.out(lineOf(setting));
  return 0;
}

function lineOf({ name, value, origin }: EffectiveSetting): string {
  const shown = value?.includes('\n') ? `${value.split('\n')[0]} …` : (value ?? '');
  return `${name}=${shown}${origin === 'default' ? '' : `  # ${origin}`}`;
}

function check(context: Context, json: boolean): number {
  const parsed = readConfig(context);
  const problems = 'problems' in parsed ? parsed.problems : [];
  if (json) outJson(context, { ok: problems.length === 0, problems });
  else if (problems.length === 0) context.out('configuration: good');
  else for (const problem of problems) context.out(problem);
  return problems.length === 0 ? 0 : 2;
}
