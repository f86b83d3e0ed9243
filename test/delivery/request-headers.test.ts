import { expect, test } from 'vitest';
import { RequestHeaders } from '../../src/delivery/request-headers.ts';
import { Secret } from '../../src/lib/secret.ts';
import { testEndpoint } from '../support/deliver-world.ts';

const request = { leadId: '9', version: 'v2', revision: 12, attempt: 1, body: Buffer.from('{}') };

function headersOf(endpoint: Parameters<typeof testEndpoint>[0], now = 1_750_000_000_999): Record<string, string> {
  const flat = new RequestHeaders(testEndpoint(endpoint), '1.0.0').of(request, now);
  return Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])));
}

test('a token goes as bearer or raw in x-authorization, or there is no such header (A29)', () => {
  const token = new Secret('tok');
  expect(headersOf({ auth: { type: 'bearer', token } })).toMatchObject({ authorization: 'Bearer tok' });
  expect(headersOf({ auth: { type: 'x-authorization', token } })).toMatchObject({ 'x-authorization': 'tok' });
  expect(Object.keys(headersOf({})).filter((name) => name.includes('authorization'))).toEqual([]);
});

test('the id is the same for every attempt; timestamp and signature are fresh (A33, A34)', () => {
  const signing = [new Secret(Buffer.alloc(32, 5).toString('base64'))];
  const first = headersOf({ signing });
  const later = headersOf({ signing }, 1_750_000_002_000);
  expect(first['webhook-id']).toBe('crm_9_12');
  expect(later['webhook-id']).toBe(first['webhook-id']);
  expect([first['webhook-timestamp'], later['webhook-timestamp']]).toEqual(['1750000000', '1750000002']);
  expect(first['webhook-signature']).toMatch(/^v1,/);
  expect(later['webhook-signature']).not.toBe(first['webhook-signature']);
  expect(headersOf({})['webhook-signature']).toBeUndefined();
});

test('for an endpoint on create the id names the lead alone', () => {
  expect(headersOf({ on: 'create' })['webhook-id']).toBe('crm_9');
});

test('the trace goes along when there is one, and nothing that only looks like one', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const of = (value: string | null): string[] =>
    new RequestHeaders(testEndpoint(), '1.0.0').of({ ...request, traceparent: value }, 0);
  expect(of(traceparent).slice(-2)).toEqual(['traceparent', traceparent]);
  expect([...of(null), ...of(`${traceparent}\r\nx: y`)]).not.toContain('traceparent');
});
