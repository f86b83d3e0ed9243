/**
 * The join at work in one task: rows of `cluster-changes` in, payloads on the outbound topic out, what was told of each lead
 * in `join-state`. `cluster-changes` is compacted by row, so it is the row log itself and no row is written a second time.
 *
 * Load, then announce: a task reads its whole partition into an empty state and only then tells the clusters that were touched
 * at or after its position, in transactions of bounded size; the position moves when all are told. So a backlog of hours costs
 * each lead one payload. Four guards make that exact:
 *  - a load that takes longer than the log's `min.compaction.lag.ms` starts again, else the cleaner could take a record away
 *    between the end that was read and the reader, and show a state that never was;
 *  - for the same reason a running task that reads a record of that age ends its life and loads anew;
 *  - a position older than the log's `delete.retention.ms` makes every cluster dirty, because tombstones may be gone, and
 *    emission records may be left of leads that are; only then has a load to look for those;
 *  - a task without a position makes every cluster dirty.
 * Telling too many clusters is always safe: a body equal to the last one told is not told again.
 */

import type { JoinRules } from '../core/join.ts';
import { type IncomingChange, JoinClusters, type Told } from '../core/join-batch.ts';
import { POSITION_KEY } from '../core/keys.ts';
import { partitionOf } from '../core/partition.ts';
import type { PayloadVersion } from '../core/payload/versions.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { type Span, silentTracer, type Tracer } from '../lib/tracer.ts';
import type { BatchWork, TaskInput } from './batch-loop.ts';
import { traceparentOf } from './batch-span.ts';
import { deadLetter } from './dead-letter.ts';
import { KafkaFailure } from './errors.ts';
import { decodeJoinPosition, encodeJoinPosition, joinCodec } from './internal-codec.ts';
import { loadProgress } from './load-progress.ts';
import { type PartitionLog, readAll, startOf } from './partition-log.ts';
import type { KafkaRecord, OutgoingRecord } from './record.ts';
import type { TaskProducer } from './task.ts';
import type { Batch } from './task-queue.ts';

export interface JoinTaskDeps {
  readonly log: PartitionLog;
  readonly clock: Clock;
  readonly logger: Log;
  readonly meter: Meter;
  /** Absent = nobody takes spans. */
  readonly tracer?: Tracer;
}

export interface JoinTaskOptions {
  readonly partition: number;
  readonly clusterChangesTopic: string;
  readonly stateTopic: string;
  readonly outbound: { topic: string; partitions: number };
  readonly deadLetters: { topic: string; partitions: number };
  readonly rules: JoinRules;
  /** Bytes before the body: the registry's framing of each version, or none (`plain`). */
  readonly framing: ReadonlyMap<PayloadVersion, Buffer>;
  readonly clusterRowsMax: number;
  /** A body beyond this many bytes becomes a dead letter. */
  readonly bodyBytesMax: number;
  /** Clusters told in one transaction after a load. */
  readonly announceClustersMax: number;
  readonly compactionLagMs: number;
  readonly deleteRetentionMs: number;
}

const STATE_GAUGES = ['state_clusters', 'state_bytes', 'quarantined_clusters'] as const;

export class JoinTask implements BatchWork {
  readonly #deps: JoinTaskDeps;
  readonly #options: JoinTaskOptions;
  #clusters: JoinClusters;
  /** Where the input is read on once everything dirty is told. */
  #next = 0;
  #lastTimestamp = 0;
  /** All that was written before this time (ms) has been read: the start of the load, or the newest record since. */
  #readUntil = 0;
  #forget: readonly { key: string; value: null }[] = [];
  #positionOwed = false;

  constructor(deps: JoinTaskDeps, options: JoinTaskOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#clusters = this.#empty();
  }

  async load(signal: AbortSignal): Promise<readonly TaskInput[]> {
    const { clock, logger } = this.#deps;
    for (;;) {
      const startedAt = clock.now();
      await this.#loadOnce(signal);
      this.#readUntil = startedAt;
      const tookMs = clock.now() - startedAt;
      if (tookMs < this.#options.compactionLagMs || signal.aborted) break;
      logger.warn(
        { event: 'load_restarted', stage: 'join', partition: this.#options.partition, tookMs },
        'the load took longer than min.compaction.lag.ms of cluster-changes and starts again; raise that setting',
      );
      this.#clusters = this.#empty();
    }
    this.#positionOwed = true;
    this.#gauges();
    return [{ topic: this.#options.clusterChangesTopic, partition: this.#options.partition, offset: this.#next }];
  }

  owing(): boolean {
    return this.#positionOwed;
  }

  async step(batch: Batch, producer: Pick<TaskProducer, 'send'>, _signal?: AbortSignal, span?: Span): Promise<void> {
    const { partition, stateTopic, clusterChangesTopic, announceClustersMax } = this.#options;
    this.#mustKeepUp(batch);
    for (const record of batch.records) {
      this.#clusters.evolve(incoming(record), true);
      this.#lastTimestamp = Math.max(this.#lastTimestamp, record.timestamp);
      this.#readUntil = Math.max(this.#readUntil, record.timestamp);
    }
    this.#next = batch.next.get(clusterChangesTopic) ?? this.#next;
    const told = this.#clusters.announce(batch.records.length > 0 ? Number.POSITIVE_INFINITY : announceClustersMax);
    const out: OutgoingRecord[] = [];
    const emitted = told.announcements.filter((one) => this.#emit(one, span, out));
    for (const { cluster, rows } of told.quarantined) out.push(this.#quarantined(cluster, rows));
    for (const { key, value } of [...told.emissions, ...this.#forget])
      out.push({ topic: stateTopic, partition, key, value });
    this.#forget = [];
    if (this.#clusters.dirtyCount === 0) {
      out.push({ topic: stateTopic, partition, key: POSITION_KEY, value: this.#position() });
      this.#positionOwed = false;
    }
    await producer.send(out);
    this.#count(told, emitted);
  }

  /**
   * Ends the life of a task that reads too late: a record that the cleaner may have thinned out around it, or anything after
   * so long a silence that a tombstone may be gone which nobody has read (the process was suspended).
   */
  #mustKeepUp({ records, next }: Batch): void {
    const { partition, clusterChangesTopic, compactionLagMs, deleteRetentionMs } = this.#options;
    const now = this.#deps.clock.now();
    const oldest = records[0];
    const isLate = oldest !== undefined && now - oldest.timestamp >= compactionLagMs;
    const mayMissTombstones = next.size > 0 && now - this.#readUntil >= deleteRetentionMs;
    if (!isLate && !mayMissTombstones) return;
    const after = isLate
      ? 'min.compaction.lag.ms after it was written'
      : 'delete.retention.ms after the record before it';
    throw new KafkaFailure(
      'fell-behind',
      `${clusterChangesTopic}/${partition}: read later than ${after}; loading anew`,
    );
  }

  async #loadOnce(signal: AbortSignal): Promise<void> {
    const { partition, clusterChangesTopic, stateTopic, deleteRetentionMs } = this.#options;
    const { log, clock } = this.#deps;
    let bytes: Buffer | null = null;
    await readAll(log, { topic: stateTopic, partition, signal }, ({ key, value }) => {
      const name = key?.toString() ?? '';
      if (name === POSITION_KEY) bytes = value;
      else this.#clusters.restoreEmission(name, value);
    });
    const position = bytes === null ? null : decodeJoinPosition(bytes);
    const at = { topic: clusterChangesTopic, partition };
    const from = await startOf(log, { ...at, signal }, position);
    const take = (record: KafkaRecord): void => {
      this.#clusters.evolve(incoming(record), record.offset >= from);
      this.#lastTimestamp = Math.max(this.#lastTimestamp, record.timestamp);
    };
    const left = loadProgress(this.#deps, { stage: 'join', partition });
    const end = await readAll(log, { ...at, signal }, take, left);
    this.#forget = [];
    if (position === null || clock.now() - position.time > deleteRetentionMs) {
      this.#clusters.touchAll();
      this.#forget = this.#clusters.orphans();
    }
    this.#next = end;
  }

  /** @returns false when the body is too large: it is a dead letter instead, and nothing was announced. */
  #emit(announcement: Told['announcements'][number], batch: Span | undefined, out: OutgoingRecord[]): boolean {
    const { outbound, framing, bodyBytesMax } = this.#options;
    const { leadId, version, revision, cause, dealershipId, changedAt, body } = announcement;
    const bytes = Buffer.from(body, 'utf8');
    if (bytes.length > bodyBytesMax) {
      const message = `the ${version} payload of lead ${leadId} has ${bytes.length} bytes, allowed are ${bodyBytesMax}`;
      out.push(this.#deadLetter(leadId, 'too-large', message));
      return false;
    }
    const frame = framing.get(version);
    const partition = partitionOf(leadId, outbound.partitions);
    const headers: Record<string, string> = {
      version,
      revision: String(revision),
      cause,
      'dealership-id': dealershipId,
      'changed-at': String(changedAt),
    };
    const traceparent = this.#traced(announcement, partition, batch);
    if (traceparent !== null) headers['traceparent'] = traceparent;
    const value = frame === undefined ? bytes : Buffer.concat([frame, bytes]);
    out.push({ topic: outbound.topic, partition, key: leadId, value, headers });
    return true;
  }

  /** The traceparent of a payload: the one of the change that it tells of, or of its own span, which continues that. */
  #traced(of: Told['announcements'][number], partition: number, batch: Span | undefined): string | null {
    const { tracer = silentTracer } = this.#deps;
    if (!tracer.active) return of.traceparent;
    const { topic } = this.#options.outbound;
    const span = tracer.start(`create ${topic}`, {
      kind: 'producer',
      parent: of.traceparent,
      links: batch?.traceparent ? [batch.traceparent] : [],
      attributes: {
        'messaging.system': 'kafka',
        'messaging.operation.type': 'create',
        'messaging.operation.name': 'create',
        'messaging.destination.name': topic,
        'messaging.destination.partition.id': String(partition),
        'lead_webhooks.payload.version': of.version,
        'lead_webhooks.cause': of.cause,
      },
    });
    span.end();
    return span.traceparent;
  }

  #quarantined(cluster: string, rows: number): OutgoingRecord {
    const message = `${cluster} has ${rows} rows, allowed are ${this.#options.clusterRowsMax}; it tells nothing until it has fewer`;
    return this.#deadLetter(cluster, 'cluster-too-large', message);
  }

  /** A dead letter with coordinates only: what is too large for a topic is too large for the dead letters too. */
  #deadLetter(key: string, code: string, message: string): OutgoingRecord {
    const { partition, clusterChangesTopic, deadLetters } = this.#options;
    this.#deps.meter.count('dead_letters_total', { stage: 'join', code });
    this.#deps.logger.warn({ event: 'dead_letter', stage: 'join', code, partition, key }, message);
    const record = {
      topic: clusterChangesTopic,
      partition,
      offset: this.#next,
      key: Buffer.from(key),
      value: null,
      headers: {},
    };
    return deadLetter(record, { stage: 'join', code, message }, deadLetters);
  }

  #count(told: Told, emitted: Told['announcements']): void {
    const { meter, clock } = this.#deps;
    for (const { version, cause, changedAt } of emitted) {
      meter.count('emitted_total', { version, cause });
      if (changedAt > 0) meter.observe('announce_seconds', {}, Math.max(0, clock.now() - changedAt) / 1000);
    }
    for (const { version, reason } of told.suppressed) meter.count('suppressed_total', { version, reason });
    if (told.testDrivesNotFound > 0) meter.count('unresolved_test_drives_total', {}, told.testDrivesNotFound);
    if (told.unknownZones > 0) meter.count('unknown_time_zones_total', {}, told.unknownZones);
    this.#gauges();
  }

  #gauges(): void {
    const { partition } = this.#options;
    this.#deps.meter.gauge('state_clusters', { partition }, this.#clusters.clusterCount);
    this.#deps.meter.gauge('state_bytes', { partition }, this.#clusters.bytes);
    this.#deps.meter.gauge('quarantined_clusters', { partition }, this.#clusters.quarantinedCount);
  }

  /** The gauges of the state go with it. */
  ended(): void {
    const { partition } = this.#options;
    for (const gauge of STATE_GAUGES) this.#deps.meter.forget(gauge, { partition });
  }

  #position(): Buffer {
    return encodeJoinPosition({ next: this.#next, time: this.#deps.clock.now(), lastTimestamp: this.#lastTimestamp });
  }

  #empty(): JoinClusters {
    const { rules, clusterRowsMax } = this.#options;
    return new JoinClusters({ codec: joinCodec, rules, rowsMax: clusterRowsMax });
  }
}

/** A row says itself when it was changed; for "the row left" the record's header does. */
function incoming(record: KafkaRecord): IncomingChange {
  return {
    key: record.key?.toString() ?? '',
    value: record.value,
    goneAt: Number(record.headers['changed-at']?.toString() ?? 0),
    traceparent: traceparentOf(record),
  };
}
