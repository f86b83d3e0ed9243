/** The outbound schemas as the repository ships them, for tests that check bodies against them. */
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import type { PayloadVersion } from '../../src/core/payload/versions.ts';

/** What the tests look at in a schema. */
export interface OutboundSchema {
  readonly $schema?: string;
  readonly type: string | readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, OutboundSchema>>;
  readonly items?: OutboundSchema;
  readonly additionalProperties?: unknown;
}

export function outboundSchema(version: PayloadVersion): OutboundSchema {
  const file = new URL(`../../schemas/outbound/lead-webhook.${version}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as OutboundSchema;
}

/** A validator of bodies of this version; fails at once when the schema itself is not sound. */
export function outboundValidator(version: PayloadVersion): ValidateFunction {
  return new Ajv({ strict: true, allowUnionTypes: true, allErrors: true }).compile(outboundSchema(version));
}
