/**
 * The JSON Schemas of the payload versions that this configuration emits, with the subjects they are registered under: what the
 * `schemas` command registers and `run` insists on. One file per version under schemas/outbound; a released one never changes.
 */
import v1 from '../../schemas/outbound/lead-webhook.v1.json' with { type: 'json' };
import v2 from '../../schemas/outbound/lead-webhook.v2.json' with { type: 'json' };
import v3 from '../../schemas/outbound/lead-webhook.v3.json' with { type: 'json' };
import type { PayloadVersion } from '../core/payload/versions.ts';
import type { Config } from '../ops/config.ts';

export interface OutboundSchema {
  readonly version: PayloadVersion;
  /** `<outbound topic>-v1` and so on. */
  readonly subject: string;
  readonly schema: object;
}

const SCHEMAS: Readonly<Record<PayloadVersion, object>> = { v1, v2, v3 };

/** The compatibility that guards each subject: old and new readers and writers may meet in any combination. */
export const COMPATIBILITY = 'FULL_TRANSITIVE';

/** One entry for each emitted version, in the order of the versions. */
export function outboundSchemas(config: Config): readonly OutboundSchema[] {
  return config.payload.versions.map((version) => ({
    version,
    subject: `${config.topics.outbound}-${version}`,
    schema: SCHEMAS[version],
  }));
}
