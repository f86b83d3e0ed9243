/**
 * The field `outcomes` of an endpoint's definition: what an answer or a failure means there. It refuses meanings that nobody could
 * stand by, and says why. What the entries do: core/attempt.ts.
 */
import {
  FAILURE_KINDS,
  FAILURE_OUTCOMES,
  type FailureKind,
  OUTCOME_KINDS,
  type OutcomeKey,
  type OutcomeKind,
  STATUS_CLASSES,
} from '../core/attempt.ts';
import type { Fields } from './yaml-fields.ts';

const KEYS = `must be an HTTP status from 200 to 599, or one of ${[...STATUS_CLASSES, ...FAILURE_KINDS].join(', ')}`;

/** Why a failure without an answer cannot mean this. */
const WHY_NOT: Partial<Record<OutcomeKind, string>> = {
  delivered: 'only an answer can say that a payload has arrived',
  gone: 'only an answer can say that the endpoint is gone, and all that waits for it would become dead letters',
  unauthorized: 'it is the breaker that pauses an endpoint which does not answer',
};

/** Reads `outcomes`; empty when it is missing. */
export function readOutcomes(fields: Fields): Map<OutcomeKey, OutcomeKind> {
  const outcomes = fields.fields('outcomes');
  const read = new Map<OutcomeKey, OutcomeKind>();
  for (const name of outcomes?.names() ?? []) {
    const outcome = outcomes?.choice(name, OUTCOME_KINDS);
    const key = keyOf(name);
    if (key === null) outcomes?.mistake(name, KEYS);
    else if (outcome !== undefined) {
      const refusal = refusalOf(key, outcome);
      if (refusal === null) read.set(key, outcome);
      else outcomes?.mistake(name, refusal);
    }
  }
  return read;
}

function keyOf(name: string): OutcomeKey | null {
  if (/^[2-5]\d\d$/.test(name)) return Number(name);
  return [...STATUS_CLASSES, ...FAILURE_KINDS].find((key) => key === name) ?? null;
}

function refusalOf(key: OutcomeKey, outcome: OutcomeKind): string | null {
  if (!isFailure(key)) return null;
  const allowed = FAILURE_OUTCOMES[key];
  return allowed.includes(outcome) ? null : `must be one of ${allowed.join(', ')}: ${WHY_NOT[outcome]}`;
}

function isFailure(key: OutcomeKey): key is FailureKind {
  return FAILURE_KINDS.some((kind) => kind === key);
}
