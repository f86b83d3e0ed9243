/** The outbound schemas are what subscribers generate code from: these tests hold them to the sample and to FULL_TRANSITIVE. */
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { VERSIONS } from '../../src/core/payload/versions.ts';
import { listedObjects, looseEnds, outboundSchema, outboundValidator } from '../support/outbound-schemas.ts';
import { leadView } from '../support/rows.ts';

describe.each(VERSIONS)('the outbound schema of $version', ({ version, render }) => {
  const schema = outboundSchema(version);
  const validate = outboundValidator(version);
  const sample = (): Record<string, unknown> => JSON.parse(render(leadView()).body) as Record<string, unknown>;

  it('is taken by a strict validator that is told of members with several types, and by no other (docs/payloads.md)', () => {
    expect(() => new Ajv({ strict: true }).compile(schema)).toThrow('allowUnionTypes');
    expect(() => new Ajv({ strict: true, allowUnionTypes: true }).compile(schema)).not.toThrow();
  });

  it('is draft-07 without references, which every registry reads alike', () => {
    expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
    expect(JSON.stringify(schema)).not.toContain('"$ref"');
  });

  it('names the members of the body in its order', () => {
    expect(Object.keys(schema.properties ?? {})).toEqual(Object.keys(sample()));
  });

  it('requires every member that it gives a type, and leaves each object half open by an empty schema', () => {
    expect(listedObjects(schema).length).toBe(version === 'v3' ? 14 : 13);
    expect(looseEnds(schema)).toEqual([]);
  });

  it('accepts a member that is not documented, so that one may be added', () => {
    expect(validate({ ...sample(), added_later: { at: 1 } })).toBe(true);
  });

  it.each([...(schema.required ?? [])])('refuses a body without %s', (key) => {
    const { [key]: _, ...rest } = sample();

    expect(validate(rest)).toBe(false);
  });

  it.each([
    { id: '138559' },
    { id: null },
    { item: null },
    { created: '2025-09-16 00:30:52' },
    { updated_at: '2025-09-16T00:30:52Z' },
    { lead_cluster_id: '289' },
    { lead_events: {} },
    { provider: null },
    { additional_details: null },
    { additional_details: [] },
    { dealership: { id: '3', name: null, slug: null } },
    { dealership: { id: 3, name: null } },
  ])('refuses a body with %j', (wrong) => {
    expect(validate({ ...sample(), ...wrong })).toBe(false);
  });
});

describe('the outbound schema of v3', () => {
  const validate = outboundValidator('v3');
  const body = (): { appointments: Record<string, unknown>[] } => {
    const render = VERSIONS.find(({ version }) => version === 'v3')?.render;
    return JSON.parse(render?.(leadView()).body ?? '{}') as { appointments: Record<string, unknown>[] };
  };

  it.each([
    { id: '9041' },
    { ai_generated: null },
    { starts_at: '2025-09-18T12:00:00' },
    { starts_at: '2025-09-18 12:00:00+10:00' },
    { starts_at: 1758160800 },
    { length_in_minutes: 30.5 },
    { car_for_test_drive: {} },
  ])('refuses an appointment with %j', (wrong) => {
    const { appointments, ...rest } = body();

    expect(validate({ ...rest, appointments })).toBe(true);
    expect(validate({ ...rest, appointments: [{ ...appointments[0], ...wrong }] })).toBe(false);
  });

  it.each([{ appointments: null }, { has_test_drives: null }, { has_test_drives: 'true' }])('refuses %j', (wrong) => {
    expect(validate({ ...body(), ...wrong })).toBe(false);
  });
});
