/**
 * `endpoints check FILE`: every mistake of an endpoints file with its line, as `run` would find it, before anybody deploys it.
 * `endpoints seal ID`: a secret in the form in which others may see it.
 * `endpoints test`, `pause` and `resume`: see endpoint-trial.ts and endpoint-word.ts.
 */
import { randomBytes } from 'node:crypto';
import { ENDPOINT_ID_FORM, isEndpointId, parseEndpoints } from '../../delivery/endpoints.ts';
import { NONCE_BYTES, Seal } from '../../delivery/seal.ts';
import { Secret } from '../../lib/secret.ts';
import { readSetting } from '../../ops/config.ts';
import { SETTINGS } from '../../ops/config-table.ts';
import type { Setting } from '../../ops/setting.ts';
import { type Arguments, readArguments } from '../arguments.ts';
import { type Command, ConfigInvalid, type Context, outJson, UsageError } from '../command.ts';
import { fileRules } from '../endpoint-definitions.ts';
import { tryEndpoint } from '../endpoint-trial.ts';
import { sayWord } from '../endpoint-word.ts';

const USAGE = `
Usage: lead-webhooks endpoints check FILE [--json]
       lead-webhooks endpoints seal ID
       lead-webhooks endpoints test ID [--json]
       lead-webhooks endpoints pause|resume ID

check   Validates an endpoints file and names every mistake with its line. The secrets that it refers to are looked up,
        so run it where they are, and never shown. Connects to nothing.
seal    Reads a secret from stdin, without its last newline, and prints it sealed for the endpoint ID, under the first
        key of LEAD_WEBHOOKS_SEAL_KEY. What is printed may stand in a definition of that endpoint: { sealed: "…" }.
test    Sends the documented sample payload to the endpoint ID once: authorized, signed and guarded as a delivery is,
        with a webhook-id of its own and the header "lead-webhook-test: true". Prints what came back: outcome, status,
        time, and how many bytes the answer had; never the answer itself. ID is looked for in the file, then in the
        topic; run it where the secrets are, as a user that may read the endpoints topic.
pause   No request goes to the endpoint ID any more, from any process, until it is resumed. Deliveries wait in Kafka as
        they do for an endpoint that fails, within the same limits, and are given up as late. Takes a moment, and stays
        over restarts.
resume  Ends a pause, and whatever else holds the endpoint back until a probe: its breaker, a 401 or 403, a 410. Says
        what holds the endpoint all the same.

Used from the configuration: LEAD_WEBHOOKS_PAYLOAD_VERSIONS, as an endpoint can only want a version that is emitted,
LEAD_WEBHOOKS_SESSION_TIMEOUT_MS, which bounds timeoutMs, LEAD_WEBHOOKS_SEAL_KEY, LEAD_WEBHOOKS_ENDPOINTS_FILE (test,
pause, resume), LEAD_WEBHOOKS_ENDPOINTS_TOPIC… (test), and for pause and resume KAFKA_* and
LEAD_WEBHOOKS_ENDPOINT_HEALTH_TOPIC.

Options:
  --json   one JSON document instead of text
  --help   this text

Exit codes: 0 good, 1 the file has mistakes, the test was not answered with success, or Kafka cannot be reached, 2
wrong usage or configuration, also a file that cannot be read, an endpoint that is not defined, and a secret that is
empty.

Examples:
  lead-webhooks endpoints check endpoints.yaml
  LEAD_WEBHOOKS_PAYLOAD_VERSIONS=v3 lead-webhooks endpoints check endpoints.yaml --json
  lead-webhooks endpoints seal orange-crm < token.txt
  lead-webhooks endpoints test orange-crm
  lead-webhooks endpoints pause orange-crm
`;

export const command: Command = {
  name: 'endpoints',
  summary: 'check, test, pause and resume endpoints, seal a secret',
  usage: USAGE,
  async run(context) {
    const doings = ['check', 'seal', 'test', 'pause', 'resume'];
    const args = readArguments(context.args, { words: [doings, 'FILE or ID'], options: { json: 'flag' } });
    const [doing, id = ''] = args.words;
    if (doing === 'check') return check(context, args);
    if (doing === 'test') return tryEndpoint(context, id, args.has('json'));
    if (args.has('json')) throw new UsageError(`--json has no meaning for ${doing}: it prints one line`);
    if (!isEndpointId(id)) throw new UsageError(`"${id}" is no id of an endpoint: ${ENDPOINT_ID_FORM}`);
    return doing === 'seal' ? seal(context, id) : sayWord(context, id, doing === 'pause');
  },
};

function check(context: Context, args: Arguments): number {
  const file = args.words[1] ?? '';
  const rules = fileRules(context, {
    versions: settingOf(context, SETTINGS.payload.versions) ?? [],
    sessionTimeoutMs: settingOf(context, SETTINGS.tasks.sessionTimeoutMs),
    sealKeys: settingOf(context, SETTINGS.deliver.sealKeys),
  });
  const { endpoints, mistakes } = parseEndpoints(textOf(context, file), rules);
  const ok = mistakes.length === 0;
  if (args.has('json')) outJson(context, { ok, endpoints: endpoints.map(({ id }) => id), mistakes });
  else if (ok) context.out(`${file}: good, ${endpoints.length} endpoint${endpoints.length === 1 ? '' : 's'}`);
  for (const { line, path, message } of args.has('json') ? [] : mistakes) {
    context.out(`${file}:${line}: ${path === '' ? '' : `${path} `}${message}`);
  }
  return ok ? 0 : 1;
}

async function seal(context: Context, id: string): Promise<number> {
  const keys = settingOf(context, SETTINGS.deliver.sealKeys);
  if (keys === null) throw new ConfigInvalid(['LEAD_WEBHOOKS_SEAL_KEY: is required to seal a secret']);
  const text = (await context.readInput()).replace(/\r?\n$/, '');
  if (text === '') throw new UsageError('the secret on stdin is empty');
  context.out(new Seal(keys).seal(new Secret(text), id, randomBytes(NONCE_BYTES)));
  return 0;
}

function settingOf<T>(context: Context, setting: Setting<T>): T | null {
  const read = readSetting(setting, context.env, context.readFile);
  if ('problem' in read) throw new ConfigInvalid([read.problem]);
  return read.value;
}

function textOf(context: Context, file: string): string {
  try {
    return context.readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new UsageError(`${file} cannot be read (${code})`);
  }
}
