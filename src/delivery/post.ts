/**
 * What the deliverer asks of the HTTP edge: one attempt in, one result out. The deliverer knows nothing else about HTTP, so
 * a test or the simulation gives it a `Post` of its own.
 */
import type { AttemptResult } from '../core/attempt.ts';
import type { Endpoint } from './endpoint.ts';
import type { Delivery } from './pair.ts';

export interface PostRequest {
  readonly leadId: string;
  readonly version: string;
  readonly revision: number;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  readonly body: Buffer;
  /** The trace that the record belongs to, as W3C Trace Context; null or absent = none. */
  readonly traceparent?: string | null;
  /** Asked just before the request goes to the socket; false = it must not. Absent = it may. */
  readonly permitted?: () => boolean;
  /** An operator tries the endpoint: the request says so in a header, and the answer's body is handed over part by part. */
  readonly trial?: { readonly onBody: (part: Buffer) => void };
}

/** Makes one attempt. Never rejects: whatever happens is an AttemptResult. */
export type Post = (endpoint: Endpoint, request: PostRequest) => Promise<AttemptResult>;

/** The next attempt of a delivery with the value of its record; `attempts` counts it already. */
export function requestOf({ record, attempts }: Delivery, value: Buffer, permitted: () => boolean): PostRequest {
  const { leadId, version, revision, traceparent } = record;
  const body = value.subarray(record.bodyStart);
  return { leadId, version, revision, attempt: attempts, body, traceparent, permitted };
}
