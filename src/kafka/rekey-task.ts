/**
 * Rekey at work in one task: source records in, rows of `cluster-changes` out, what it knows of each row in `rekey-state`.
 *
 * Before the transaction begins, everything that may wait on somebody else is done: schemas are fetched from the registry and
 * rows whose big columns the source left out are read back from `cluster-changes`. The read-back is read uncommitted: the
 * pointer is committed, and a read-committed one would wait behind the open transaction of another task, which may be waiting
 * for ours.
 */
import type { Change } from '../core/change.ts';
import { POSITION_KEY } from '../core/keys.ts';
import type { RekeyRules } from '../core/rekey.ts';
import { type RekeyBatch, RekeyRows, type SourceChange } from '../core/rekey-batch.ts';
import { RowCache } from '../core/row-cache.ts';
import type { BadRecord, Table } from '../core/source-event.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { BatchWork, TaskInput } from './batch-loop.ts';
import { traceparentOf } from './batch-span.ts';
import { deadLetter } from './dead-letter.ts';
import { KafkaFailure } from './errors.ts';
import { framedSchemaId } from './framing.ts';
import { decodeRekeyPosition, encodeRekeyPosition, rekeyCodec } from './internal-codec.ts';
import { loadProgress } from './load-progress.ts';
import { type PartitionLog, readAll, startOf } from './partition-log.ts';
import type { KafkaRecord, OutgoingRecord } from './record.ts';
import type { TaskProducer } from './task.ts';
import type { Batch } from './task-queue.ts';

/** Turns a source record into a change (see SourceCodec). */
export interface SourceDecoder {
  /** Fetches the schemas that the batch needs; waits while the registry is away. */
  prepare(records: readonly KafkaRecord[], signal: AbortSignal): Promise<void>;
  decode(record: KafkaRecord, table: Table): Change;
  /** Not null while `prepare` waits for somebody who is away. */
  readonly away: object | null;
}

export interface RekeyTaskDeps {
  readonly log: PartitionLog;
  readonly decoder: SourceDecoder;
  readonly clock: Clock;
  readonly logger: Log;
  readonly meter: Meter;
}

export interface RekeyTaskOptions {
  readonly partition: number;
  /** The source topics that have this partition. */
  readonly sources: readonly { topic: string; table: Table }[];
  readonly stateTopic: string;
  readonly clusterChanges: { topic: string; partitions: number };
  readonly deadLetters: { topic: string; partitions: number };
  readonly rules: RekeyRules;
  readonly rowCacheBytes: number;
  /** A row of more bytes becomes a dead letter. */
  readonly rowBytesMax: number;
  /** Records that are not looked at, as `topic/partition/offset`: dead letters at once. */
  readonly skip?: ReadonlySet<string>;
}

const READ_BACKS_AT_ONCE = 16;

const SKIPPED: BadRecord = { kind: 'bad', code: 'skipped', message: 'named in LEAD_WEBHOOKS_SKIP_RECORDS' };

const STATE_GAUGES = ['row_cache_bytes', 'rekey_rows'] as const;

export class RekeyTask implements BatchWork {
  readonly #deps: RekeyTaskDeps;
  readonly #options: RekeyTaskOptions;
  readonly #rows: RekeyRows;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #next = new Map<string, number>();
  /** Per source topic: the schema id in front of its keys. */
  readonly #keySchemas = new Map<string, number>();
  #lastTimestamp = 0;

  constructor(deps: RekeyTaskDeps, options: RekeyTaskOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#tables = new Map(options.sources.map(({ topic, table }) => [topic, table]));
    this.#rows = new RekeyRows({
      codec: rekeyCodec,
      cache: new RowCache(options.rowCacheBytes),
      rules: options.rules,
      partitions: options.clusterChanges.partitions,
      rowBytesMax: options.rowBytesMax,
    });
  }

  async load(signal: AbortSignal): Promise<readonly TaskInput[]> {
    const { partition, sources, stateTopic } = this.#options;
    let position = null as Buffer | null;
    const take = ({ key, value }: KafkaRecord): void => {
      const name = key?.toString() ?? '';
      if (name === POSITION_KEY) position = value;
      else this.#rows.restore(name, value);
    };
    const left = loadProgress(this.#deps, { stage: 'rekey', partition });
    await readAll(this.#deps.log, { topic: stateTopic, partition, signal }, take, left);
    if (position !== null) this.#restorePosition(position);
    return Promise.all(
      sources.map(async ({ topic }) => {
        const next = this.#next.get(topic);
        const read = next === undefined ? null : { next, lastTimestamp: this.#lastTimestamp };
        const offset = await startOf(this.#deps.log, { topic, partition, signal }, read);
        return { topic, partition, offset };
      }),
    );
  }

  owing(): boolean {
    return false;
  }

  /** While the registry is away the sources wait; readiness says so. */
  excused(): boolean {
    return this.#deps.decoder.away !== null;
  }

  async step(batch: Batch, producer: Pick<TaskProducer, 'send'>, signal: AbortSignal): Promise<void> {
    const { decoder } = this.#deps;
    const skipped = batch.records.filter((record) => this.#isSkipped(record));
    const records = skipped.length === 0 ? batch.records : batch.records.filter((record) => !skipped.includes(record));
    await decoder.prepare(records, signal);
    const changes: SourceChange[] = [];
    const changed: KafkaRecord[] = [];
    const out = skipped.map((record) => this.#bad(record, SKIPPED));
    for (const record of records) {
      this.#mustKeepKeySchema(record);
      const change = decoder.decode(record, this.#tableOf(record));
      if (change.kind === 'bad') out.push(this.#bad(record, change));
      else {
        changes.push({ change, traceparent: traceparentOf(record) });
        changed.push(record);
      }
      if (change.kind === 'ignored') this.#ignored(record, change.reason);
      this.#lastTimestamp = Math.max(this.#lastTimestamp, record.timestamp);
    }
    const readBack = await this.#readBack(changes, signal);
    const decided = this.#rows.process(changes, readBack);
    for (const [index, bad] of decided.refused) {
      const record = changed[index];
      // Its coordinates only: what is too large for one topic is too large for the other.
      if (record !== undefined) out.push(this.#bad({ ...record, value: null }, bad));
    }
    for (const [topic, next] of batch.next) this.#next.set(topic, next);
    this.#count(decided);
    const rows = decided.clusterChanges.map((change) => this.#clusterChange(change));
    const offsets = rows.length > 0 ? await producer.send(rows) : null;
    const { stateTopic, partition } = this.#options;
    for (const { key, value } of decided.states((index) => offsets?.offset(index) ?? -1)) {
      out.push({ topic: stateTopic, partition, key, value });
    }
    out.push({ topic: stateTopic, partition, key: POSITION_KEY, value: this.#position() });
    await producer.send(out);
  }

  /** Last records of rows whose change left columns out, by state key; one that is not found is left out. */
  async #readBack(changes: readonly SourceChange[], signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>> {
    const found = new Map<string, Buffer>();
    const needs = [...this.#rows.needs(changes)];
    for (let i = 0; i < needs.length; i += READ_BACKS_AT_ONCE) {
      await Promise.all(
        needs.slice(i, i + READ_BACKS_AT_ONCE).map(async ([name, { pointer, key }]) => {
          const at = { topic: this.#options.clusterChanges.topic, partition: pointer.partition };
          const range = { from: pointer.offset, to: pointer.offset + 1, committed: false, signal };
          await this.#deps.log.read({ ...at, ...range }, (records) => {
            for (const record of records) {
              if (record.offset === pointer.offset && record.key?.toString() === key && record.value !== null) {
                found.set(name, record.value);
              }
            }
          });
        }),
      );
    }
    return found;
  }

  #clusterChange(change: RekeyBatch['clusterChanges'][number]): OutgoingRecord {
    const headers: Record<string, string> = {};
    // A row carries its commit time itself; only a record that says "gone" needs it beside.
    if (change.value === null) headers['changed-at'] = String(change.changedAt);
    if (change.traceparent !== null) headers['traceparent'] = change.traceparent;
    const { topic } = this.#options.clusterChanges;
    return { topic, partition: change.partition, key: change.key, value: change.value, headers };
  }

  #isSkipped({ topic, partition, offset }: KafkaRecord): boolean {
    const { skip } = this.#options;
    return skip !== undefined && skip.size > 0 && skip.has(`${topic}/${partition}/${offset}`);
  }

  #bad(record: KafkaRecord, bad: BadRecord): OutgoingRecord {
    const { topic, partition, offset } = record;
    this.#deps.meter.count('bad_records_total', { stage: 'rekey', code: bad.code });
    this.#deps.logger.warn(
      { event: 'bad_record', code: bad.code, topic, partition, offset },
      `the record went to the dead letters: ${bad.message}`,
    );
    return deadLetter(record, { stage: 'rekey', code: bad.code, message: bad.message }, this.#options.deadLetters);
  }

  #ignored(record: KafkaRecord, reason: 'truncate' | 'message'): void {
    const { topic, partition, offset } = record;
    this.#deps.meter.count('source_records_total', { table: this.#tableOf(record), outcome: reason });
    if (reason === 'truncate') {
      this.#deps.logger.error(
        { event: 'source_truncated', topic, partition, offset },
        'the source table was truncated upstream; its rows live on here until each is deleted',
      );
    }
  }

  #count(decided: RekeyBatch): void {
    const { meter } = this.#deps;
    for (const [name, times] of decided.outcomes) {
      const [table = '', outcome = ''] = name.split(' ');
      if (outcome === 'moved') meter.count('rekey_moves_total', { table }, times);
      else if (outcome === 'unknown-field') meter.count('unknown_rows_total', { table }, times);
      else meter.count('source_records_total', { table, outcome }, times);
    }
    const removes = decided.clusterChanges.filter(({ value }) => value === null).length;
    if (removes > 0) meter.count('cluster_changes_total', { kind: 'remove' }, removes);
    meter.count('cluster_changes_total', { kind: 'upsert' }, decided.clusterChanges.length - removes);
    meter.gauge('row_cache_bytes', { partition: this.#options.partition }, this.#rows.cacheBytes);
    meter.gauge('rekey_rows', { partition: this.#options.partition }, this.#rows.count);
  }

  /** The gauges of the state go with it. */
  ended(): void {
    for (const gauge of STATE_GAUGES) this.#deps.meter.forget(gauge, { partition: this.#options.partition });
  }

  /**
   * The schema id is part of a key's bytes, and they decide its partition: with another id the row comes to a task that knows
   * nothing of it, and its revisions would start again.
   */
  #mustKeepKeySchema({ topic, partition, offset, key }: KafkaRecord): void {
    const id = key === null ? null : framedSchemaId(key);
    if (id === null) return;
    const known = this.#keySchemas.get(topic) ?? id;
    this.#keySchemas.set(topic, known);
    if (known === id) return;
    throw new KafkaFailure(
      'input-changed',
      `${topic}/${partition}: the key at offset ${offset} has schema ${id}, those before it had ${known}: its rows now lie in other ` +
        'partitions. See docs/operating.md, "key schemas".',
    );
  }

  #tableOf(record: KafkaRecord): Table {
    const table = this.#tables.get(record.topic);
    if (table === undefined) throw new Error(`no table is known for topic ${record.topic}`);
    return table;
  }

  #position(): Buffer {
    const sources = Array.from(this.#next, ([topic, next]) => {
      const table = this.#tables.get(topic);
      const lastDelete = table === undefined ? undefined : this.#rows.lastDeletes.get(table);
      return { topic, next, lastDelete: lastDelete ?? null, keySchema: this.#keySchemas.get(topic) ?? null };
    });
    return encodeRekeyPosition({ sources, lastTimestamp: this.#lastTimestamp });
  }

  #restorePosition(bytes: Buffer): void {
    const position = decodeRekeyPosition(bytes);
    this.#lastTimestamp = position.lastTimestamp;
    for (const { topic, next, lastDelete, keySchema } of position.sources) {
      this.#next.set(topic, next);
      if (keySchema !== null) this.#keySchemas.set(topic, keySchema);
      const table = this.#tables.get(topic);
      if (table !== undefined && lastDelete !== null) this.#rows.lastDeletes.set(table, lastDelete);
    }
  }
}
