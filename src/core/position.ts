/**
 * Where a change stands in its row's history. The order was proved against a real Debezium: `lsn` alone loses updates, and
 * so does (commit, own) with null as zero. Only positions of one row are comparable. Pure arithmetic; what to do with an
 * older change is rekey's decision.
 */
import type { Position } from './change.ts';
import type { BadRecord, SourceEvent } from './source-event.ts';

/** `[commit, own]`, each a string of digits (a number is taken too) or null. */
const SEQUENCE = /^\s*\[\s*(null|"\d+"|\d+)\s*,\s*(null|"\d+"|\d+)\s*\]\s*$/;

/**
 * The position of a decoded record. A sequence that is missing, null or holds two nulls falls back to the Kafka `offset`;
 * a malformed one is `wrong-type`, because guessing an order would lose updates; a log position beyond 2^53 is `out-of-range`.
 */
export function positionOf(
  event: Pick<SourceEvent, 'sequence'>,
  at: { epoch: number; offset: number; snapshot: boolean },
): Position | BadRecord {
  const { epoch, offset } = at;
  const streamed = !at.snapshot;
  if (event.sequence === null) return { epoch, high: offset, own: offset, streamed };
  const match = SEQUENCE.exec(event.sequence);
  if (match === null) {
    return { kind: 'bad', code: 'wrong-type', message: 'source.sequence: expected two log positions in brackets' };
  }
  const commit = logPosition(match[1]);
  const own = logPosition(match[2]) ?? commit;
  if (own === null) return { epoch, high: offset, own: offset, streamed };
  const high = commit === null ? own : Math.max(commit, own);
  if (Number.isSafeInteger(high)) return { epoch, high, own, streamed };
  return { kind: 'bad', code: 'out-of-range', message: 'source.sequence: expected log positions below 2^53' };
}

/** Whether `a` is strictly newer than `b`, a position of the same row; an equal one is a duplicate. */
export function isNewer(a: Position, b: Position): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  if (a.high !== b.high) return a.high > b.high;
  if (a.own !== b.own) return a.own > b.own;
  return a.streamed && !b.streamed;
}

function logPosition(written: string | undefined): number | null {
  if (written === undefined || written === 'null') return null;
  return Number(written.startsWith('"') ? written.slice(1, -1) : written);
}
