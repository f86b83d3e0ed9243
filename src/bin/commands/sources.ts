/**
 * `sources check`: what the program understands of the source topics, before or while it runs. It decodes with the very code of rekey, and
 * shows counts and names of columns, never a value.
 */

import type { Table } from '../../core/source-event.ts';
import { type SourceFinding, sourceFindings } from '../../core/source-findings.ts';
import { SourceSurvey } from '../../core/source-survey.ts';
import { Registry } from '../../kafka/registry.ts';
import { SourceCodec } from '../../kafka/source-codec.ts';
import { surveySource } from '../../kafka/source-reading.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { silentMeter } from '../../lib/meter.ts';
import { StartRefused } from '../../lib/start-refused.ts';
import type { Config } from '../../ops/config.ts';
import { readArguments } from '../arguments.ts';
import { columns, instant } from '../columns.ts';
import { briefLog, type Command, type Context, loadConfig, outJson } from '../command.ts';
import { registryOptions } from '../connections.ts';
import { wholeNumber } from '../option-values.ts';
import { type Reading, reading } from '../reading.ts';

const LAST = 1000;
const REGISTRY_MS = 20_000;

const USAGE = `
Usage: lead-webhooks sources check [--last N] [--optional COLUMNS] [--json]

check   Reads the newest records of the three source topics as rekey would, and says what it understood: form and
        encoding, operations, schemas, keys, each column with what it held, and what is missing or would be null.
        Names known traps: decimals as bytes, times in JSON without a type, placeholders for unchanged values, keys
        that are not the primary key, records without an order. Shows numbers and names, no value of a record.
        Changes nothing.

Used from the configuration: KAFKA_*, SCHEMA_REGISTRY_*, the names of the source topics, LEAD_WEBHOOKS_JSON_TIME_UNIT,
LEAD_WEBHOOKS_UNAVAILABLE_VALUE, LEAD_WEBHOOKS_TEST_DRIVE_PURPOSES.

Options:
  --last N             look at the newest N records of each partition (${LAST})
  --optional COLUMNS   columns that are known to be missing, as TABLE.COLUMN, comma separated; TABLE is lead,
                       appointment or test_drive
  --json               one JSON document instead of text
  --help               this text

Exit codes: 0 good, also with warnings, 1 something would be lost, or null or wrong though it should not; or Kafka or
the registry cannot be reached; 2 wrong usage or configuration.

Examples:
  lead-webhooks sources check
  lead-webhooks sources check --last 100 --optional lead.offer_data,lead.pipeline --json
`;

interface Checked {
  readonly topic: string;
  readonly survey: SourceSurvey;
  readonly findings: readonly SourceFinding[];
}

export const command: Command = {
  name: 'sources',
  summary: 'check what the source topics hold',
  usage: USAGE,
  async run(context) {
    const args = readArguments(context.args, {
      words: [['check']],
      options: { last: 'value', optional: 'value', json: 'flag' },
    });
    const count = wholeNumber(args, 'last', 1) ?? LAST;
    const optional = new Set((args.value('optional') ?? '').split(',').map((name) => name.trim()));
    const config = loadConfig(context);
    const { leads, appointments, testDrives } = config.sources;
    const sources = [
      { topic: leads, table: 'lead' },
      { topic: appointments, table: 'appointment' },
      { topic: testDrives, table: 'test_drive' },
    ] as const;
    const checked = await reading(config, 'sources', [leads, appointments, testDrives], async (from) => {
      const found: Checked[] = [];
      for (const source of sources) found.push(await check(from, config, { ...source, count, optional }));
      return found;
    });
    const ok = checked.every(({ findings }) => findings.every(({ severity }) => severity !== 'problem'));
    if (args.has('json')) outJson(context, { ok, sources: checked.map(asJson) });
    else for (const one of checked) show(context, one);
    return ok ? 0 : 1;
  },
};

async function check(
  { fetcher, partitions }: Reading,
  config: Config,
  at: { topic: string; table: Table; count: number; optional: ReadonlySet<string> },
): Promise<Checked> {
  const { topic, table, count, optional } = at;
  const { epoch, unavailableValue, jsonTimeUnit, testDrivePurposes } = config.sources;
  const registry = config.registry === null ? null : new Registry({ clock }, registryOptions(config.registry));
  const rules = { sourceEpoch: epoch, unavailablePlaceholder: unavailableValue, jsonTimeUnit };
  const codec = new SourceCodec({ registry, clock, log: briefLog(config), meter: silentMeter }, rules);
  const survey = new SourceSurvey(table, unavailableValue);
  const signal = AbortSignal.timeout(REGISTRY_MS + count * 10);
  try {
    await surveySource(
      { log: fetcher, codec },
      { topic, partitions: partitions.get(topic) ?? 0, count, signal },
      survey,
    );
  } catch (error) {
    if (!signal.aborted || codec.away === null) throw error;
    throw new StartRefused(`SCHEMA_REGISTRY_URL cannot be used: ${codec.away.reason}`, { cause: error });
  }
  const purposesNamed = (testDrivePurposes ?? []).length > 0;
  return { topic, survey, findings: sourceFindings(survey, { jsonTimeUnit, purposesNamed, optional }) };
}

function show(context: Context, { topic, survey, findings }: Checked): void {
  const { records, rows, tombstones, oldestAt, newestAt } = survey;
  context.out(`${topic} (${survey.table})`);
  if (records > 0) {
    context.out(
      `  ${records} records from ${instant(oldestAt)} to ${instant(newestAt)}, ${rows} with a row, ${tombstones} tombstones`,
    );
    context.out(`  forms: ${listed(survey.forms)}; operations: ${listed(survey.operations)}`);
    if (survey.valueSchemas.size > 0)
      context.out(`  value schemas: ${listed(survey.valueSchemas)}; key schemas: ${listed(survey.keySchemas)}`);
    const table = Array.from(survey.columns, ([name, { present, nulls, placeholders, kinds }]) => [
      ...[`  ${name}`, present, nulls, placeholders, listed(kinds)],
    ]);
    for (const line of columns(['  COLUMN', 'PRESENT', 'NULL', 'UNCHANGED', 'HOLDS'], table)) context.out(line);
  }
  for (const { severity, message } of findings) context.out(`  ${severity}: ${message}`);
}

function listed(counts: ReadonlyMap<string | number, number>): string {
  return Array.from(counts, ([name, count]) => `${name} ×${count}`).join(', ') || 'none';
}

function asJson({ topic, survey, findings }: Checked) {
  const { table, records, rows, tombstones, forms, operations, valueSchemas, keySchemas } = survey;
  const read = Array.from(survey.columns, ([name, { present, nulls, placeholders, kinds }]) => [
    name,
    { present, nulls, placeholders, kinds: Object.fromEntries(kinds) },
  ]);
  return {
    topic,
    table,
    records,
    rows,
    tombstones,
    oldest: records === 0 ? null : instant(survey.oldestAt),
    newest: records === 0 ? null : instant(survey.newestAt),
    forms: Object.fromEntries(forms),
    operations: Object.fromEntries(operations),
    valueSchemas: [...valueSchemas.keys()],
    keySchemas: [...keySchemas.keys()],
    columns: Object.fromEntries(read),
    findings,
  };
}
