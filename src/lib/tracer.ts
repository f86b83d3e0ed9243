/**
 * Traces as everything below `bin` sees them; ops/traces.ts implements this with OpenTelemetry's API. Contexts are passed as the text
 * of the header `traceparent`, the form in which records and requests carry them, so nothing has to follow a promise around.
 * Attributes never hold a lead's id, a row, a body, a token or a URL.
 */
export interface Tracer {
  /** Whether anybody takes the spans; if not, what only spans need is not worth being collected. */
  readonly active: boolean;
  /** Starts a span; the caller ends it. */
  start(name: string, start: SpanStart): Span;
}

export interface SpanStart {
  readonly kind: 'consumer' | 'producer' | 'client';
  /** The traceparent that the span continues; null = it begins a trace of its own. */
  readonly parent: string | null;
  /** Traceparents of what the span has to do with beside. */
  readonly links?: readonly string[];
  readonly attributes: Attributes;
}

export interface Span {
  /** What is carried on: the span's own traceparent; while nobody takes the spans, the one that it continues, as it came. */
  readonly traceparent: string | null;
  set(attributes: Attributes): void;
  /** @param error a code of a bounded set; null = all is well. */
  end(error?: string | null): void;
}

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Nobody takes the spans. */
export const silentTracer: Tracer = {
  active: false,
  start: (_name, { parent }) => ({ traceparent: parent, set() {}, end() {} }),
};
