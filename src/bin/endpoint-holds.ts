/**
 * What holds endpoints right now, for commands that say why a delivery waits: what processes have told each other in
 * `endpoint-health`, and what the operator's file of endpoints says. It decides as the deliver stage does (core/endpoint-health.ts). Of an
 * endpoint whose definition cannot be seen from here (it stands in the topic), it is not known whether it is disabled.
 */
import { type EndpointHealth, type GateState, HEALTHY, mergeHealth, stateOf } from '../core/endpoint-health.ts';
import { definitionDigest, urlDigest } from '../delivery/definition.ts';
import type { Endpoint } from '../delivery/endpoint.ts';
import { decodeHealth } from '../kafka/internal-codec.ts';
import { readAll } from '../kafka/partition-log.ts';
import { instant, until } from './columns.ts';
import type { Reading } from './reading.ts';

/** What holds an endpoint. */
export interface EndpointHold {
  readonly state: Exclude<GateState, 'open'>;
  /** Since when, ms since the epoch; null = that is not written down. */
  readonly since: number | null;
  /** Until when nothing is sent, ms since the epoch; null = until somebody does something about it. */
  readonly until: number | null;
}

/** Reads the topic `endpoint-health` whole: every word about an endpoint, merged. */
export async function readHealth({ fetcher, signal }: Reading, topic: string): Promise<Map<string, EndpointHealth>> {
  const found = new Map<string, EndpointHealth>();
  await readAll(fetcher, { topic, partition: 0, signal }, ({ key, value }) => {
    const id = key?.toString();
    if (id === undefined) return;
    if (value === null) found.delete(id);
    else found.set(id, mergeHealth(found.get(id) ?? HEALTHY, decodeHealth(value)));
  });
  return found;
}

/** What holds an endpoint at `now` (ms); null = nothing. @param endpoint its definition; undefined = it cannot be seen. */
export function holdOf(
  health: EndpointHealth = HEALTHY,
  endpoint: Endpoint | undefined,
  now: number,
): EndpointHold | null {
  const defined = {
    enabled: endpoint?.enabled ?? true,
    definition: endpoint === undefined ? null : definitionDigest(endpoint),
    url: endpoint === undefined ? null : urlDigest(endpoint),
  };
  const state = stateOf(health, defined, now);
  switch (state) {
    case 'open':
      return null;
    case 'disabled':
      return { state, since: null, until: null };
    case 'operator':
    case 'gone':
      return { state, since: health[state]?.at ?? null, until: null };
    case 'retry-after':
      return { state, since: null, until: health.retryAfterUntil };
    case 'unauthorized':
    case 'breaker':
      return { state, since: health[state]?.since ?? null, until: health[state]?.until ?? null };
  }
}

/** A hold in a few words: `retry-after, in 40 s`, `breaker, probe due`. */
export function holdText({ state, until: end }: EndpointHold, now: number): string {
  if (end === null) return state;
  return state === 'retry-after' ? `${state}, ${until(end, now)}` : `${state}, probe ${until(end, now)}`;
}

/** A hold for programs. */
export function holdJson(hold: EndpointHold | null): object | null {
  return hold && { state: hold.state, since: instant(hold.since), until: instant(hold.until) };
}
