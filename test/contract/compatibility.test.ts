/**
 * What may change within a payload version (docs/payloads.md, "What may change"): the schemas against every released form of
 * them, all payloads against those forms as well, and the rules themselves on examples. What the table allows is done to copies of
 * the real schemas, and both checks that a release has to pass (this one, and that of outbound-schemas.test.ts) let it through.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { VERSIONS } from '../../src/core/payload/versions.ts';
import { listedObjects, looseEnds, type OutboundSchema, outboundSchema } from '../support/outbound-schemas.ts';
import { leadView } from '../support/rows.ts';
import { brokenPromises, type JsonSchema } from '../support/schema-compatibility.ts';

const SCHEMAS = new URL('../../schemas/outbound/', import.meta.url);
const RELEASED = new URL('released/', SCHEMAS);
const GOLDEN = new URL('../golden/', import.meta.url);

const json = (folder: URL, name: string): JsonSchema =>
  JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as JsonSchema;

const RELEASES = readdirSync(RELEASED)
  .sort()
  .map((name) => ({ name, version: /^lead-webhook\.(v\d+)\.\d+\.json$/.exec(name)?.[1] ?? 'none' }));

describe('the schemas of released versions', () => {
  test('each version has a released form, and every file there is one', () => {
    expect([...new Set(RELEASES.map(({ version }) => version))].sort()).toEqual(VERSIONS.map(({ version }) => version));
  });

  test.each(RELEASES)('keep every promise of $name', ({ name, version }) => {
    expect(brokenPromises(json(RELEASED, name), json(SCHEMAS, `lead-webhook.${version}.json`))).toEqual([]);
  });

  test.each(RELEASES)('leave every payload valid for those who read by $name', ({ name, version }) => {
    const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(json(RELEASED, name));
    const payloads = readdirSync(GOLDEN).filter((file) => file.endsWith(`.${version}.json`));

    expect(payloads.length).toBeGreaterThan(10);
    expect(payloads.filter((file) => !validate(json(GOLDEN, file)))).toEqual([]);
  });
});

const OBJECT: JsonSchema = {
  type: 'object',
  required: ['id', 'name', 'seats'],
  properties: {
    id: { type: 'integer' },
    name: { type: ['string', 'null'], pattern: '^x' },
    seats: { type: 'array', items: { type: 'object', required: ['row'], properties: { row: { type: 'integer' } } } },
  },
  additionalProperties: {},
};
const { properties, ...HEAD } = OBJECT as { properties: Record<string, JsonSchema> } & JsonSchema;
const members = (more: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  ...HEAD,
  properties: { ...properties, ...more },
});
const seats = (items: JsonSchema): JsonSchema => members({ seats: { type: 'array', items } });

describe('the rules', () => {
  test.each<[string, JsonSchema]>([
    ['nothing', OBJECT],
    ['words', { ...members({ id: { type: 'integer', description: 'The lead.' } }), title: 'Lead', $comment: 'Why.' }],
    ['an optional member without a type', members({ later: { description: 'A text.' } })],
    ['the order of what is required', { ...OBJECT, required: ['seats', 'id', 'name'] }],
  ])('let %s change', (_what, now) => {
    expect(brokenPromises(OBJECT, now)).toEqual([]);
  });

  test.each<[string, JsonSchema, string[]]>([
    [
      'a member is added and required',
      { ...members({ later: {} }), required: ['id', 'name', 'seats', 'later'] },
      ['#: later is newly required'],
    ],
    ['a member is no longer required', { ...OBJECT, required: ['id', 'seats'] }, ['#: name is no longer required']],
    [
      'a member is removed',
      { ...HEAD, required: ['id', 'seats'], properties: { id: properties['id'], seats: properties['seats'] } },
      ['#: name is no longer required', '#/name: removed'],
    ],
    ['a type is narrowed', members({ name: { type: 'string', pattern: '^x' } }), ['#/name: type changed']],
    ['a type is widened', members({ id: { type: ['integer', 'null'] } }), ['#/id: type changed']],
    ['a type is another', members({ id: { type: 'string' } }), ['#/id: type changed']],
    [
      'a pattern is changed',
      members({ name: { type: ['string', 'null'], pattern: '^y' } }),
      ['#/name: pattern changed'],
    ],
    ['a pattern is dropped', members({ name: { type: ['string', 'null'] } }), ['#/name: pattern changed']],
    ['values are listed', members({ id: { type: 'integer', enum: [1] } }), ['#/id: enum changed']],
    [
      'a typed member is added',
      members({ later: { type: 'string' } }),
      ['#/later: added with a type; only an empty schema fits old bodies'],
    ],
    [
      'a member is added in front',
      { ...HEAD, properties: { later: {}, ...properties } },
      ['#: the order of members changed'],
    ],
    ['the object is closed', { ...OBJECT, additionalProperties: false }, ['#: additionalProperties changed']],
    [
      'a member of an item changes',
      seats({ type: 'object', required: ['row'], properties: { row: { type: 'number' } } }),
      ['#/seats[]/row: type changed'],
    ],
    ['items may be anything', members({ seats: { type: 'array' } }), ['#/seats: items changed']],
  ])('refuse it when %s', (_what, now, broken) => {
    expect(brokenPromises(OBJECT, now)).toEqual(broken);
  });
});

interface Changing {
  properties: Record<string, OutboundSchema>;
  required: string[];
  additionalProperties: unknown;
}

describe.each(VERSIONS)('an object of $version', ({ version, render }) => {
  const schema = outboundSchema(version);
  const paths = listedObjects(schema).map(([path]) => path);

  /** A copy of the schema with the object at `path` changed. */
  const changed = (path: string, change: (object: Changing) => unknown): OutboundSchema => {
    const copy = structuredClone(schema);
    const object: unknown = listedObjects(copy).find(([at]) => at === path)?.[1];
    change(object as Changing);
    return copy;
  };
  const objections = (now: OutboundSchema): string[] => [
    ...brokenPromises({ ...schema }, { ...now }),
    ...looseEnds(now),
  ];
  const optional = ({ properties }: Changing): unknown => (properties['later'] = { description: 'New.' } as object);

  test('may get a member at its end that is not required and says no type: every check passes, old bodies and new ones fit', () => {
    const body = JSON.parse(render(leadView()).body) as Record<string, unknown>;

    expect(paths.length).toBeGreaterThan(12);
    expect(paths.flatMap((path) => objections(changed(path, optional)))).toEqual([]);
    const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(changed('', optional));
    expect(validate(body)).toBe(true);
    for (const later of ['text', 5, null, {}]) expect(validate({ ...body, later })).toBe(true);
  });

  test.each<[string, (object: Changing) => unknown]>([
    ['get a member that is required', (object) => [optional(object), object.required.push('later')]],
    ['get a member with a type', ({ properties }) => (properties['later'] = { type: 'string' })],
    [
      'get a member with a type that is required',
      ({ properties, required }) => [Object.assign(properties, { later: { type: 'string' } }), required.push('later')],
    ],
    ['get a member in front', (object) => (object.properties = { later: {}, ...object.properties })],
    ['lose a member', ({ properties, required }) => delete properties[required.shift() ?? '']],
    ['leave a member out at times', ({ required }) => required.pop()],
    ['change a type', ({ properties, required }) => (properties[required[0] ?? ''] = { type: 'boolean' })],
    ['be closed', (object) => (object.additionalProperties = false)],
  ])('may not %s', (_what, change) => {
    expect(paths.filter((path) => objections(changed(path, change)).length === 0)).toEqual([]);
  });
});
