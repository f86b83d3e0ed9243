/** What a survey says of the records that a real Debezium wrote: the traps in them, by name. */
import { describe, expect, test } from 'vitest';
import { type SourceFinding, sourceFindings } from '../../src/core/source-findings.ts';
import { DEBEZIUM_PLACEHOLDER, SourceSurvey } from '../../src/core/source-survey.ts';
import type { PartitionLog } from '../../src/kafka/partition-log.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { SourceCodec } from '../../src/kafka/source-codec.ts';
import { decimalColumns, surveySource } from '../../src/kafka/source-reading.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { type SampleFolder, sampleRecords, sampleRegistry, sampleTable } from '../support/samples.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A topic with holes: records where they are, and nothing else. */
class Holes implements PartitionLog {
  readonly reads: [number, number][] = [];
  readonly #records: readonly KafkaRecord[];

  constructor(records: readonly KafkaRecord[]) {
    this.#records = records;
  }

  async ends(_: string, partition: number): Promise<{ earliest: number; lastStable: number }> {
    return { earliest: 0, lastStable: (this.#of(partition).at(-1)?.offset ?? -1) + 1 };
  }

  async read(
    at: { partition: number; from: number; to: number },
    onRecords: (records: readonly KafkaRecord[]) => void,
  ): Promise<void> {
    this.reads.push([at.from, at.to]);
    onRecords(this.#of(at.partition).filter(({ offset }) => offset >= at.from && offset < at.to));
  }

  #of(partition: number): KafkaRecord[] {
    return this.#records.filter((record) => record.partition === partition);
  }
}

const RULES = { jsonTimeUnit: 'micros', purposesNamed: false, optional: new Set<string>() } as const;

async function surveyOf(folder: SampleFolder, file: string, placeholder = DEBEZIUM_PLACEHOLDER): Promise<SourceSurvey> {
  const deps = { registry: sampleRegistry(), clock: new VirtualClock(), log: silentLog, meter: silentMeter };
  const codec = new SourceCodec(deps, { sourceEpoch: 0, unavailablePlaceholder: placeholder, jsonTimeUnit: 'micros' });
  const survey = new SourceSurvey(sampleTable(file) ?? 'lead', placeholder);
  const log = new Holes(sampleRecords(folder, file));
  const at = { topic: file, partitions: 3, count: 1000, signal: new AbortController().signal };
  await surveySource({ log, codec }, at, survey);
  return survey;
}

const codesOf = (findings: readonly SourceFinding[]): string[] =>
  findings.map(({ severity, code }) => `${severity} ${code}`);

describe('the samples of a real Debezium', () => {
  test.each([
    ['avro', 'crm.public.leads.ndjson'],
    ['avro', 'crm.public.test_drives.ndjson'],
    ['avro', 'crm.ri_full.appointments.ndjson'],
    ['json', 'crmjr.public.appointments.ndjson'],
  ] as const)('%s/%s has nothing that is lost or null though it should not', async (folder, file) => {
    const survey = await surveyOf(folder, file);
    expect(survey.records).toBeGreaterThan(10);
    expect(sourceFindings(survey, RULES).filter(({ severity }) => severity === 'problem')).toEqual([]);
  });

  test('decimals as bytes are named with their columns', async () => {
    const findings = sourceFindings(await surveyOf('avro', 'crmdef.public.leads.ndjson'), RULES);
    const [decimals] = findings.filter(({ code }) => code === 'decimals-as-bytes');
    expect(decimals?.message).toContain('deposit');
    expect(decimals?.message).toContain('quoted_price');
    expect(codesOf(sourceFindings(await surveyOf('avro', 'crm.public.leads.ndjson'), RULES))).not.toContain(
      'note decimals-as-bytes',
    );
  });

  test('times in JSON without a type are named, and are a problem when they cannot be in that unit', async () => {
    const survey = await surveyOf('json', 'crmj.public.appointments.ndjson');
    const [times] = sourceFindings(survey, RULES).filter(({ code }) => code === 'time-precision');
    expect(times).toMatchObject({ severity: 'warning', message: expect.stringMatching(/^starts_at .* microseconds/) });
    expect(codesOf(sourceFindings(survey, { ...RULES, jsonTimeUnit: 'millis' }))).toContain('problem time-precision');
    expect(codesOf(sourceFindings(await surveyOf('json', 'crmjr.public.appointments.ndjson'), RULES))).not.toContain(
      'warning time-precision',
    );
  });

  test('placeholders for unchanged values are counted by column, and are a problem under another name', async () => {
    const survey = await surveyOf('avro', 'crm.public.leads.ndjson');
    const [note] = sourceFindings(survey, RULES).filter(({ code }) => code === 'placeholder');
    expect(note).toMatchObject({ severity: 'note', message: expect.stringContaining('additional_details (') });
    const misnamed = sourceFindings(await surveyOf('avro', 'crm.public.leads.ndjson', '__other'), RULES);
    expect(codesOf(misnamed)).toContain('problem foreign-placeholder');
  });

  test('a key of other columns than the primary key is a problem', async () => {
    const findings = sourceFindings(await surveyOf('json', 'crmkey.ri_full.test_drives.ndjson'), RULES);
    expect(codesOf(findings)).toContain('problem other-key');
    expect((await surveyOf('avro', 'crm.public.leads.ndjson')).otherKeyColumns).toEqual(new Set());
  });

  test.each([
    ['bare', '{"id":1,"lead_cluster_id":2}'],
    ['with its schema', '{"schema":{},"payload":{"id":1,"lead_cluster_id":2}}'],
  ])('a JSON key, %s, that holds more than the primary key is a problem', async (_form, text) => {
    const [sample] = sampleRecords('json', 'crmjr.public.appointments.ndjson');
    if (sample === undefined) throw new Error('no sample');
    const deps = { registry: null, clock: new VirtualClock(), log: silentLog, meter: silentMeter };
    const codec = new SourceCodec(deps, { sourceEpoch: 0, unavailablePlaceholder: '', jsonTimeUnit: 'micros' });
    const survey = new SourceSurvey('appointment', '');
    const log = new Holes([{ ...sample, partition: 0, key: Buffer.from(text) }]);
    const at = { topic: 'x', partitions: 1, count: 10, signal: new AbortController().signal };
    await surveySource({ log, codec }, at, survey);
    expect(survey.otherKeyColumns).toEqual(new Set(['lead_cluster_id']));
  });

  test('values that PostgreSQL allows and nobody expects show as bad records or odd objects, without a value', async () => {
    const survey = await surveyOf('poison', 'crm.public.appointments.ndjson');
    const findings = sourceFindings(survey, RULES);
    for (const { message } of findings) expect(message).not.toMatch(/9223372036854775807|infinity/i);
    const truncate = await surveyOf('poison', 'crmkey.ri_full.test_drives.truncate.ndjson');
    expect(codesOf(sourceFindings(truncate, RULES))).toContain('warning truncate');
  });

  test('flat rows, envelopes and schemas are told apart', async () => {
    expect([...(await surveyOf('avro', 'crmflat.public.leads.ndjson')).forms.keys()]).toContain('avro, flat');
    expect([...(await surveyOf('json', 'crmjs.public.test_drives.head.ndjson')).forms.keys()]).toEqual([
      'json with schema, envelope',
    ]);
    const survey = await surveyOf('avro', 'crm.public.appointments.ndjson');
    expect([...survey.forms.keys()]).toEqual(['avro, envelope']);
    expect(survey.valueSchemas.size).toBe(3);
    expect(survey.keySchemas.size).toBe(1);
  });
});

test('only the newest records of each partition are looked at, more widely where compaction left holes', async () => {
  const [first] = sampleRecords('json', 'crmjr.public.test_drives.ndjson');
  if (first === undefined) throw new Error('no sample');
  const at = (offset: number): KafkaRecord => ({ ...first, partition: 0, offset });
  const log = new Holes([at(0), at(40), at(95), at(99)]);
  const deps = { registry: null, clock: new VirtualClock(), log: silentLog, meter: silentMeter };
  const codec = new SourceCodec(deps, { sourceEpoch: 0, unavailablePlaceholder: '', jsonTimeUnit: 'micros' });
  const survey = new SourceSurvey('test_drive', '');
  const signal = new AbortController().signal;
  await surveySource({ log, codec }, { topic: 't', partitions: 2, count: 3, signal }, survey);
  expect(log.reads).toEqual([
    [97, 100],
    [94, 100],
    [88, 100],
    [76, 100],
  ]);
  expect(survey.records).toBe(2);
});

test('decimals are found in Connect schemas of JSON records too, at any depth', () => {
  const bytes = { type: 'bytes', name: 'org.apache.kafka.connect.data.Decimal', field: 'price' };
  const after = { type: 'struct', fields: [bytes, { type: 'int64', field: 'id' }], field: 'after' };
  expect(decimalColumns({ type: 'struct', fields: [after] })).toEqual(['price']);
  expect(
    decimalColumns({ type: 'record', fields: [{ name: 'cost', type: [{ type: 'bytes', logicalType: 'decimal' }] }] }),
  ).toEqual(['cost']);
  expect(decimalColumns(null)).toEqual([]);
});
