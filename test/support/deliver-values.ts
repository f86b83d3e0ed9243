/** An endpoint and a record of the outbound topic as the tests of the deliver stage need them: plain, but for what a test says. */
import type { OutboundRecord } from '../../src/core/delivery.ts';
import type { Endpoint } from '../../src/delivery/endpoint.ts';

export function testEndpoint(overrides: Partial<Endpoint> = {}): Endpoint {
  return {
    id: 'crm',
    dealership: '3',
    url: new URL('https://crm.example.com/hooks'),
    version: 'v3',
    on: 'change',
    filters: { websites: new Set(), locations: new Set(), categories: new Set() },
    auth: { type: 'none' },
    signing: [],
    supersede: true,
    limits: { concurrency: 4, ratePerSecond: null, timeoutMs: 15_000 },
    retry: { baseMs: 5000, capMs: 3_600_000, giveUpAfterMs: 259_200_000 },
    outcomes: new Map(),
    breaker: { failures: 10, baseMs: 5000, capMs: 300_000 },
    tls: { ca: null, cert: null, key: null },
    allow: { addresses: ['127.0.0.1/32'] },
    enabled: true,
    ...overrides,
  };
}

export function outbound(overrides: Partial<OutboundRecord> = {}): OutboundRecord {
  const { offset = 0, leadId = '1', revision = 1 } = overrides;
  return {
    offset,
    leadId,
    version: 'v3',
    revision,
    cause: 'changed',
    dealershipId: '3',
    changedAt: null,
    traceparent: null,
    value: Buffer.from(`{"id":${leadId},"revision":${revision}}`),
    bodyStart: 0,
    ...overrides,
  };
}
