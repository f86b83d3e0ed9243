/**
 * Attempts as client spans, in the words of OpenTelemetry's HTTP conventions, and the span's context in the request. It says which
 * endpoint and host, never the URL: paths and queries of receivers may hold their keys.
 */
import { outcomeOf } from '../core/attempt.ts';
import type { Tracer } from '../lib/tracer.ts';
import type { Post } from './post.ts';

/** `post` with a span around each attempt; `post` itself when nobody takes spans. */
export function tracedPost(tracer: Tracer, post: Post): Post {
  if (!tracer.active) return post;
  return async (endpoint, request) => {
    const { hostname, port, protocol } = endpoint.url;
    const span = tracer.start('POST', {
      kind: 'client',
      parent: request.traceparent ?? null,
      attributes: {
        'http.request.method': 'POST',
        'server.address': hostname,
        'server.port': Number(port) || (protocol === 'http:' ? 80 : 443),
        ...(request.attempt > 1 && { 'http.request.resend_count': request.attempt - 1 }),
        'lead_webhooks.endpoint.id': endpoint.id,
        'lead_webhooks.payload.version': request.version,
      },
    });
    const result = await post(endpoint, { ...request, traceparent: span.traceparent });
    const { kind, code, status } = outcomeOf(result, endpoint.outcomes);
    if (status !== null) span.set({ 'http.response.status_code': status });
    span.set({ 'lead_webhooks.outcome': result.kind === 'withheld' ? 'withheld' : kind });
    const failed = status === null ? result.kind !== 'withheld' : status >= 400;
    span.end(failed ? (status === null ? code : String(status)) : null);
    return result;
  };
}
