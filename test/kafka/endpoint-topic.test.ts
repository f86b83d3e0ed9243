/** Reading the endpoints topic, with a fetcher that the test plays. */
import avro from 'avsc';
import { expect, onTestFinished, test } from 'vitest';
import type { EndpointRow } from '../../src/core/endpoint-row.ts';
import { EndpointTopic } from '../../src/kafka/endpoint-topic.ts';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import type { Subscriber } from '../../src/kafka/fetcher.ts';
import { frame } from '../../src/kafka/framing.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { SchemaSource, WriterSchema } from '../../src/kafka/registry.ts';
import { RegistryRefused, RegistryUnavailable } from '../../src/kafka/registry-http.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { KeptLog } from '../support/loopback.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const FIELDS = { id: 'crm', dealership: 3, url: 'https://h.example/', version: 'v3' };
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function record(partition: number, offset: number, key: Buffer | string | null, value: Buffer | null): KafkaRecord {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  return { topic: 'endpoints', partition, offset, timestamp: 0, key: bytes, value, headers: {} };
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A topic of two partitions and who reads it. */
class World {
  readonly clock = new VirtualClock();
  readonly log = new KeptLog();
  readonly meter = new CountingMeter();
  readonly partitions: KafkaRecord[][] = [[], []];
  readonly live = new Map<number, { offset: number; subscriber: Subscriber; paused: boolean }>();
  earlier: ReadonlyMap<string, readonly EndpointRow[]> = new Map();
  readonly told: (ReadonlyMap<string, EndpointRow> | readonly EndpointRow[])[] = [];
  readonly reader: EndpointTopic;
  failure: KafkaFailure | null = null;

  constructor(registry: SchemaSource | null = null) {
    const fetcher: ConstructorParameters<typeof EndpointTopic>[0]['fetcher'] = {
      offsets: async () => {
        if (this.failure) throw this.failure;
        return this.partitions.map(({ length }, partition) => ({
          partition,
          earliest: 0,
          lastStable: length,
          highWatermark: length,
        }));
      },
      read: async ({ partition, from, to }, onRecords) => onRecords(this.#records(partition).slice(from, to), to),
      subscribe: ({ partition, offset }, subscriber) => {
        const live = { offset, subscriber, paused: false };
        this.live.set(partition, live);
        return {
          pause: () => {
            live.paused = true;
          },
          resume: () => {
            live.paused = false;
          },
          close: () => this.live.delete(partition),
          next: offset,
        };
      },
    };
    const deps = { fetcher, registry, clock: this.clock, log: this.log, meter: this.meter };
    this.reader = new EndpointTopic(deps, { topic: 'endpoints', unavailable: '__unavailable' });
    onTestFinished(() => this.reader.close());
  }

  start(): Promise<void> {
    const hear = (rows: ReadonlyMap<string, EndpointRow> | readonly EndpointRow[]): void => void this.told.push(rows);
    const whole: Parameters<EndpointTopic['start']>[0]['whole'] = (rows, earlier) => {
      this.earlier = earlier;
      hear(rows);
    };
    return this.reader.start({ whole, more: hear }, new AbortController().signal);
  }

  async append(partition: number, key: Buffer | string | null, value: Buffer | null): Promise<void> {
    const records = this.#records(partition);
    const added = record(partition, records.length, key, value);
    records.push(added);
    const { length } = records;
    const ends = { next: length, lastStableOffset: length, highWatermark: length };
    this.live.get(partition)?.subscriber.deliver({ records: [added], ...ends });
    await soon();
  }

  #records(partition: number): KafkaRecord[] {
    return this.partitions[partition] ?? expect.unreachable();
  }
}

test('the topic is read whole first: the last record of each endpoint counts, and removals remove', async () => {
  const world = new World();
  await world.append(0, 'crm', json({ ...FIELDS, version: 'v1' }));
  await world.append(0, 'crm', json(FIELDS));
  await world.append(1, 'dms', json({ ...FIELDS, id: 'dms' }));
  await world.append(1, 'dms', null);
  await world.append(1, null, json({ op: 't' }));
  await world.start();
  expect(world.told).toEqual([new Map([['crm', { kind: 'row', id: 'crm', fields: FIELDS }]])]);
  expect([...world.live].map(([partition, { offset }]) => [partition, offset])).toEqual([
    [0, 2],
    [1, 3],
  ]);
});

test('what the topic still holds from before the last record is told too: the last few, once each, nothing from before a removal', async () => {
  const world = new World();
  const define = (id: string, at: number): Promise<void> =>
    world.append(0, id, json({ ...FIELDS, id, dealership: at }));
  for (const at of [1, 2, 2, 3]) await define('crm', at);
  await define('dms', 1);
  await world.append(0, 'dms', null);
  await define('dms', 2);
  for (let at = 0; at < 20; at++) await define('many', at);
  await world.start();
  const dealerships = (id: string) =>
    world.earlier.get(id)?.map((row) => (row.kind === 'row' ? row.fields?.['dealership'] : row.kind));
  expect([dealerships('crm'), dealerships('dms')]).toEqual([[1, 2], undefined]);
  expect(dealerships('many')).toEqual([9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
});

test('what comes later is told record by record, and nothing more is asked for meanwhile', async () => {
  const world = new World();
  await world.start();
  await world.append(1, '"crm"', json(FIELDS));
  await world.append(1, json({ id: 'crm' }), json({ op: 'd', before: { id: 'crm' } }));
  expect(world.told.slice(1)).toEqual([
    [{ kind: 'row', id: 'crm', fields: FIELDS }],
    [{ kind: 'row', id: 'crm', fields: null }],
  ]);
  expect(world.live.get(1)?.paused).toBe(false);
});

test.each([
  ['not JSON', Buffer.from('{"id"'), 'the value is not JSON'],
  ['no object', json([1]), 'the value is no object'],
  ['too large', json({ ...FIELDS, url: 'x'.repeat(300_000) }), 'the value is too large for a definition'],
  ['framed, without a registry', frame(7, json(FIELDS)), 'the value needs a schema registry, and none is configured'],
])('a record that cannot be read is told with its endpoint: %s', async (_what, value, message) => {
  const world = new World();
  await world.append(0, 'crm', value);
  await world.start();
  expect(world.told).toEqual([new Map([['crm', { kind: 'bad', id: 'crm', message }]])]);
});

const SCHEMA = {
  type: 'record',
  name: 'Value',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'dealership', type: 'long' },
    { name: 'url', type: 'string' },
    { name: 'version', type: ['null', 'string'] },
    { name: 'auth', type: ['null', { type: 'string', 'connect.name': 'io.debezium.data.Json' }] },
    { name: '__deleted', type: ['null', 'string'] },
  ],
} as const;

function registry(answer: (id: number) => WriterSchema | 'unknown'): SchemaSource {
  return { schemaById: async (id) => answer(id) };
}

test('Avro of the registry is read, keys and values', async () => {
  const key: WriterSchema = {
    type: 'AVRO',
    schema: { type: 'record', name: 'Key', fields: [{ name: 'id', type: 'string' }] },
    references: [],
  };
  const world = new World(registry((id) => (id === 1 ? key : { type: 'AVRO', schema: SCHEMA, references: [] })));
  const keyBytes = frame(1, avro.Type.forSchema(key.schema as never).toBuffer({ id: 'crm' }));
  const auth = '{"type":"bearer","token":{"env":"X"}}';
  const bytes = avro.Type.forSchema(SCHEMA as never).toBuffer({ ...FIELDS, auth, __deleted: 'false' });
  await world.append(0, keyBytes, frame(2, bytes));
  await world.start();
  const fields = { ...FIELDS, auth: { type: 'bearer', token: { env: 'X' } } };
  expect(world.told).toEqual([new Map([['crm', { kind: 'row', id: 'crm', fields }]])]);
  await world.append(0, keyBytes, null);
  expect(world.told[1]).toEqual([{ kind: 'row', id: 'crm', fields: null }]);
});

test('JSON in the frame of the registry is read', async () => {
  const world = new World(registry(() => ({ type: 'JSON', schema: {}, references: [] })));
  await world.append(0, 'crm', frame(2, json(FIELDS)));
  await world.start();
  expect(world.told).toEqual([new Map([['crm', { kind: 'row', id: 'crm', fields: FIELDS }]])]);
});

test.each<[string, () => WriterSchema | 'unknown', string]>([
  ['unknown', () => 'unknown', 'the registry has no schema of the value'],
  [
    'Protobuf',
    () => ({ type: 'PROTOBUF', schema: '', references: [] }),
    'the value is Protobuf; expected JSON or Avro',
  ],
  [
    'no valid Avro',
    () => ({ type: 'AVRO', schema: { type: 'nonsense' }, references: [] }),
    'the bytes do not fit their schema',
  ],
  ['another one', () => ({ type: 'AVRO', schema: 'string', references: [] }), 'the bytes do not fit their schema'],
  [
    'refused',
    () => {
      throw new RegistryRefused(422, 'no');
    },
    'the schema of the value cannot be used',
  ],
])('a value whose schema is %s is a bad record', async (_what, schema, message) => {
  const world = new World(registry(schema));
  await world.append(0, 'crm', frame(2, Buffer.from([200, 1])));
  await world.start();
  expect(world.told).toEqual([new Map([['crm', { kind: 'bad', id: 'crm', message }]])]);
});

test('a registry that is away is waited for, and shown as away meanwhile', async () => {
  let away = true;
  const world = new World(
    registry(() => {
      if (away) throw new RegistryUnavailable('network', 'away');
      return { type: 'JSON', schema: {}, references: [] };
    }),
  );
  await world.append(0, 'crm', frame(2, json(FIELDS)));
  const started = world.start();
  await soon();
  expect([world.told.length, world.log.lines.map(({ fields }) => fields['event'])]).toEqual([0, ['registry_away']]);
  const shown = (): number | undefined => world.meter.counts.get('registry_away deliver');
  expect([shown(), world.meter.counts.get('registry_errors_total network')]).toEqual([1, 1]);
  away = false;
  world.clock.advance(5000);
  await started;
  expect([world.told.length, shown()]).toEqual([1, 0]);
});

test('a topic that was cut off is read whole again, and until then what is known stays', async () => {
  const world = new World();
  await world.append(0, 'crm', json(FIELDS));
  await world.start();
  world.failure = new KafkaFailure('topic-missing', 'gone');
  world.live.get(0)?.subscriber.fail(new KafkaFailure('offset-out-of-range', 'cut off'));
  await soon();
  expect([world.live.size, world.told.length]).toEqual([0, 1]);
  world.clock.advance(5000);
  await soon();
  world.failure = null;
  world.partitions[0] = [record(0, 0, 'dms', json({ ...FIELDS, id: 'dms' }))];
  world.clock.advance(5000);
  await soon();
  expect(world.log.lines.map(({ fields }) => fields['code'])).toEqual(['offset-out-of-range', 'topic-missing']);
  expect(world.told[1]).toMatchObject(new Map([['dms', { kind: 'row', id: 'dms' }]]));
  expect(world.live.size).toBe(2);
});

test('the first reading fails aloud, and after a close nothing is told', async () => {
  const broken = new World();
  broken.failure = new KafkaFailure('topic-missing', 'there is no topic endpoints');
  await expect(broken.start()).rejects.toThrow('there is no topic endpoints');
  const world = new World();
  await world.start();
  const subscriber = world.live.get(0)?.subscriber;
  world.reader.close();
  expect(world.live.size).toBe(0);
  const ends = { next: 1, lastStableOffset: 1, highWatermark: 1 };
  subscriber?.deliver({ records: [record(0, 0, 'crm', json(FIELDS))], ...ends });
  await soon();
  expect(world.told).toHaveLength(1);
});
