/**
 * What an attempt that failed means for its delivery: whether it is tried again and when, or why it becomes a dead letter; and
 * which deliveries have waited behind a held lane for too long. Rules without memory; `dispatch.ts` acts on them.
 */
import { type AttemptResult, backoffMs, giveUp, holdsEndpoint, type Outcome, retryAfterMs } from '../core/attempt.ts';
import type { Random } from '../lib/random.ts';
import { GONE, REMOVED, type Why } from './dead-letter-book.ts';
import type { Lane } from './lane.ts';
import type { Delivery, Pair } from './pair.ts';

/** Why a delivery that was not taken at `now` (ms) is not tried again; null = it is. */
export function hopeless({ pair, firstFailureAt }: Delivery, outcome: Outcome, now: number): Why | null {
  const { lane } = pair;
  if (outcome.kind === 'gone') return { code: 'gone', message: `endpoint answered ${outcome.code}` };
  if (outcome.kind === 'refused') return { code: 'refused', message: refusedMessage(outcome) };
  if (lane.removed) return REMOVED;
  if (lane.gone) return GONE;
  if (!giveUp(firstFailureAt ?? now, now, lane.endpoint.retry.giveUpAfterMs)) return null;
  return { code: 'gave-up', message: `failed for longer than giveUpAfterMs, last ${outcome.code}` };
}

function refusedMessage({ code, status }: Outcome): string {
  return status === null ? `${code} is not tried again for this endpoint` : `endpoint answered ${code}`;
}

/**
 * When a delivery is tried again, ms: after its backoff, or later if the endpoint asked for it; at once if the lane waits. What was asked
 * for of the endpoint as a whole is the lane's to keep, so that it ends for the delivery when it ends for the lane.
 */
export function nextDueAt(
  { failures, pair }: Delivery,
  { outcome, result, now }: { outcome: Outcome; result: AttemptResult; now: number },
  random: Random,
): number {
  const asked = result.kind === 'answer' && !holdsEndpoint(result.status) ? retryAfterMs(result.retryAfter, now) : null;
  const backoff = outcome.kind === 'retry' ? backoffMs(failures, pair.lane.endpoint.retry, random) : 0;
  return now + Math.max(backoff, asked ?? 0);
}

/**
 * Of all that is pending: what has waited for longer than `giveUpAfterMs` behind a lane that is held, and since when the oldest
 * of the rest is there, by lane (ms).
 */
export function agesOf(
  pairs: Iterable<Pair>,
  now: number,
): { hopeless: { delivery: Delivery; why: Why }[]; oldest: Map<Lane, number> } {
  const given: { delivery: Delivery; why: Why }[] = [];
  const oldest = new Map<Lane, number>();
  for (const { lane, all, inFlight } of pairs) {
    const held = lane.state(now);
    for (const delivery of all) {
      if (!delivery.pending) continue;
      const since = delivery.firstFailureAt ?? delivery.since;
      if (held !== 'open' && delivery !== inFlight && giveUp(since, now, lane.endpoint.retry.giveUpAfterMs)) {
        const message = `endpoint stayed ${held} for longer than giveUpAfterMs`;
        given.push({ delivery, why: { code: 'gave-up', message } });
      } else {
        oldest.set(lane, Math.min(oldest.get(lane) ?? now, delivery.since));
      }
    }
  }
  return { hopeless: given, oldest };
}
