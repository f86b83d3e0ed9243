/** The outbound schemas as the repository ships them, for tests that check bodies against them. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { Ajv, type ValidateFunction } from 'ajv';
import type { PayloadVersion } from '../../src/core/payload/versions.ts';

/** What the tests look at in a schema. */
export interface OutboundSchema {
  readonly $schema?: string;
  /** None for a member that was added within the version. */
  readonly type?: string | readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, OutboundSchema>>;
  readonly items?: OutboundSchema;
  readonly additionalProperties?: unknown;
}

export function outboundSchema(version: PayloadVersion): OutboundSchema {
  const file = new URL(`../../schemas/outbound/lead-webhook.${version}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as OutboundSchema;
}

/** Keywords that say nothing about a value: a member with no others was added later, and takes anything. */
const WORDS: ReadonlySet<string> = new Set(['title', 'description', '$comment', 'examples']);

/** Free-form objects: the only ones whose members are not listed. */
const FREE_FORM = '/additional_details';

/** Every object of the schema whose members are listed, with its path, arrays entered. */
export function listedObjects(schema: OutboundSchema, path = ''): [string, OutboundSchema][] {
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, of]) => listedObjects(of, `${path}/${key}`));
  const items = schema.items === undefined ? [] : listedObjects(schema.items, `${path}[]`);
  const isListed = schema.type === 'object' && path !== FREE_FORM;
  return isListed ? [[path, schema], ...inner, ...items] : [...inner, ...items];
}

/**
 * What is not as readers were promised, as `<path>: <what>`: each object requires the members that it gives a type, in their
 * order, and no others; those without a type were added within the version and stand at the end. It is open by an empty schema.
 */
export function looseEnds(schema: OutboundSchema): string[] {
  return listedObjects(schema).flatMap(([path, { properties = {}, required = [], additionalProperties }]) => {
    const hasType = (name: string): boolean => Object.keys(properties[name] ?? {}).some((word) => !WORDS.has(word));
    const names = Object.keys(properties);
    const typed = names.filter(hasType);
    return [
      ...(isDeepStrictEqual(required, typed) ? [] : [`${path}: required are not the members with a type`]),
      ...(names.slice(0, typed.length).every(hasType) ? [] : [`${path}: a member without a type is not at the end`]),
      ...(isDeepStrictEqual(additionalProperties, {}) ? [] : [`${path}: not open by an empty schema`]),
    ];
  });
}

/** A validator of bodies of this version; fails at once when the schema itself is not sound. */
export function outboundValidator(version: PayloadVersion): ValidateFunction {
  return new Ajv({ strict: true, allowUnionTypes: true, allErrors: true }).compile(outboundSchema(version));
}
