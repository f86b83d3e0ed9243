/**
 * Reads the endpoints topic: whole at first, then as it goes on, without a consumer group, since every process needs all of it.
 * Keys and values are JSON, or Avro or JSON in the registry's frame. It says what each record is about (core/endpoint-row.ts) and
 * nothing about whether a definition is right. While the topic cannot be read, what is known stays known; when the topic was made
 * anew or cut off, it is read whole again.
 */
import { isDeepStrictEqual } from 'node:util';
import { type EndpointRow, endpointRow } from '../core/endpoint-row.ts';
import { type Clock, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { compileAvro } from './avro-schema.ts';
import { classify, type KafkaFailure } from './errors.ts';
import type { Fetcher, Subscription } from './fetcher.ts';
import { framedPayload, framedSchemaId } from './framing.ts';
import type { KafkaRecord } from './record.ts';
import type { SchemaSource, WriterSchema } from './registry.ts';
import { RegistryRefused, RegistryUnavailable } from './registry-http.ts';

export interface EndpointTopicDeps {
  readonly fetcher: Pick<Fetcher, 'offsets' | 'read' | 'subscribe'>;
  /** null = no registry is configured: framed records are bad ones. */
  readonly registry: SchemaSource | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
}

export interface EndpointTopicOptions {
  readonly topic: string;
  /** What the connector writes for a large value that did not change. */
  readonly unavailable: string;
}

export interface EndpointTopicReader {
  /**
   * All that the topic holds, by endpoint, replacing what was told before.
   * @param earlier what it still holds from before the last row of an endpoint, oldest first, without repetitions; the last few.
   */
  whole(rows: ReadonlyMap<string, EndpointRow>, earlier: ReadonlyMap<string, readonly EndpointRow[]>): void;
  /** What came since, in order within a partition. */
  more(rows: readonly EndpointRow[]): void;
}

type Decode = (bytes: Buffer) => unknown;

/** What cannot be decoded, as a value: it is no row, and says so. */
class Undecodable extends Error {}

/** Definitions are small; one that is larger is a mistake or an attack. */
const VALUE_BYTES_MAX = 256 * 1024;
/** Rows of an endpoint that are remembered beside its last one, for the case that this one has mistakes. */
const EARLIER_MAX = 10;
const RETRY_MS = 5000;
const AWAY_LABELS = { stage: 'deliver' };

export class EndpointTopic {
  readonly #deps: EndpointTopicDeps;
  readonly #options: EndpointTopicOptions;
  readonly #decoders = new Map<number, Decode>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #stopping = new AbortController();
  /** Counts the whole readings: what was begun before the last one is old. */
  #reading = 0;
  /** Schemas that are waited for. */
  #waiting = 0;

  constructor(deps: EndpointTopicDeps, options: EndpointTopicOptions) {
    this.#deps = deps;
    this.#options = options;
    deps.meter.gauge('registry_away', AWAY_LABELS, 0);
  }

  /**
   * Reads the topic whole, tells `reader`, and goes on reading until `close`.
   * @throws KafkaFailure 'topic-missing' or 'authorization' when the first reading fails; `signal`'s reason when it aborts.
   */
  async start(reader: EndpointTopicReader, signal: AbortSignal): Promise<void> {
    const any = AbortSignal.any([signal, this.#stopping.signal]);
    const ends = await this.#readWhole(reader, any);
    this.#follow(reader, ends);
  }

  /** Nothing is told any more. */
  close(): void {
    this.#stopping.abort(new Error('the endpoints topic is not read any more'));
    this.#unsubscribe();
  }

  async #readWhole(reader: EndpointTopicReader, signal: AbortSignal): Promise<ReadonlyMap<number, number>> {
    const { fetcher } = this.#deps;
    const { topic } = this.#options;
    const rows = new Map<string, EndpointRow>();
    const earlier = new Map<string, EndpointRow[]>();
    const ends = new Map<number, number>();
    for (const { partition, earliest, lastStable } of await fetcher.offsets(topic, signal)) {
      ends.set(partition, lastStable);
      if (earliest >= lastStable) continue;
      const range = { topic, partition, from: earliest, to: lastStable, committed: true, signal };
      await fetcher.read(range, async (records) => {
        for (const row of await this.#rows(records, signal)) {
          putBy(earlier, row, rows);
          keep(rows, row);
        }
      });
    }
    reader.whole(rows, earlier);
    return ends;
  }

  #follow(reader: EndpointTopicReader, ends: ReadonlyMap<number, number>): void {
    const { topic } = this.#options;
    const reading = ++this.#reading;
    for (const [partition, offset] of ends) {
      const subscription = this.#deps.fetcher.subscribe(
        { topic, partition, offset },
        {
          deliver: ({ records }) => {
            if (records.length === 0) return;
            const copies = records.map((record) => ({
              ...record,
              key: copyOf(record.key),
              value: copyOf(record.value),
            }));
            subscription.pause();
            const isNews = (): boolean => reading === this.#reading && !this.#stopping.signal.aborted;
            void this.#tell(copies, reader, isNews).then(() => subscription.resume());
          },
          fail: (failure) => void this.#startOver(reader, failure),
        },
      );
      this.#subscriptions.add(subscription);
    }
  }

  async #tell(records: readonly KafkaRecord[], reader: EndpointTopicReader, isNews: () => boolean): Promise<void> {
    const rows = await this.#rows(records, this.#stopping.signal).catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) throw error;
      return [];
    });
    if (isNews()) reader.more(rows);
  }

  async #startOver(reader: EndpointTopicReader, first: KafkaFailure): Promise<void> {
    const { signal } = this.#stopping;
    this.#unsubscribe();
    for (let failure: KafkaFailure | null = first; failure !== null && !signal.aborted; ) {
      const { code, message } = failure;
      const fields = { event: 'endpoints_topic', topic: this.#options.topic, code, error: message };
      this.#deps.log.error(
        fields,
        'the endpoints topic cannot be read; the endpoints known stay, and it is tried again',
      );
      await pause(this.#deps.clock, RETRY_MS, signal);
      failure = await this.start(reader, signal).then(() => null, classify);
    }
  }

  #unsubscribe(): void {
    for (const subscription of this.#subscriptions) subscription.close();
    this.#subscriptions.clear();
  }

  async #rows(records: readonly KafkaRecord[], signal: AbortSignal): Promise<EndpointRow[]> {
    const rows: EndpointRow[] = [];
    for (const record of records) rows.push(await this.#row(record, signal));
    return rows;
  }

  async #row(record: KafkaRecord, signal: AbortSignal): Promise<EndpointRow> {
    const key = await this.#decoded(record.key, signal);
    const id = key instanceof Undecodable ? plainText(record.key) : key;
    const value = await this.#decoded(record.value, signal);
    if (!(value instanceof Undecodable)) return endpointRow(id, value, this.#options.unavailable);
    const row = endpointRow(id, null, this.#options.unavailable);
    return { kind: 'bad', id: row.kind === 'row' ? row.id : null, message: value.message };
  }

  /** The decoded value; an Undecodable when it is none. A registry that is away is waited for. */
  async #decoded(bytes: Buffer | null, signal: AbortSignal): Promise<unknown> {
    if (bytes === null) return null;
    if (bytes.length > VALUE_BYTES_MAX) return new Undecodable('the value is too large for a definition');
    const schemaId = framedSchemaId(bytes);
    try {
      if (schemaId === null) return JSON.parse(bytes.toString());
      const decode = await this.#decoder(schemaId, signal);
      return decode(framedPayload(bytes));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Undecodable) return error;
      return new Undecodable(schemaId === null ? 'the value is not JSON' : 'the bytes do not fit their schema');
    }
  }

  async #decoder(schemaId: number, signal: AbortSignal): Promise<Decode> {
    const known = this.#decoders.get(schemaId);
    if (known) return known;
    const { registry } = this.#deps;
    if (registry === null) throw new Undecodable('the value needs a schema registry, and none is configured');
    const schema = await this.#schema(registry, schemaId, signal);
    if (schema === 'unknown') throw new Undecodable('the registry has no schema of the value');
    if (schema.type === 'PROTOBUF') throw new Undecodable('the value is Protobuf; expected JSON or Avro');
    const { type } = schema.type === 'AVRO' ? compileAvro(schema) : { type: null };
    const decode: Decode = (bytes) => (type === null ? JSON.parse(bytes.toString()) : type.fromBuffer(bytes));
    this.#decoders.set(schemaId, decode);
    return decode;
  }

  /** Asks for a schema until there is an answer, and shows while that lasts that the registry is away. */
  async #schema(registry: SchemaSource, id: number, signal: AbortSignal): Promise<WriterSchema | 'unknown'> {
    const { clock, log, meter } = this.#deps;
    let waits = false;
    try {
      for (;;) {
        signal.throwIfAborted();
        try {
          return await registry.schemaById(id);
        } catch (error) {
          if (error instanceof RegistryRefused) throw new Undecodable('the schema of the value cannot be used');
          if (!(error instanceof RegistryUnavailable)) throw error;
          const { reason } = error;
          log.warn({ event: 'registry_away', reason }, 'the endpoints topic waits for the schema registry');
          meter.count('registry_errors_total', { reason });
        }
        if (!waits) this.#waiting += 1;
        waits = true;
        meter.gauge('registry_away', AWAY_LABELS, 1);
        await pause(clock, RETRY_MS, signal);
      }
    } finally {
      if (waits) this.#waiting -= 1;
      if (waits && this.#waiting === 0) meter.gauge('registry_away', AWAY_LABELS, 0);
    }
  }
}

/** Keeps the last row of each endpoint. */
export function keep(rows: Map<string, EndpointRow>, row: EndpointRow): void {
  if (row.kind === 'ignored' || row.id === null) return;
  if (row.kind === 'row' && row.fields === null) rows.delete(row.id);
  else rows.set(row.id, row);
}

/** Puts the row that `row` replaces by, unless it says the same; what was before a removal counts no more. */
function putBy(earlier: Map<string, EndpointRow[]>, row: EndpointRow, rows: ReadonlyMap<string, EndpointRow>): void {
  if (row.kind === 'ignored' || row.id === null) return;
  const replaced = rows.get(row.id);
  if (row.kind === 'row' && row.fields === null) earlier.delete(row.id);
  else if (replaced && !isDeepStrictEqual(replaced, row)) {
    earlier.set(row.id, [...(earlier.get(row.id) ?? []), replaced].slice(-EARLIER_MAX));
  }
}

/** A key that is no JSON is the id itself; one in a frame that cannot be read is nothing. */
function plainText(key: Buffer | null): string | null {
  return key === null || framedSchemaId(key) !== null ? null : key.toString();
}

function copyOf(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}
