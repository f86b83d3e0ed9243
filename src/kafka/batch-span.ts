/**
 * The span of one transaction of a batch task, in the words of OpenTelemetry's messaging conventions. A batch holds records of many
 * traces, so its span is linked to them and begins a trace of its own; only when all of them belong together is it a part of theirs.
 */
import { readTraceparent } from '../lib/traceparent.ts';
import type { Span, Tracer } from '../lib/tracer.ts';
import type { KafkaRecord } from './record.ts';

/** Further ones are left out; SDKs keep no more by default either. */
export const LINKS_MAX = 128;

/** Where a record says which trace it belongs to; null = nowhere. */
export function traceparentOf({ headers }: Pick<KafkaRecord, 'headers'>): string | null {
  return readTraceparent(headers['traceparent']);
}

/** Starts the span of a transaction that processes `records`, maybe none (what a load left to be told). */
export function startBatchSpan(
  tracer: Tracer,
  records: readonly KafkaRecord[],
  { stage, partition }: { readonly stage: string; readonly partition: number },
): Span {
  if (!tracer.active) return tracer.start(stage, { kind: 'consumer', parent: null, attributes: {} });
  const topics = new Set<string>();
  const contexts = new Set<string | null>();
  for (const record of records) {
    topics.add(record.topic);
    contexts.add(traceparentOf(record));
  }
  const [topic] = topics;
  const [parent = null] = contexts.size === 1 ? contexts : [];
  contexts.delete(null);
  const only = topics.size === 1 && topic !== undefined ? topic : null;
  return tracer.start(only === null ? stage : `${stage} ${only}`, {
    kind: 'consumer',
    parent,
    links: Array.from(contexts, String).slice(0, LINKS_MAX),
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'messaging.operation.name': stage,
      ...(only !== null && { 'messaging.destination.name': only }),
      'messaging.destination.partition.id': String(partition),
      'messaging.batch.message_count': records.length,
    },
  });
}
