/**
 * What a real Debezium wrote, through the real program: each captured stream ends in payloads that say what PostgreSQL's own tables
 * said at that moment. The streams hold duplicates after a crash of the connector, incremental snapshots, changes of the tables'
 * columns, rows that are deleted and made again, primary keys that change, and values too large to be sent twice.
 */
import { expect, inject, test } from 'vitest';
import type { PayloadVersion } from '../../src/core/payload/versions.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { Installation } from '../support/installation.ts';
import { outboundValidator } from '../support/outbound-schemas.ts';
import { exactJson, expectedOf, registerSamples, SAMPLE_PARTITIONS, streamRecords } from '../support/sample-replay.ts';
import { type SampleFolder, sampleTruthTexts } from '../support/samples.ts';
import { settled } from '../support/settled.ts';

type Json = Readonly<Record<string, unknown>>;

/** A payload as a subscriber of the outbound topic sees it. */
interface Emitted {
  readonly leadId: string;
  readonly version: PayloadVersion;
  readonly revision: number;
  readonly body: string;
}

const FRAME_BYTES = 5;
const VALID = {
  v1: outboundValidator('v1'),
  v2: outboundValidator('v2'),
  v3: outboundValidator('v3'),
};
const brokers = inject('kafkaBrokers');
const registryUrl = inject('registryUrl');

/** An installation with rekey and join running, and what to feed it with. */
async function installed(options: { sourceCleanup?: 'delete' } = {}) {
  const installation = new Installation({ brokers, registryUrl, partitions: SAMPLE_PARTITIONS, ...options });
  const [ids] = await Promise.all([registerSamples(registryUrl, installation.appId), installation.install()]);
  const running = installation.start('rekey,join');
  return {
    installation,
    running,
    async feed(folder: SampleFolder, name: string): Promise<void> {
      await installation.append(streamRecords({ folder, name }, ids, (table) => installation.source(table)));
      await settled(installation);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await installation[Symbol.asyncDispose]();
    },
  };
}

async function emittedBy(installation: Installation): Promise<Emitted[]> {
  return (await installation.committed(installation.topic('outbound'))).map((record) => ({
    leadId: text(record.key),
    version: text(record.headers['version']) as PayloadVersion,
    revision: Number(text(record.headers['revision'])),
    body: text(record.value?.subarray(FRAME_BYTES)),
  }));
}

/** The payload of the highest revision of each lead and version: `138559 v3` → body. */
function last(emitted: readonly Emitted[]): Map<string, Json> {
  const highest = new Map<string, Emitted>();
  for (const one of emitted) {
    const name = `${one.leadId} ${one.version}`;
    if (one.revision > (highest.get(name)?.revision ?? -1)) highest.set(name, one);
  }
  return new Map(Array.from(highest, ([name, { body }]) => [name, exactJson(body) as Json]));
}

/** What the schemas refuse in any body that was emitted, as `<lead> <version> <where>`. */
function invalid(emitted: readonly Emitted[]): string[] {
  const faults = emitted.flatMap(({ leadId, version, body }) => {
    const validate = VALID[version];
    if (validate(JSON.parse(body))) return [];
    return (validate.errors ?? []).map(({ instancePath }) => `${leadId} ${version} ${instancePath}`);
  });
  return [...new Set(faults)].sort();
}

async function deadLetters(installation: Installation): Promise<Json[]> {
  return (await installation.committed(installation.topic('dead-letters'))).map(({ headers }) => {
    const about = (name: string): string => text(headers[`lead-webhooks.errors.${name}`]);
    const topic = about('topic').replace(`${installation.appId}.source.`, '');
    return { at: `${topic}/${about('partition')}/${about('offset')}`, code: about('code'), message: about('message') };
  });
}

function text(bytes: KafkaRecord['value'] | undefined): string {
  return bytes?.toString() ?? '';
}

/** Every lead of the tables, in every version, says what the tables say. Returns the leads that only the stream knew. */
function agrees(emitted: readonly Emitted[], schema: 'public' | 'ri_full'): string[] {
  const bodies = last(emitted);
  const truths = sampleTruthTexts(schema).map((line) => exactJson(line) as Json);
  for (const truth of truths) {
    const id = String(truth['id']).replace('number ', '');
    for (const version of Object.keys(VALID)) {
      const name = `${id} ${version}`;
      const body = bodies.get(name) ?? {};
      expect({ name, ...body }).toMatchObject({ name, ...expectedOf(truth, body) });
      expect(Object.keys(expectedOf(truth, body))).toHaveLength(version === 'v3' ? 13 : 11);
      bodies.delete(name);
    }
  }
  return [...bodies.keys()];
}

test.each([
  { folder: 'avro', name: 'crmdef.public', what: 'Avro, all defaults' },
  { folder: 'avro', name: 'crmflat.public', what: 'Avro, flattened' },
  { folder: 'json', name: 'crmj.public', what: 'JSON, all defaults' },
] as const)('$name ($what) ends in the payloads that the tables give', async ({ folder, name }) => {
  await using at = await installed();
  await at.feed(folder, name);

  const emitted = await emittedBy(at.installation);
  expect(agrees(emitted, 'public')).toEqual([]);
  expect(invalid(emitted)).toEqual([]);
  expect(await deadLetters(at.installation)).toEqual([]);
  expect(await at.running.stop()).toBe(0);
});

test('crm.ri_full (Avro, REPLICA IDENTITY FULL) ends in the payloads that the tables give, and a truncate is only logged', async () => {
  // A truncate has no key, so a compacted topic does not take it.
  await using at = await installed({ sourceCleanup: 'delete' });
  await at.feed('avro', 'crm.ri_full');
  await at.feed('poison', 'crmkey.ri_full');

  const emitted = await emittedBy(at.installation);
  expect(agrees(emitted, 'ri_full')).toEqual([]);
  expect(invalid(emitted)).toEqual([]);
  expect(await deadLetters(at.installation)).toEqual([]);
  expect(at.running.lines.filter(({ event }) => event === 'source_truncated')).toMatchObject([
    { level: 'error', topic: at.installation.source('test_drive'), partition: 2 },
  ]);
  expect(await at.running.stop()).toBe(0);
});

/** What the poison records leave of the three leads that they touch; numbers as `exactJson` spells them. */
const AFTER_POISON = {
  // An appointment at infinity was made and deleted again; 9905 stays.
  138559: {
    updated_at: '2025-09-20T00:00:01.000Z',
    comments: 'third',
    prospect: { postcode: 'number 1234', first_name: 'xcvxcvdcz' },
    has_test_drives: true,
  },
  // A long text that the next update, which moves the lead to the highest cluster id there can be, did not repeat.
  138562: {
    comments: 'x'.repeat(2500),
    lead_cluster_id: 'number 9223372036854775807',
    dealership: { id: 'number 3', name: null, slug: null },
    has_test_drives: false,
    appointments: [],
  },
  // JSON null, a number, a text and an array where objects are expected, and a number beyond every double.
  138565: {
    item: { id: null, third_party_integrations: [] },
    website: { id: null, url: null, name: null, slug: null },
    prospect: { email: null, address: { city: null } },
    additional_details: {},
    trade_in_data: { kms: 'number 1e+400', make: null },
  },
};
/** The one fault is the sample's: JSON Schema knows numbers only as far as a reader's numbers go, and here that is no double. */
const INVALID_AFTER_POISON = [
  '138565 v1 /trade_in_data/kms',
  '138565 v2 /trade_in_data/kms',
  '138565 v3 /trade_in_data/kms',
];

test('crm.public (Avro, recommended settings) ends in the payloads that the tables give, and what nobody expects goes through after it', async () => {
  await using at = await installed();
  await at.feed('avro', 'crm.public');
  const before = await emittedBy(at.installation);
  expect(agrees(before, 'public')).toEqual([]);
  expect(invalid(before)).toEqual([]);
  expect(await deadLetters(at.installation)).toEqual([]);

  await at.feed('poison', 'crm.public');
  const after = await emittedBy(at.installation);
  const bodies = last(after);
  for (const [id, expected] of Object.entries(AFTER_POISON)) expect(bodies.get(`${id} v3`)).toMatchObject(expected);
  expect(bodies.get('138559 v3')).toMatchObject({
    booking_time: '24:00:00',
    appointments: [
      { id: 'number 9043' },
      { id: 'number 9041' },
      { id: 'number 9042' },
      { id: 'number 9905', starts_at: '2026-01-02 10:00:00', status: 'pending', car_for_test_drive: null },
    ],
  });
  expect(invalid(after)).toEqual(INVALID_AFTER_POISON);
  expect(await deadLetters(at.installation)).toEqual([
    {
      at: 'appointments/0/4',
      code: 'out-of-range',
      message: 'column starts_at: expected an instant between the years 1684 and 2255',
    },
  ]);
  expect(await at.running.stop()).toBe(0);
});

test('crmjr.public (JSON, recommended settings): leads that are known from strange updates alone find the rows of their cluster', async () => {
  await using at = await installed();
  await at.feed('json', 'crmjr.public');
  expect(await emittedBy(at.installation)).toEqual([]);

  await at.feed('poison', 'crmjr.public');
  const emitted = await emittedBy(at.installation);
  const bodies = last(emitted);
  expect([...bodies.keys()].sort()).toEqual(
    Object.keys(AFTER_POISON).flatMap((id) => [`${id} v1`, `${id} v2`, `${id} v3`]),
  );
  for (const [id, expected] of Object.entries(AFTER_POISON)) expect(bodies.get(`${id} v3`)).toMatchObject(expected);
  // Debezium's ISO text of 24:00 is midnight.
  expect(bodies.get('138559 v3')).toMatchObject({ booking_time: '00:00:00' });
  const [truth = {}] = sampleTruthTexts('public').map((line) => exactJson(line) as Json);
  for (const id of ['138559', '138565']) {
    expect(bodies.get(`${id} v3`)?.['appointments']).toEqual(truth['appointments']);
  }
  expect(invalid(emitted)).toEqual(INVALID_AFTER_POISON);
  expect(await deadLetters(at.installation)).toEqual([]);
  expect(await at.running.stop()).toBe(0);
});
