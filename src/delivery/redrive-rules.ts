/**
 * Whether a dead letter may be delivered again: never what is older than what the pair has had since or is about to get, and
 * nothing when what it has had since is not known any more.
 */
import { REDRIVABLE_MS, type RedriveRequest } from '../core/delivery.ts';
import type { Lane } from './lane.ts';
import { type Marks, pairKey } from './marks.ts';

/**
 * What became of a redrive request. `taken`: it is pending now. `stale`: the pair has had this revision or a newer one since,
 * or is about to. `too-old`: so old that what was delivered since is not known any more. `not-wanted`: the endpoint is
 * defined for another version or dealership by now.
 */
export type RedriveOutcome = 'taken' | 'stale' | 'too-old' | 'not-wanted' | 'no-endpoint';

/**
 * The outcome of a request.
 * @param at `newest` is the highest revision of the pair that is in flight or waits, -1 = none; `now` in ms.
 */
export function judgeRedrive(
  { endpointId, record, deadAt }: RedriveRequest,
  at: { lane: Lane | undefined; marks: Marks; newest: number; now: number },
): RedriveOutcome {
  const { lane, marks, newest, now } = at;
  if (!lane) return 'no-endpoint';
  const { endpoint } = lane;
  if (endpoint.version !== record.version || endpoint.dealership !== record.dealershipId) return 'not-wanted';
  const key = pairKey(endpointId, record.leadId);
  if (!marks.has('dead', key) || now - deadAt > REDRIVABLE_MS) return 'too-old';
  const delivered = marks.revision('dead', key);
  if (record.revision <= delivered || (endpoint.on === 'create' && delivered >= 0)) return 'stale';
  return newest >= record.revision ? 'stale' : 'taken';
}
