/**
 * Names for error codes that are younger than the client. Without them a fenced producer of a newer broker is an unknown
 * code that only its text tells. Codes and retriability are those of Kafka 4.4's protocol table; only those are listed that
 * a client of ours can be answered.
 */

export interface ProtocolError {
  readonly type: string;
  readonly code: number;
  readonly retriable: boolean;
  readonly message: string;
}

const YOUNGER: readonly ProtocolError[] = [
  { code: 89, type: 'THROTTLING_QUOTA_EXCEEDED', retriable: true, message: 'A quota of the broker is used up' },
  { code: 90, type: 'PRODUCER_FENCED', retriable: false, message: 'A newer producer has the transactional id' },
  { code: 91, type: 'RESOURCE_NOT_FOUND', retriable: false, message: 'The broker knows no such resource' },
  { code: 100, type: 'UNKNOWN_TOPIC_ID', retriable: true, message: 'The broker does not host this topic id' },
  { code: 103, type: 'INCONSISTENT_TOPIC_ID', retriable: true, message: 'The topic id is not the log’s' },
  { code: 104, type: 'INCONSISTENT_CLUSTER_ID', retriable: false, message: 'The cluster is another one' },
  { code: 105, type: 'TRANSACTIONAL_ID_NOT_FOUND', retriable: false, message: 'The transactional id is not known' },
  { code: 109, type: 'OFFSET_MOVED_TO_TIERED_STORAGE', retriable: false, message: 'The offset is in tiered storage' },
  { code: 120, type: 'TRANSACTION_ABORTABLE', retriable: false, message: 'The transaction must be aborted' },
  { code: 129, type: 'REBOOTSTRAP_REQUIRED', retriable: false, message: 'The broker asks for a new bootstrap' },
];

/** Adds what the client's table does not have; what it has stays. */
export function addYoungerErrors(table: ProtocolError[]): void {
  const known = new Set(table.map(({ code }) => code));
  for (const error of YOUNGER) if (!known.has(error.code)) table.push(error);
}
