/**
 * Traces by OpenTelemetry. The program depends on its API alone and makes spans with whatever SDK was loaded into the process before
 * it (`NODE_OPTIONS=--import …`): which SDK, which exporter and which sampling is the operator's choice. Without one nothing is made,
 * and a traceparent goes through as it came.
 */
import {
  type Attributes,
  isSpanContextValid,
  type Tracer as OtelTracer,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { type Clock, pause } from '../lib/clock.ts';
import { type Span, type SpanStart, silentTracer, type Tracer } from '../lib/tracer.ts';

const NAME = 'lead-webhooks';
/** How long a stop waits for the last spans to be sent. */
const FLUSH_MS = 2_000;

const KINDS = {
  consumer: SpanKind.CONSUMER,
  producer: SpanKind.PRODUCER,
  client: SpanKind.CLIENT,
} as const;

export interface Traces {
  readonly tracer: Tracer;
  /** Has the SDK send what it has, for two seconds at most. Never rejects: a collector that is away keeps nobody from stopping. */
  flush(clock: Pick<Clock, 'after'>): Promise<void>;
}

/** The traces of this process: by the SDK that is loaded, or nobody's. @param version of the program. */
export function openTraces(version: string): Traces {
  const provider = trace.getTracerProvider();
  const isNobodys = provider instanceof ProxyTracerProvider && provider.getDelegateTracer(NAME, version) === undefined;
  return isNobodys ? { tracer: silentTracer, async flush() {} } : tracesOf(provider, version);
}

/** The traces by an SDK. @param version of the program. */
export function tracesOf(provider: TracerProvider, version: string): Traces {
  return { tracer: tracerOf(provider.getTracer(NAME, version)), flush: (clock) => flush(provider, clock) };
}

/** A tracer of the SDK as ours. */
export function tracerOf(tracer: OtelTracer): Tracer {
  return { active: true, start: (name, start) => started(tracer, name, start) };
}

function started(tracer: OtelTracer, name: string, { kind, parent, links = [], attributes }: SpanStart): Span {
  const continued = parent === null ? null : contextOf(parent);
  const options = {
    kind: KINDS[kind],
    attributes: { ...attributes },
    links: links.map((link) => ({ context: contextOf(link) })),
  };
  const span = tracer.startSpan(
    name,
    options,
    continued === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, continued),
  );
  return {
    traceparent: traceparentOf(span.spanContext(), continued) ?? parent,
    set: (more: Attributes) => void span.setAttributes(more),
    end(error = null) {
      if (error !== null) {
        span.setAttribute('error.type', error);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

/** The text is well formed (see lib/traceparent.ts). */
function contextOf(traceparent: string): SpanContext {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-');
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

/** Null: the span is nobody's, so there is nothing to be carried on but what it continues. */
function traceparentOf(own: SpanContext, continued: SpanContext | null): string | null {
  if (!isSpanContextValid(own) || own.spanId === continued?.spanId) return null;
  return `00-${own.traceId}-${own.spanId}-${own.traceFlags.toString(16).padStart(2, '0')}`;
}

/** The API knows no flush; every SDK does. */
async function flush(provider: TracerProvider, clock: Pick<Clock, 'after'>): Promise<void> {
  const sdk: unknown =
    'getDelegate' in provider && typeof provider.getDelegate === 'function' ? provider.getDelegate() : provider;
  const ended = new AbortController();
  const sent = (async () => (sdk as { forceFlush?: () => Promise<void> }).forceFlush?.())().catch(() => undefined);
  await Promise.race([sent, pause(clock, FLUSH_MS, ended.signal)]);
  ended.abort();
}
