/**
 * An OpenTelemetry SDK as an operator loads it into a process, `NODE_OPTIONS=--import <this file>`: the real one, which writes each
 * span that ends as a line of JSON to the file that SPANS_FILE names, and a line `null` when it is flushed.
 */
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { seen } from './recorded-spans.ts';

const file = process.env['SPANS_FILE'] ?? '';
const write = (line: unknown): void => appendFileSync(file, `${JSON.stringify(line)}\n`);

const toFile: SpanProcessor = {
  onStart() {},
  onEnd: (span) => write({ ...seen(span), scope: span.instrumentationScope.name, isMainThread }),
  forceFlush: async () => write(null),
  async shutdown() {},
};

trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [toFile] }));
