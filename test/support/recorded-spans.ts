/** A tracer on the real OpenTelemetry SDK that keeps every span in memory, for tests to look at. */
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { Tracer } from '../../src/lib/tracer.ts';
import { tracerOf } from '../../src/ops/traces.ts';

/** One traceparent of trace `n`, and span `m` of it. */
export function traceparent(n: number, m = n): string {
  return `00-${n.toString(16).padStart(32, '0')}-${m.toString(16).padStart(16, '0')}-01`;
}

export interface SeenSpan {
  readonly name: string;
  /** As the SDK numbers them: 2 = client, 3 = producer, 4 = consumer. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string | undefined;
  /** `<trace id>-<span id>` */
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 0 = unset, 2 = error. */
  readonly status: number;
}

export class RecordedSpans {
  readonly tracer: Tracer;
  readonly #exporter = new InMemorySpanExporter();

  constructor(sampler?: Sampler) {
    const spanProcessors = [new SimpleSpanProcessor(this.#exporter)];
    const provider = new BasicTracerProvider({
      spanProcessors,
      spanLimits: { linkCountLimit: 1_000 }, // more than anybody may make
      ...(sampler && { sampler }),
    });
    this.tracer = tracerOf(provider.getTracer('test'));
  }

  /** Those that have ended, in the order of their ends. */
  get ended(): SeenSpan[] {
    return this.#exporter.getFinishedSpans().map(seen);
  }
}

/** A span of the SDK, as far as tests look at it. */
export function seen(span: ReadableSpan): SeenSpan {
  return {
    name: span.name,
    kind: span.kind,
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parent: span.parentSpanContext?.spanId,
    links: span.links.map(({ context }) => `${context.traceId}-${context.spanId}`),
    attributes: span.attributes,
    status: span.status.code,
  };
}
