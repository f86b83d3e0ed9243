import { expect, test } from 'vitest';
import type { AttemptResult } from '../../src/core/attempt.ts';
import type { PostRequest } from '../../src/delivery/post.ts';
import { tracedPost } from '../../src/delivery/traced-post.ts';
import { silentTracer } from '../../src/lib/tracer.ts';
import { testEndpoint } from '../support/deliver-world.ts';
import { REQUEST } from '../support/loopback.ts';
import { RecordedSpans, traceparent } from '../support/recorded-spans.ts';

const ENDPOINT = testEndpoint({
  url: new URL('https://crm.example/hooks/secret-path?key=s3cret'),
  outcomes: new Map([[404, 'retry']]),
});

async function attempt(result: AttemptResult, more: Partial<PostRequest> = {}) {
  const spans = new RecordedSpans();
  const sent: PostRequest[] = [];
  const post = tracedPost(spans.tracer, async (_endpoint, request) => {
    sent.push(request);
    return result;
  });
  const request = { ...REQUEST, attempt: 1, traceparent: traceparent(7), ...more };
  expect(await post(ENDPOINT, request)).toBe(result);
  return { span: spans.ended[0], sent: sent[0], request };
}

test('an attempt is a client span in the trace of its record, and the request carries the context of that span', async () => {
  const { span, sent, request } = await attempt({ kind: 'answer', status: 204, retryAfter: null });
  expect(span).toMatchObject({ name: 'POST', kind: 2, parent: traceparent(7).split('-')[2], status: 0 });
  expect(sent).toEqual({ ...request, traceparent: `00-${span?.traceId}-${span?.spanId}-01` });
});

test('the span names host and endpoint, and neither the path, the lead nor the body', async () => {
  const { span } = await attempt({ kind: 'answer', status: 204, retryAfter: null }, { attempt: 3 });
  expect(span?.attributes).toEqual({
    'http.request.method': 'POST',
    'http.request.resend_count': 2,
    'http.response.status_code': 204,
    'server.address': 'crm.example',
    'server.port': 443,
    'lead_webhooks.endpoint.id': 'crm',
    'lead_webhooks.payload.version': 'v3',
    'lead_webhooks.outcome': 'delivered',
  });
});

test.each<[string, AttemptResult, Record<string, unknown>, number]>([
  [
    'a status that means a failure',
    { kind: 'answer', status: 503, retryAfter: null },
    { 'error.type': '503', 'http.response.status_code': 503, 'lead_webhooks.outcome': 'retry' },
    2,
  ],
  [
    'a status that the endpoint gives another meaning',
    { kind: 'answer', status: 404, retryAfter: null },
    { 'error.type': '404', 'http.response.status_code': 404, 'lead_webhooks.outcome': 'retry' },
    2,
  ],
  [
    'a redirect, which is refused though no error of HTTP',
    { kind: 'answer', status: 301, retryAfter: null },
    { 'http.response.status_code': 301, 'lead_webhooks.outcome': 'refused' },
    0,
  ],
  ['no answer in time', { kind: 'timeout' }, { 'error.type': 'timeout', 'lead_webhooks.outcome': 'retry' }, 2],
  [
    'no connection',
    { kind: 'network', code: 'ECONNREFUSED' },
    { 'error.type': 'network-ECONNREFUSED', 'lead_webhooks.outcome': 'retry' },
    2,
  ],
  ['an attempt that was held back', { kind: 'withheld' }, { 'lead_webhooks.outcome': 'withheld' }, 0],
])('%s is told by its attributes', async (_what, result, attributes, status) => {
  const { span } = await attempt(result);
  expect(span?.attributes).toMatchObject(attributes);
  expect([span?.status, 'error.type' in (span?.attributes ?? {})]).toEqual([status, status === 2]);
});

test('a record without a trace begins one', async () => {
  const { span, sent } = await attempt({ kind: 'timeout' }, { traceparent: null });
  expect([span?.parent, sent?.traceparent]).toEqual([undefined, `00-${span?.traceId}-${span?.spanId}-01`]);
});

test('while nobody takes spans, an attempt costs nothing more', () => {
  const post = async (): Promise<AttemptResult> => ({ kind: 'timeout' });
  expect(tracedPost(silentTracer, post)).toBe(post);
});
