/**
 * What stands for an endpoint whose only known definition has mistakes: nothing is sent, and what the endpoint wants is kept in
 * `delivery-state` until the definition is mended. For that the fields that decide what it wants must be right; the rest may be wrong.
 * A filter with a mistake is no narrower or wider filter: once mended, what did not fit would be sent, or what fitted be missing.
 */
import type { Endpoint } from './endpoint.ts';
import { parseEndpoint } from './endpoints.ts';

/** What decides which payloads become deliveries. */
const WANTS = ['dealership', 'version', 'on', 'filters', 'supersede'];
/** Whether it wants anything, and how long that is kept; without them it does, for as long as usual. */
const ALSO = ['enabled', 'retry'];
const NO_SECRETS = { file: () => null, env: () => null };
/** Its URL is never called. */
const NOWHERE = 'https://held-back.invalid/';
/** No payload is of this dealership. */
const NONE = 'none';

/**
 * @param fields the definition as it stands; null = nothing of it is known, so it matches nothing, and only what waits is kept.
 * @returns null when what it wants is not known, or no endpoint can have such an id.
 */
export function heldBack(id: string, fields: Readonly<Record<string, unknown>> | null): Endpoint | null {
  const wants = fields ? picked(fields, WANTS) : { dealership: 1, version: 'v1' };
  const read = (definition: object): Endpoint | null => {
    // A version that is not emitted here is a mistake of the definition, and yet says what is wanted.
    const parsed = parseEndpoint(definition, { secrets: NO_SECRETS, emittedVersions: ['v1', 'v2', 'v3'] });
    return 'endpoint' in parsed ? { ...parsed.endpoint, heldBack: true } : null;
  };
  let definition: object = { ...wants, id, url: NOWHERE };
  if (fields === null) {
    const nothing = read(definition);
    return nothing && { ...nothing, dealership: NONE };
  }
  for (const name of ALSO) {
    const more = { ...definition, ...picked(fields, [name]) };
    if (read(more)) definition = more;
  }
  return read(definition);
}

function picked(fields: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => Object.hasOwn(fields, name)).map((name) => [name, fields[name]]));
}
