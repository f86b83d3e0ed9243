/**
 * Source records → Changes, for rekey. `prepare` does all that may wait (schemas from the registry), `decode` is synchronous
 * and never fails: what cannot be read is a BadRecord. A registry that is away is not the record's fault, so `prepare` waits
 * for it, however long, and says so (`away`, log, metric). A schema that the registry does not have is the record's fault.
 */
import { type Change, interpret, type SourceRules } from '../core/change.ts';
import { decodeJsonKey, decodeJsonRecord } from '../core/json-record.ts';
import { type BadRecord, isBad, type SourceEvent, type Table } from '../core/source-event.ts';
import { type Clock, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { framedPayload, framedSchemaId } from './framing.ts';
import type { KafkaRecord } from './record.ts';
import type { SchemaSource, WriterSchema } from './registry.ts';
import { RegistryRefused, RegistryUnavailable } from './registry-http.ts';
import { avroKeyDecoder, avroSourceDecoder, type KeyDecoder, type SourceDecoder } from './source-avro.ts';

export interface SourceCodecDeps {
  /** Null when no registry is configured: framed records are then bad ones. */
  readonly registry: SchemaSource | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
}

/** A record taken apart; see `inspect`. */
export interface Inspection {
  /** Id of the value's schema in the registry; null = not framed. */
  readonly valueSchema: number | null;
  readonly keySchema: number | null;
  /** The value's schema; null = not framed, or the registry does not have it. */
  readonly writer: WriterSchema | null;
  /** The key's schema, in the same way. */
  readonly keyWriter: WriterSchema | null;
  readonly keyId: string | BadRecord | null;
  /** Null for a tombstone. */
  readonly event: SourceEvent | BadRecord | null;
  readonly change: Change;
}

/** Why and since when (ms) a task waits for the registry. */
export interface RegistryAway {
  readonly since: number;
  readonly reason: string;
}

const WAIT_BASE_MS = 250;
const WAIT_CAP_MS = 10_000;
const AWAY_LABELS = { stage: 'rekey' };

/** The codec of all source topics; its schemas and decoders may be shared by the tasks of a process. */
export class SourceCodec {
  readonly #deps: SourceCodecDeps;
  readonly #rules: SourceRules;
  readonly #schemas = new Map<number, WriterSchema>();
  readonly #values = new Map<Table, Map<number, SourceDecoder>>();
  readonly #keys = new Map<number, KeyDecoder>();
  readonly #complainedOf = new Set<number>();
  #away: RegistryAway | null = null;
  /** Schemas that are waited for. */
  #waitedFor = 0;

  constructor(deps: SourceCodecDeps, rules: SourceRules) {
    this.#deps = deps;
    this.#rules = rules;
    deps.meter.gauge('registry_away', AWAY_LABELS, 0);
  }

  /** Set while `prepare` waits for a registry that cannot answer; for readiness. */
  get away(): RegistryAway | null {
    return this.#away;
  }

  /**
   * Fetches the schemas that keys and values of `records` name and that are not known yet. Waits while the registry is away;
   * rejects only with the reason of `signal` when that aborts.
   */
  async prepare(records: readonly KafkaRecord[], signal: AbortSignal): Promise<void> {
    const { registry } = this.#deps;
    if (registry === null) return;
    const wanted = new Set<number>();
    for (const { key, value } of records) {
      this.#want(key, wanted);
      this.#want(value, wanted);
    }
    if (wanted.size === 0) return;
    await Promise.all(Array.from(wanted, (id) => this.#resolve(registry, id, signal)));
  }

  /** What the record says. Call `prepare` with it before: a schema that was not fetched counts as unknown. */
  decode(record: KafkaRecord, table: Table): Change {
    const keyId = this.#keyId(record.key);
    const event = this.#event(record.value, table);
    if (event !== null && isBad(event)) return event;
    const change = interpret(event, {
      table,
      keyId: typeof keyId === 'string' ? keyId : null,
      offset: record.offset,
      timestampMs: record.timestamp,
      rules: this.#rules,
    });
    // A key that cannot be read matters only where the value does not say which row it is.
    const keyMissing = change.kind === 'bad' && change.code === 'missing-key';
    return keyMissing && keyId !== null && typeof keyId !== 'string' ? keyId : change;
  }

  /** How the record says it, beside what: for `sources check`. Call `prepare` with it before. */
  inspect(record: KafkaRecord, table: Table): Inspection {
    const { key, value } = record;
    const valueSchema = value === null ? null : framedSchemaId(value);
    const keySchema = key === null ? null : framedSchemaId(key);
    return {
      valueSchema,
      keySchema,
      writer: valueSchema === null ? null : (this.#schemas.get(valueSchema) ?? null),
      keyWriter: keySchema === null ? null : (this.#schemas.get(keySchema) ?? null),
      keyId: this.#keyId(key),
      event: this.#event(value, table),
      change: this.decode(record, table),
    };
  }

  #want(bytes: Buffer | null, wanted: Set<number>): void {
    const id = bytes === null ? null : framedSchemaId(bytes);
    if (id !== null && !this.#schemas.has(id)) wanted.add(id);
  }

  #event(value: Buffer | null, table: Table): SourceEvent | BadRecord | null {
    if (value === null) return null;
    const id = framedSchemaId(value);
    if (id === null) return decodeJsonRecord(value.toString());
    let decoders = this.#values.get(table);
    if (decoders === undefined) {
      decoders = new Map();
      this.#values.set(table, decoders);
    }
    let decode = decoders.get(id);
    if (decode === undefined) {
      const schema = this.#schemas.get(id);
      if (schema === undefined) return this.#unknown('value', id);
      decode = valueDecoder(schema, table);
      decoders.set(id, decode);
    }
    return decode(framedPayload(value));
  }

  #keyId(key: Buffer | null): string | BadRecord | null {
    if (key === null) return null;
    const id = framedSchemaId(key);
    if (id === null) return decodeJsonKey(key.toString());
    let decode = this.#keys.get(id);
    if (decode === undefined) {
      const schema = this.#schemas.get(id);
      if (schema === undefined) return this.#unknown('key', id);
      decode = keyDecoder(schema);
      this.#keys.set(id, decode);
    }
    return decode(framedPayload(key));
  }

  #unknown(part: 'key' | 'value', id: number): BadRecord {
    const why = this.#deps.registry === null ? 'no schema registry is configured' : 'the registry has no such schema';
    return { kind: 'bad', code: 'unknown-schema', message: `${part}: framed with schema id ${id}, but ${why}` };
  }

  async #resolve(registry: SchemaSource, id: number, signal: AbortSignal): Promise<void> {
    let failures = 0;
    try {
      for (;;) {
        const failure = await this.#ask(registry, id, signal);
        if (failure === null) return;
        if (failures === 0) this.#waitedFor++;
        await this.#wait(failures++, failure, signal);
      }
    } finally {
      if (failures > 0) this.#waitedFor--;
      if (this.#waitedFor === 0 && this.#away !== null) this.#back();
    }
  }

  #back(): void {
    this.#away = null;
    this.#deps.meter.gauge('registry_away', AWAY_LABELS, 0);
  }

  /** Asks once; null = there is an answer, for better or worse. */
  async #ask(registry: SchemaSource, id: number, signal: AbortSignal): Promise<RegistryUnavailable | null> {
    signal.throwIfAborted();
    try {
      const schema = await orAborted(registry.schemaById(id), signal);
      if (schema !== 'unknown') this.#schemas.set(id, schema);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RegistryUnavailable) return error;
      if (!(error instanceof RegistryRefused)) throw error;
      this.#complain(id, error);
    }
    return null;
  }

  async #wait(failures: number, error: RegistryUnavailable, signal: AbortSignal): Promise<void> {
    const { clock, log, meter } = this.#deps;
    meter.count('registry_errors_total', { reason: error.reason });
    const { reason } = error;
    if (this.#away === null) {
      log.warn({ event: 'registry_away', reason }, `${error.message}; the sources wait for it, nothing is skipped`);
    }
    meter.gauge('registry_away', AWAY_LABELS, 1);
    this.#away = { since: this.#away?.since ?? clock.now(), reason };
    await pause(clock, Math.min(WAIT_CAP_MS, WAIT_BASE_MS * 2 ** Math.min(failures, 10)), signal);
  }

  #complain(id: number, error: RegistryRefused): void {
    if (this.#complainedOf.has(id)) return;
    this.#complainedOf.add(id);
    this.#deps.log.warn(
      { event: 'schema_unusable', id },
      `${error.message}; records of this schema go to the dead letters`,
    );
  }
}

/** Avro, or JSON in the same frame (JSON Schema serializers); nothing else is read. */
function valueDecoder(schema: WriterSchema, table: Table): SourceDecoder {
  if (schema.type === 'AVRO') return avroSourceDecoder(schema, table);
  if (schema.type === 'JSON') return (payload) => decodeJsonRecord(payload.toString());
  return () => ({ kind: 'bad', code: 'undecodable', message: 'value: expected Avro or JSON, found Protobuf' });
}

function keyDecoder(schema: WriterSchema): KeyDecoder {
  if (schema.type === 'AVRO') return avroKeyDecoder(schema);
  if (schema.type === 'JSON') return (payload) => decodeJsonKey(payload.toString());
  return () => ({ kind: 'bad', code: 'undecodable', message: 'key: expected Avro or JSON, found Protobuf' });
}

/** The promise, or a rejection with the signal's reason as soon as that aborts. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
