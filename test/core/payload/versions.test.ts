import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VERSIONS } from '../../../src/core/payload/versions.ts';
import type { LeadRow } from '../../../src/core/rows.ts';
import { leadRow, leadView } from '../../support/rows.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const SAMPLE = JSON.parse(readFileSync(new URL('../../golden/seed-sample.json', import.meta.url), 'utf8')) as {
  [key: string]: Json;
};
/** Members that are no fields of the lead's row. */
const CLUSTER_MEMBERS = ['has_test_drives', 'appointments'];

/** The row with each field's fragment replaced by `replace(path)`; `time_zone` is no fragment and stays. */
function replaced(replace: (path: string) => string | null): LeadRow {
  const walk = (value: object, at: string): object =>
    Object.fromEntries(
      Object.entries(value).map(([key, member]) => {
        const path = at === '' ? key : `${at}.${key}`;
        return [key, member !== null && typeof member === 'object' ? walk(member, path) : replace(path)];
      }),
    );
  return { ...(walk(leadRow(), '') as LeadRow), time_zone: 'Australia/Brisbane' };
}

function member(body: Json, path: string): Json | undefined {
  return path.split('.').reduce<Json | undefined>((at, key) => (at as Record<string, Json> | undefined)?.[key], body);
}

/** Paths of a body's members, objects entered and arrays not, in their order. */
function paths(value: Json, at = ''): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [at];
  return Object.entries(value).flatMap(([key, inner]) => paths(inner, at === '' ? key : `${at}.${key}`));
}

/** The members that come from the row; `additional_details` is one fragment. */
const ROW_PATHS = paths({ ...SAMPLE, additional_details: null }).filter((path) => !CLUSTER_MEMBERS.includes(path));

describe('the payload versions', () => {
  it('are v1, v2 and v3, oldest first, and only v3 shows the cluster', () => {
    expect(VERSIONS.map(({ version, usesCluster }) => [version, usesCluster])).toEqual([
      ['v1', false],
      ['v2', false],
      ['v3', true],
    ]);
  });

  it('v1 and v2 do not differ in any byte, as far as anybody documented (A1)', () => {
    const [v1, v2] = VERSIONS.map(({ render }) => render(leadView()));

    expect(v2).toEqual(v1);
  });
});

describe.each(VERSIONS)('a payload of $version', ({ version, render }) => {
  const bodyOf = (lead: LeadRow): string => render(leadView({ lead })).body;
  const parse = (lead: LeadRow): Json => JSON.parse(bodyOf(lead)) as Json;

  it('has the keys of the sample in the order of the sample (A36)', () => {
    const keys = Object.keys(parse(leadRow()) as object);
    const documented = Object.keys(SAMPLE).filter((key) => version === 'v3' || !CLUSTER_MEMBERS.includes(key));

    expect(keys).toEqual(documented);
  });

  it('puts every field of the row under its own name', () => {
    const body = parse(replaced((path) => JSON.stringify(path)));

    expect(ROW_PATHS.length).toBe(99);
    for (const path of ROW_PATHS) expect(member(body, path)).toBe(path);
  });

  it('is JSON that says what the fragments say, whatever they are', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.json({ maxDepth: 1 })), (stream) => {
        const fragments = new Map(ROW_PATHS.map((path) => [path, JSON.stringify(JSON.parse(stream.next().value))]));
        const body = parse(replaced((path) => fragments.get(path) ?? null));
        for (const [path, fragment] of fragments) expect(JSON.stringify(member(body, path))).toBe(fragment);
      }),
      { numRuns: 25 },
    );
  });

  it('keeps every documented object as an object of nulls when the source has nothing (A17)', () => {
    const free = ['item.third_party_integrations', 'lead_events', 'additional_details'];
    const body = parse(replaced((path) => (free.includes(path) ? '[]' : null)));

    expect(paths(body).filter((path) => !CLUSTER_MEMBERS.includes(path))).toEqual(ROW_PATHS);
    expect(member(body, 'assigned_salesperson')).toEqual({ id: null, name: null, email: null });
    expect(member(body, 'offer_data')).toEqual({ manufacturer: null, offer_name: null });
    expect(member(body, 'prospect.address')).toEqual({
      city: null,
      state: null,
      street: null,
      country: null,
      postcode: null,
      state_long: null,
    });
  });

  it('always names the cluster and the dealership, which receivers answer to (A42)', () => {
    const body = parse(
      leadRow({ lead_cluster_id: null, dealership: { id: null, name: null, slug: null } }),
    ) as unknown as LeadRow;

    expect(body.lead_cluster_id).toBeNull();
    expect(body.dealership).toEqual({ id: null, name: null, slug: null });
  });

  it('has the same hash text after a change of updated_at alone, and sends the new one (A3)', () => {
    const later = '"2025-09-17T08:00:00.000Z"';
    const before = render(leadView());
    const after = render(leadView({ lead: leadRow({ updated_at: later }) }));

    expect(after.hashText).toBe(before.hashText);
    expect(after.body).not.toBe(before.body);
    expect(after.body).toContain(`"updated_at":${later}`);
  });

  it.each(ROW_PATHS.filter((path) => path !== 'updated_at'))(
    'has another hash text after a change of %s (A3)',
    (path) => {
      const text = (changed: string): string =>
        render(leadView({ lead: replaced((at) => (at === changed ? '"new"' : '"old"')) })).hashText;

      expect(text(path)).not.toBe(text('nothing'));
    },
  );

  it('leaves a postcode the number or the string that it was (A19)', () => {
    const { location, prospect } = leadRow();
    const body = bodyOf(
      leadRow({
        location: { ...location, postcode: '"0800"' },
        prospect: { ...prospect, postcode: '800', address: { ...prospect.address, postcode: '"2000"' } },
      }),
    );

    expect(body.match(/"postcode":("?\d+"?)/g)).toEqual(['"postcode":"0800"', '"postcode":"2000"', '"postcode":800']);
  });

  it('does not touch states (A20), dates of birth (A21) and telephone numbers (A22)', () => {
    const { location, prospect } = leadRow();
    const body = bodyOf(
      leadRow({
        location: { ...location, state: '"Queensland"' },
        prospect: {
          ...prospect,
          dob: '"31/01/1980"',
          mobile_phone: '"+61 (0)412 123 123"',
          address: { ...prospect.address, state: '"Qld."' },
        },
      }),
    );

    expect(body).toContain('"city":"Fake city","state":"Queensland"');
    expect(body).toContain('"city":"Browns Plains","state":"Qld."');
    expect(body).toContain('"dob":"31/01/1980"');
    expect(body).toContain('"mobile_phone":"+61 (0)412 123 123"');
  });

  it('shows created and updated_at as the row has them, in UTC with milliseconds (A23)', () => {
    const body = bodyOf(leadRow({ created: '"2024-02-29T23:59:59.999Z"', updated_at: null }));

    expect(body).toContain('"created":"2024-02-29T23:59:59.999Z"');
    expect(body).toContain('"updated_at":null');
  });

  it('escapes no markup (A36)', () => {
    const text = `<a href="x">Tom & Jerry's</a> \u2028 \u{1f697}`;

    expect(bodyOf(leadRow({ comments: JSON.stringify(text) }))).toContain(
      `"comments":"<a href=\\"x\\">Tom & Jerry's</a> \u2028 \u{1f697}"`,
    );
  });

  it('keeps each digit of a number (A37)', () => {
    const body = bodyOf(
      leadRow({
        id: '9223372036854775807',
        subscription_plan: { ...leadRow().subscription_plan, weekly_price_for_car: '12345678901234567890.12' },
        additional_details: '{"a":329.0,"b":1e400}',
      }),
    );

    expect(body.startsWith('{"id":9223372036854775807,')).toBe(true);
    expect(body).toContain('"weekly_price_for_car":12345678901234567890.12');
    expect(body).toContain('"additional_details":{"a":329.0,"b":1e400}');
  });
});
