/**
 * What may change within a payload version (docs/payloads.md, "What may change"): the schemas against every released form of
 * them, all payloads against those forms as well, and the rules themselves on bad examples.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { VERSIONS } from '../../src/core/payload/versions.ts';
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
