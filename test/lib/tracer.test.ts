import { expect, test } from 'vitest';
import { silentTracer } from '../../src/lib/tracer.ts';
import { traceparent } from '../support/recorded-spans.ts';

test('while nobody takes spans, a traceparent goes on as it came, and none stays none', () => {
  for (const parent of [traceparent(1), null]) {
    const span = silentTracer.start('POST', { kind: 'client', parent, attributes: {} });
    span.set({ a: 1 });
    span.end('timeout');
    expect(span.traceparent).toBe(parent);
  }
});
