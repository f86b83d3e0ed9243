/**
 * Records of the outbound topic as the deliverer sees them, and back into records of Kafka for the dead letters. The value is
 * kept byte for byte; what the join put into the headers is all that delivery needs to know.
 */
import type { DeadLetter, OutboundRecord } from '../core/delivery.ts';
import { partitionOf } from '../core/partition.ts';
import { traceparentOf } from './batch-span.ts';
import { deadLetter, ERROR_HEADER_PREFIX } from './dead-letter.ts';
import { FRAME_BYTES, framedSchemaId } from './framing.ts';
import type { KafkaRecord, OutgoingRecord } from './record.ts';

/** A 64-bit integer as text has nineteen digits and maybe a sign. */
const LEAD_ID = /^-?\d{1,19}$/;
const DIGITS = /^\d+$/;

/** The record, or what is wrong with it when somebody else wrote it. The value is copied. */
export function readOutbound(record: KafkaRecord): OutboundRecord | { readonly wrong: string } {
  const text = (name: string): string | null => record.headers[name]?.toString() ?? null;
  const { key, value } = record;
  if (key === null || value === null) return { wrong: 'a record of the outbound topic has a key and a value' };
  const leadId = key.toString();
  if (!LEAD_ID.test(leadId)) return { wrong: 'a record of the outbound topic has the id of its lead as its key' };
  const version = text('version');
  const revisionText = text('revision') ?? '';
  const revision = Number(revisionText);
  const cause = text('cause');
  const dealershipId = text('dealership-id');
  if (version === null || dealershipId === null) return { wrong: 'the headers version and dealership-id are required' };
  if (!DIGITS.test(revisionText) || !Number.isSafeInteger(revision))
    return { wrong: 'the header revision must be an integer below 2^53' };
  if (cause !== 'created' && cause !== 'changed') return { wrong: 'the header cause must be created or changed' };
  const changedAt = Number(text('changed-at') ?? 'none');
  return {
    offset: record.offset,
    leadId,
    version,
    revision,
    cause,
    dealershipId,
    changedAt: Number.isFinite(changedAt) && changedAt > 0 ? changedAt : null,
    traceparent: traceparentOf(record),
    value: Buffer.from(value),
    bodyStart: framedSchemaId(value) === null ? 0 : FRAME_BYTES,
  };
}

/** The dead letter of a delivery: the record as it lies on the outbound topic, and why it was given up. */
export function deliveryDeadLetter(
  letter: DeadLetter,
  from: { topic: string; partition: number },
  target: { topic: string; partitions: number },
): OutgoingRecord {
  const { record, endpointId, code, message, attempts, firstFailureAt, lastFailureAt, status } = letter;
  const headers: Record<string, Buffer> = {};
  const put = (name: string, value: string | number | null): void => {
    if (value !== null) headers[name] = Buffer.from(String(value));
  };
  put('version', record.version);
  put('revision', record.revision);
  put('cause', record.cause);
  put('dealership-id', record.dealershipId);
  put('changed-at', record.changedAt);
  put('traceparent', record.traceparent);
  const original = { ...from, offset: record.offset, key: Buffer.from(record.leadId), value: record.value, headers };
  const written = deadLetter(original, { stage: 'deliver', code, message }, target);
  const more: Record<string, string> = { endpoint: endpointId, attempts: String(attempts) };
  if (firstFailureAt !== null) more['first-failure'] = new Date(firstFailureAt).toISOString();
  if (lastFailureAt !== null) more['last-failure'] = new Date(lastFailureAt).toISOString();
  if (status !== null) more['status'] = String(status);
  const named = Object.entries(more).map(([name, value]) => [`${ERROR_HEADER_PREFIX}${name}`, value]);
  return {
    ...written,
    partition: partitionOf(record.leadId, target.partitions),
    headers: { ...written.headers, ...Object.fromEntries(named) },
  };
}
