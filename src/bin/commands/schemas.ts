/**
 * `schemas check` and `schemas register`: the outbound schemas against the schema registry. `run` registers nothing, so that a rolling
 * upgrade cannot change a contract behind the operator's back: this command is the one place that does.
 */
import { Registry } from '../../kafka/registry.ts';
import { systemClock } from '../../lib/clock.ts';
import { readArguments } from '../arguments.ts';
import { type Command, ConfigInvalid, type Context, loadConfig, outJson } from '../command.ts';
import { registryOptions } from '../connections.ts';
import { COMPATIBILITY, type OutboundSchema, outboundSchemas } from '../outbound-schemas.ts';

const USAGE = `
Usage: lead-webhooks schemas check [--json]
       lead-webhooks schemas register [--json]

check      Compares the schema of each emitted payload version with the schema registry. Changes nothing.
register   Registers those that are missing or differ, and sets the compatibility of their subjects to
           ${COMPATIBILITY}. May be repeated: what is there already stays as it is.

The subjects are <outbound topic>-v1, -v2 and -v3. Used from the configuration: SCHEMA_REGISTRY_*,
LEAD_WEBHOOKS_OUTBOUND_TOPIC, LEAD_WEBHOOKS_PAYLOAD_VERSIONS.

Options:
  --json   one JSON document instead of text
  --help   this text

Exit codes: 0 all are registered, 1 something is missing or differs, or the registry refused or cannot be reached,
2 wrong usage or configuration.

Examples:
  lead-webhooks schemas check
  SCHEMA_REGISTRY_URL=http://registry:8081 lead-webhooks schemas register
`;

interface Finding {
  readonly subject: string;
  readonly version: string;
  readonly state: 'same' | 'missing' | 'different' | 'registered';
  /** Id in the registry; null when it has none. */
  readonly id: number | null;
}

export const command: Command = {
  name: 'schemas',
  summary: 'check or register the schemas of the payloads',
  usage: USAGE,
  async run(context) {
    const args = readArguments(context.args, { words: [['check', 'register']], options: { json: 'flag' } });
    const config = loadConfig(context);
    if (config.registry === null) throw new ConfigInvalid(['SCHEMA_REGISTRY_URL: is required for this command']);
    const registry = new Registry({ clock: systemClock }, registryOptions(config.registry));
    const act = args.words[0] === 'register' ? register : check;
    const findings: Finding[] = [];
    for (const schema of outboundSchemas(config)) findings.push(await act(registry, schema));
    const ok = findings.every(({ id }) => id !== null);
    if (args.has('json')) outJson(context, { ok, schemas: findings });
    else show(context, findings);
    return ok ? 0 : 1;
  },
};

async function check(registry: Registry, { subject, version, schema }: OutboundSchema): Promise<Finding> {
  const found = await registry.check(subject, schema);
  return { subject, version, state: found.state, id: found.state === 'same' ? found.id : null };
}

async function register(registry: Registry, outbound: OutboundSchema): Promise<Finding> {
  const before = await check(registry, outbound);
  const id = await registry.register(outbound.subject, outbound.schema, COMPATIBILITY);
  return { ...before, state: before.state === 'same' ? 'same' : 'registered', id };
}

function show(context: Context, findings: readonly Finding[]): void {
  for (const { subject, state, id } of findings) context.out(`${subject}: ${sentence(state, id)}`);
  if (findings.some(({ id }) => id === null)) context.out('Mend it with: lead-webhooks schemas register');
}

function sentence(state: Finding['state'], id: number | null): string {
  if (state === 'missing') return 'missing';
  if (state === 'different') return 'holds other schemas only';
  return state === 'same' ? `as it should be (id ${id})` : `registered now (id ${id})`;
}
