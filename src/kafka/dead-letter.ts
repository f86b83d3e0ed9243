/**
 * Dead letters of the stages that read Kafka: the original key, value and headers, and why and where from in headers
 * `lead-webhooks.errors.*` (docs/operating.md). Written in the transaction that moves the position past the record.
 */
import { murmur2 } from '../core/partition.ts';
import type { KafkaRecord, OutgoingRecord } from './record.ts';

export interface DeadLetterReason {
  readonly stage: string;
  /** One of the codes of docs/operating.md. */
  readonly code: string;
  /** What is wrong, without any value of the record. */
  readonly message: string;
}

/** Stands before the name of every header that says why and where from. */
export const ERROR_HEADER_PREFIX = 'lead-webhooks.errors.';

/** Bytes of an original beyond which a dead letter says where it lies and does not carry it. */
const ORIGINAL_BYTES_MAX = 900_000;

/**
 * The dead letter of a record; `target` names the dead-letter topic and its partition count. Upstream may allow larger records
 * than our topic does: of those the coordinates are kept alone, else the dead letter could never be written.
 */
export function deadLetter(
  record: Pick<KafkaRecord, 'topic' | 'partition' | 'offset' | 'key' | 'value' | 'headers'>,
  reason: DeadLetterReason,
  target: { topic: string; partitions: number },
): OutgoingRecord {
  const partition = record.key === null ? record.partition : murmur2(record.key) & 0x7fffffff;
  const fits = sizeOf(record) <= ORIGINAL_BYTES_MAX;
  return {
    topic: target.topic,
    partition: partition % target.partitions,
    key: fits ? record.key : null,
    value: fits ? record.value : null,
    headers: {
      ...(fits ? record.headers : {}),
      [`${ERROR_HEADER_PREFIX}stage`]: reason.stage,
      [`${ERROR_HEADER_PREFIX}topic`]: record.topic,
      [`${ERROR_HEADER_PREFIX}partition`]: String(record.partition),
      [`${ERROR_HEADER_PREFIX}offset`]: String(record.offset),
      [`${ERROR_HEADER_PREFIX}code`]: reason.code,
      [`${ERROR_HEADER_PREFIX}message`]: reason.message,
    },
  };
}

function sizeOf({ key, value, headers }: Pick<KafkaRecord, 'key' | 'value' | 'headers'>): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, header] of Object.entries(headers)) bytes += name.length + header.length;
  return bytes;
}
