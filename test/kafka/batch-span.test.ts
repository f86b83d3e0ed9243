import { expect, test } from 'vitest';
import { LINKS_MAX, startBatchSpan, traceparentOf } from '../../src/kafka/batch-span.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { silentTracer } from '../../src/lib/tracer.ts';
import { RecordedSpans, traceparent } from '../support/recorded-spans.ts';

const TASK = { stage: 'rekey', partition: 3 };

function record(header: string | null, topic = 'leads'): KafkaRecord {
  const headers = header === null ? {} : { traceparent: Buffer.from(header) };
  return { topic, partition: 3, offset: 0, timestamp: 0, key: Buffer.from('138559'), value: null, headers };
}

function spanOf(...records: readonly KafkaRecord[]) {
  const spans = new RecordedSpans();
  startBatchSpan(spans.tracer, records, TASK).end();
  const [span] = spans.ended;
  if (span === undefined) throw new Error('no span ended');
  return span;
}

const ids = (header: string): string => header.slice(3, -3);

test('a record says its trace in a header, if that is well formed', () => {
  expect([record(traceparent(1)), record('00-1-2-01'), record(null)].map(traceparentOf)).toEqual([
    traceparent(1),
    null,
    null,
  ]);
});

test('a batch of one trace is a part of it', () => {
  const span = spanOf(record(traceparent(7)), record(traceparent(7)));
  expect(span).toMatchObject({
    name: 'rekey leads',
    kind: 4,
    parent: traceparent(7).split('-')[2],
    links: [ids(traceparent(7))],
  });
});

test('a batch of several traces begins its own and is linked to each of them once', () => {
  const span = spanOf(...[7, 8, 7].map((n) => record(traceparent(n))), record(null));
  expect(span.parent).toBeUndefined();
  expect(span.links).toEqual([ids(traceparent(7)), ids(traceparent(8))]);
});

test('a batch of which a part has no trace is a part of none', () => {
  expect(spanOf(record(traceparent(7)), record(null))).toMatchObject({
    parent: undefined,
    links: [ids(traceparent(7))],
  });
});

test('the links are bounded, however many records the batch has', () => {
  const records = Array.from({ length: LINKS_MAX + 5 }, (_, n) => record(traceparent(n + 1)));
  const span = spanOf(...records);
  expect([span.links.length, span.attributes['messaging.batch.message_count']]).toEqual([LINKS_MAX, LINKS_MAX + 5]);
});

test('the span names the topic when there is one, and never a key', () => {
  const one = spanOf(record(null));
  expect(one.attributes).toEqual({
    'messaging.system': 'kafka',
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'rekey',
    'messaging.destination.name': 'leads',
    'messaging.destination.partition.id': '3',
    'messaging.batch.message_count': 1,
  });
  const several = spanOf(record(null), record(null, 'appointments'));
  expect([several.name, several.attributes['messaging.destination.name']]).toEqual(['rekey', undefined]);
  expect(spanOf()).toMatchObject({ name: 'rekey', links: [], parent: undefined });
});

test('while nobody takes spans, no header is looked at', () => {
  const unread = new Proxy(record(null), {
    get() {
      throw new Error('the record was read');
    },
  });
  expect(startBatchSpan(silentTracer, [unread], TASK).traceparent).toBeNull();
});
