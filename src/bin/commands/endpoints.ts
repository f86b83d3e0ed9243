/** `endpoints check FILE`: every mistake of an endpoints file with its line, as `run` would find it, before anybody deploys it. */
import { parseEndpoints } from '../../delivery/endpoints.ts';
import type { SecretSource } from '../../delivery/secret-reference.ts';
import { readSetting } from '../../ops/config.ts';
import { SETTINGS } from '../../ops/config-table.ts';
import { readArguments } from '../arguments.ts';
import { type Command, ConfigInvalid, type Context, outJson, UsageError } from '../command.ts';

const USAGE = `
Usage: lead-webhooks endpoints check FILE [--json]

check   Validates an endpoints file and names every mistake with its line. The secrets that it refers to are looked up,
        so run it where they are, and never shown. Connects to nothing.

Used from the configuration: LEAD_WEBHOOKS_PAYLOAD_VERSIONS, as an endpoint can only want a version that is emitted.

Options:
  --json   one JSON document instead of text
  --help   this text

Exit codes: 0 good, 1 the file has mistakes, 2 wrong usage or configuration, also a file that cannot be read.

Examples:
  lead-webhooks endpoints check endpoints.yaml
  LEAD_WEBHOOKS_PAYLOAD_VERSIONS=v3 lead-webhooks endpoints check endpoints.yaml --json
`;

export const command: Command = {
  name: 'endpoints',
  summary: 'check an endpoints file',
  usage: USAGE,
  async run(context) {
    const args = readArguments(context.args, { words: [['check'], 'FILE'], options: { json: 'flag' } });
    const file = args.words[1] ?? '';
    const versions = readSetting(SETTINGS.payload.versions, context.env);
    if ('problem' in versions) throw new ConfigInvalid([versions.problem]);
    const options = { secrets: secretSource(context), emittedVersions: versions.value };
    const { endpoints, mistakes } = parseEndpoints(textOf(context, file), options);
    const ok = mistakes.length === 0;
    if (args.has('json')) outJson(context, { ok, endpoints: endpoints.map(({ id }) => id), mistakes });
    else if (ok) context.out(`${file}: good, ${endpoints.length} endpoint${endpoints.length === 1 ? '' : 's'}`);
    for (const { line, path, message } of args.has('json') ? [] : mistakes) {
      context.out(`${file}:${line}: ${path === '' ? '' : `${path} `}${message}`);
    }
    return ok ? 0 : 1;
  },
};

/** Where the secrets of endpoints come from in this process; null = not there or unreadable. */
export function secretSource(context: Pick<Context, 'env' | 'readFile'>): SecretSource {
  return {
    env: (name) => context.env[name] ?? null,
    file(path) {
      try {
        return context.readFile(path);
      } catch {
        return null;
      }
    },
  };
}

function textOf(context: Context, file: string): string {
  try {
    return context.readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new UsageError(`${file} cannot be read (${code})`);
  }
}
