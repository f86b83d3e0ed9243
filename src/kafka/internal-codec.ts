/**
 * Values of the internal topics ↔ what the core works with. Each is one byte and an Avro record (versioned-record.ts); the
 * schemas in `schemas/internal/` are the documentation of the formats. Decoding throws UnknownFormat for a format of a later
 * release and for damaged bytes: an internal topic has no bad records that could be skipped. Digests are hex text in memory
 * and 16 bytes here. Keys are not made here (core/keys.ts, core/delivery.ts).
 */
import type { DeliverPosition, Mark, OutboundRecord, PendingDelivery, RedriveRequest } from '../core/delivery.ts';
import type { Emission } from '../core/emission.ts';
import type { EndpointHealth } from '../core/endpoint-health.ts';
import type { JoinCodec } from '../core/join-batch.ts';
import type { RekeyCodec } from '../core/rekey-batch.ts';
import type { RowState } from '../core/row-state.ts';
import type { AppointmentRow, LeadRow, TestDriveRow } from '../core/rows.ts';
import type { Table } from '../core/source-event.ts';
import type { RowMeta, StoredRow } from '../core/stored-row.ts';
import { packBody, unpackBody } from './body-compression.ts';
import { VersionedRecord } from './versioned-record.ts';

/** Rekey's place in its inputs. */
export interface RekeyPosition {
  readonly sources: readonly {
    readonly topic: string;
    /** Offset to read next. */
    readonly next: number;
    /** Id of the last row deleted, while its tombstone may still follow. */
    readonly lastDelete: string | null;
    /** Schema id in front of the source's keys; null = they are JSON, or none was read. */
    readonly keySchema: number | null;
  }[];
  /** Newest record time read, ms. */
  readonly lastTimestamp: number;
}

/** The join's place in `cluster-changes`. */
export interface JoinPosition {
  /** Offset to read next. */
  readonly next: number;
  /** When this was written, ms. */
  readonly time: number;
  /** Newest record time read, ms. */
  readonly lastTimestamp: number;
}

/** Deliver's place in its inputs: what the Deliverer knows, and what Kafka's side adds. */
export interface StoredDeliverPosition extends DeliverPosition {
  /** Newest record time read, ms. */
  readonly lastTimestamp: number;
}

/** A fact of the application, under its name in the meta topic. */
export interface MetaFact {
  /** Decimal text. */
  readonly value: string;
  /** Ms since the epoch. */
  readonly writtenAt: number;
}

type Packed<T extends { hash: string }> = Omit<T, 'hash'> & { hash: Buffer };
type FlatPending = OutboundRecord & Omit<PendingDelivery, 'record' | 'packed'>;
type FlatRedrive = OutboundRecord &
  Omit<RedriveRequest, 'record' | 'letter'> & { letterPartition: number; letterOffset: number };

const rows = {
  lead: new VersionedRecord<{ meta: RowMeta; row: LeadRow }>('lead-row'),
  appointment: new VersionedRecord<{ meta: RowMeta; row: AppointmentRow }>('appointment-row'),
  test_drive: new VersionedRecord<{ meta: RowMeta; row: TestDriveRow }>('test-drive-row'),
};
const states = new VersionedRecord<Packed<RowState>>('row-state');
const emissions = new VersionedRecord<{ moves: number; n: number; hashes: Record<string, Buffer> }>('emission');
const rekeyPositions = new VersionedRecord<RekeyPosition>('rekey-position');
const joinPositions = new VersionedRecord<JoinPosition>('join-position');
const deliverPositions = new VersionedRecord<StoredDeliverPosition>('deliver-position', [
  (first) => ({ ...first, owner: null }),
]);
const facts = new VersionedRecord<MetaFact>('meta-fact');
const pendings = new VersionedRecord<FlatPending>('pending-delivery', [
  (first) => ({ ...first, failures: first.firstFailureAt === null ? 0 : first.attempts }),
]);
const marks = new VersionedRecord<Mark>('delivery-mark');
const healths = new VersionedRecord<EndpointHealth>('endpoint-health', [
  (first) => ({ ...first, retryAfterUrl: '', openedAt: 0 }),
]);
const redrives = new VersionedRecord<FlatRedrive>('redrive-request');

/** A value of `cluster-changes`. */
export function encodeRow(stored: StoredRow): Buffer {
  switch (stored.table) {
    case 'lead':
      return rows.lead.encode(stored);
    case 'appointment':
      return rows.appointment.encode(stored);
    case 'test_drive':
      return rows.test_drive.encode(stored);
  }
}

/** The row of a value of `cluster-changes`; the table is part of its key. Throws UnknownFormat. */
export function decodeRow(table: Table, bytes: Buffer): StoredRow {
  switch (table) {
    case 'lead': {
      const { meta, row } = rows.lead.decode(bytes);
      return { table, meta, row };
    }
    case 'appointment': {
      const { meta, row } = rows.appointment.decode(bytes);
      return { table, meta, row };
    }
    case 'test_drive': {
      const { meta, row } = rows.test_drive.decode(bytes);
      return { table, meta, row };
    }
  }
}

/** A value of `rekey-state`. */
export function encodeState(state: RowState): Buffer {
  return states.encode({ ...state, hash: Buffer.from(state.hash, 'hex') });
}

/** What rekey knows of a row. Throws UnknownFormat. */
export function decodeState(bytes: Buffer): RowState {
  const { hash, ...state } = states.decode(bytes);
  return { ...state, hash: hash.toString('hex') };
}

/** A value of `join-state`. */
export function encodeEmission(emission: Emission): Buffer {
  const hashes: Record<string, Buffer> = {};
  for (const [version, hash] of Object.entries(emission.hashes)) hashes[version] = Buffer.from(hash, 'hex');
  return emissions.encode({ moves: emission.moves, n: emission.n, hashes });
}

/** What the join told of a lead. Throws UnknownFormat. */
export function decodeEmission(bytes: Buffer): Emission {
  const { moves, n, hashes } = emissions.decode(bytes);
  const texts: Record<string, string> = {};
  for (const [version, hash] of Object.entries(hashes)) texts[version] = hash.toString('hex');
  return { moves, n, hashes: texts };
}

/** The position record of a rekey task. */
export function encodeRekeyPosition(position: RekeyPosition): Buffer {
  return rekeyPositions.encode(position);
}

/** Throws UnknownFormat. */
export function decodeRekeyPosition(bytes: Buffer): RekeyPosition {
  return rekeyPositions.decode(bytes);
}

/** The position record of a join task. */
export function encodeJoinPosition(position: JoinPosition): Buffer {
  return joinPositions.encode(position);
}

/** Throws UnknownFormat. */
export function decodeJoinPosition(bytes: Buffer): JoinPosition {
  return joinPositions.decode(bytes);
}

/** The position record of a deliver task. */
export function encodeDeliverPosition(position: StoredDeliverPosition): Buffer {
  return deliverPositions.encode(position);
}

/** Throws UnknownFormat. */
export function decodeDeliverPosition(bytes: Buffer): StoredDeliverPosition {
  return deliverPositions.decode(bytes);
}

/** A pending delivery; its body is packed. */
export function encodePending(pending: PendingDelivery): Buffer {
  const { record, packed: value, ...rest } = pending;
  return pendings.encode({ ...rest, ...record, value });
}

/** A pending delivery, its value still packed. Throws UnknownFormat. */
export function decodePending(bytes: Buffer): PendingDelivery {
  const { value: packed, attempts, failures, since, dueAt, ...more } = pendings.decode(bytes);
  const { firstFailureAt, lastFailureAt, lastStatus, lastCode, ...record } = more;
  return { record, packed, attempts, failures, since, dueAt, firstFailureAt, lastFailureAt, lastStatus, lastCode };
}

/** A redrive request; its body is packed. */
export function encodeRedrive({ record, letter, ...rest }: RedriveRequest): Buffer {
  const { partition: letterPartition, offset: letterOffset } = letter;
  return redrives.encode({ ...rest, letterPartition, letterOffset, ...record, value: packBody(record.value) });
}

/** Throws UnknownFormat. */
export function decodeRedrive(bytes: Buffer): RedriveRequest {
  const { endpointId, letterPartition, letterOffset, deadAt, requestedAt, ...record } = redrives.decode(bytes);
  return {
    endpointId,
    record: { ...record, value: unpackBody(record.value) },
    letter: { partition: letterPartition, offset: letterOffset },
    deadAt,
    requestedAt,
  };
}

/** A seen, done or dead mark. */
export function encodeMark(mark: Mark): Buffer {
  return marks.encode(mark);
}

/** Throws UnknownFormat. */
export function decodeMark(bytes: Buffer): Mark {
  return marks.decode(bytes);
}

/** A value of `endpoint-health`. */
export function encodeHealth(health: EndpointHealth): Buffer {
  return healths.encode(health);
}

/** Throws UnknownFormat. */
export function decodeHealth(bytes: Buffer): EndpointHealth {
  return healths.decode(bytes);
}

/** A fact of the meta topic. */
export function encodeFact(fact: MetaFact): Buffer {
  return facts.encode(fact);
}

/** Throws UnknownFormat. */
export function decodeFact(bytes: Buffer): MetaFact {
  return facts.decode(bytes);
}

/** What the core's rekey needs of this file. */
export const rekeyCodec: RekeyCodec = { encodeRow, decodeRow, encodeState, decodeState };

/** What the core's join needs of this file. */
export const joinCodec: JoinCodec = { decodeRow, encodeEmission, decodeEmission };
