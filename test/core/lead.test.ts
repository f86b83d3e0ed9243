import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { leadFrom } from '../../src/core/lead.ts';
import type { LeadRow, PartialRow } from '../../src/core/rows.ts';
import { isBad } from '../../src/core/source-event.ts';
import { columns, PLACEHOLDER, READING_RULES } from '../support/cells.ts';
import { leadRow } from '../support/rows.ts';

type Values = Parameters<typeof columns>[0];

function partial(values: Values): PartialRow & { readonly row: LeadRow } {
  const built = leadFrom('138559', columns(values), READING_RULES);
  if (isBad(built)) throw new Error(built.message);
  return built as PartialRow & { readonly row: LeadRow };
}

function lead(values: Values): LeadRow {
  return partial(values).row;
}

test("the sample's source columns build the sample's lead", () => {
  const sample = JSON.parse(readFileSync(new URL('../golden/seed-sample.json', import.meta.url), 'utf8'));
  const values: Values = {};
  for (const [column, value] of Object.entries(sample as Record<string, unknown>)) {
    const nested = typeof value === 'object' && value !== null;
    values[column] = nested ? JSON.stringify(value, null, 1) : (value as string | number | null);
  }
  const dealership = JSON.stringify({ ...sample.dealership, time_zone: leadRow().time_zone });
  const times = { created_at: 1_757_982_652_297_123, updated_at: '2025-09-16 00:30:52.297999' };
  expect(lead({ ...values, ...times, dealership })).toEqual(leadRow());
});

test('a row of nothing but its key has the documented shape: objects of nulls, {} and [] (A17, A18, A27)', () => {
  const row = lead({});
  expect(Object.keys(row)).toEqual(Object.keys(leadRow()));
  for (const key of [
    'item',
    'website',
    'location',
    'prospect',
    'dealership',
    'trade_in_data',
    'subscription_plan',
    'lead_status_option',
    'assigned_salesperson',
    'offer_data',
    'pipeline',
  ] as const) {
    expect(Object.keys(row[key]).sort()).toEqual(Object.keys(leadRow()[key]).sort());
  }
  expect(Object.values(row.item).filter((value) => value === null)).toHaveLength(24);
  expect(row.item.third_party_integrations).toBe('[]');
  expect(Object.values(row.prospect.address)).toEqual([null, null, null, null, null, null]);
  expect([row.lead_events, row.additional_details]).toEqual(['[]', '{}']);
  expect(row.provider).toBe('"Dealer Studio"');
  expect([row.lead_cluster_id, row.created, row.updated_at, row.time_zone, row.category]).toEqual([
    null,
    null,
    null,
    null,
    null,
  ]);
});

test('JSON null in every column that holds JSON gives the same row as SQL null', () => {
  const json = [
    'item',
    'website',
    'location',
    'prospect',
    'dealership',
    'trade_in_data',
    'subscription_plan',
    'lead_status_option',
    'assigned_salesperson',
    'offer_data',
    'pipeline',
    'lead_events',
    'additional_details',
  ];
  expect(lead(Object.fromEntries(json.map((column) => [column, 'null'])))).toEqual(lead({}));
});

test('a lead may have no cluster (A5), and a cluster id beyond 2^53 is exact', () => {
  expect(lead({ lead_cluster_id: null }).lead_cluster_id).toBeNull();
  const big = { t: 'number', v: '9223372036854775807' } as const;
  expect(lead({ lead_cluster_id: big }).lead_cluster_id).toBe('9223372036854775807');
});

test('free-form JSON passes to the digit, in its key order, unknown keys included (A27)', () => {
  const text = '{"2": 329.0, "1": 9007199254740993, "__proto__": {"a": 1e400}, "t": "\\u00e9"}';
  const fragment = '{"2":329.0,"1":9007199254740993,"__proto__":{"a":1e400},"t":"é"}';
  const row = lead({
    additional_details: text,
    lead_events: `[${text}]`,
    item: `{"third_party_integrations": ${text}}`,
  });
  expect(row.additional_details).toBe(fragment);
  expect(row.lead_events).toBe(`[${fragment}]`);
  expect(row.item.third_party_integrations).toBe(fragment);
  expect(lead({ additional_details: '"a scalar"' }).additional_details).toBe('"a scalar"');
});

test('keys and columns that are not documented are not exported (A35)', () => {
  const row = lead({ item: '{"id": 1, "secret": 2}', dealership: '{"id": 3, "plan_code": "x"}', quoted_price: 1 });
  expect(JSON.stringify(row)).not.toMatch(/secret|plan_code|quoted_price/);
});

test('numbers are in their shortest form and lose no digit (A37)', () => {
  const plan = '{"daily_price_for_car": 46.90, "weekly_price_for_car": 329.0, "subscription_id": 9007199254740993}';
  expect(lead({ subscription_plan: plan }).subscription_plan).toMatchObject({
    daily_price_for_car: '46.9',
    weekly_price_for_car: '329',
    subscription_id: '9007199254740993',
  });
});

test('a postcode keeps the type that the source gives it (A19), a state its spelling (A20), a phone its text (A22)', () => {
  const prospect =
    '{"postcode": "0800", "mobile_phone": "0412 123 123", "address": {"postcode": 4118, "state": "Queensland"}}';
  const row = lead({ prospect, location: '{"postcode": "0800", "state": "NT"}' });
  expect([row.prospect.postcode, row.prospect.address.postcode, row.location.postcode]).toEqual([
    '"0800"',
    '4118',
    '"0800"',
  ]);
  expect([row.prospect.address.state, row.location.state]).toEqual(['"Queensland"', '"NT"']);
  expect(row.prospect.mobile_phone).toBe('"0412 123 123"');
});

describe('date of birth (A21)', () => {
  test.each([
    ['{"dob": "01/05/1990"}', '"01/05/1990"'],
    ['{"dob": "1990-05-01"}', '"1990-05-01"'],
    ['{"dob": "1990-05-01Z"}', '"01/05/1990"'],
    ['{"dob": 7425}', '7425'],
    [{ t: 'json', v: '{"dob":7425}' } as const, '"01/05/1990"'],
    [{ t: 'json', v: '{"dob":"01/05/1990"}' } as const, '"01/05/1990"'],
    [{ t: 'json', v: '{"dob":2147483647}' } as const, null],
    ['{"dob": null}', null],
  ])('%j gives %s: only a date-typed one is written anew', (prospect, expected) => {
    expect(lead({ prospect }).prospect.dob).toBe(expected);
  });
});

test('the address follows the object rule inside the prospect', () => {
  const built = partial({ prospect: '{"first_name": "Zoë", "address": "4 Myola Street"}', website: '[]' });
  expect(built.row.prospect.first_name).toBe('"Zoë"');
  expect(Object.values(built.row.prospect.address).every((value) => value === null)).toBe(true);
  expect(built.scalarObjects).toBe(2);
});

test.each([
  ['{"time_zone": "Brisbane"}', 'Brisbane'],
  ['{"timezone": "Australia/Sydney"}', 'Australia/Sydney'],
  ['{"time_zone": null, "timezone": "Perth"}', 'Perth'],
  ['{"time_zone": " ", "timezone": ""}', null],
  ['{"time_zone": 10}', '10'],
  ['{}', null],
  ['[]', null],
])('the zone of the dealership %s is %s, from the lead itself (A28)', (dealership, expected) => {
  expect(lead({ dealership }).time_zone).toBe(expected);
});

test('booking date and time are text as it is, typed ones in the documented form', () => {
  const typed = { booking_date: { t: 'date', v: 20_351 }, booking_time: { t: 'time', v: 48_600_000_000 } } as const;
  expect(lead(typed)).toMatchObject({ booking_date: '"2025-09-20"', booking_time: '"13:30:00"' });
  expect(lead({ booking_date: 'Saturday', booking_time: 'noon' })).toMatchObject({
    booking_date: '"Saturday"',
    booking_time: '"noon"',
  });
});

test('unavailable columns name the fields of the row that they fill', () => {
  const built = partial({
    comments: PLACEHOLDER,
    dealership: PLACEHOLDER,
    additional_details: PLACEHOLDER,
    created_at: PLACEHOLDER,
  });
  expect([...built.unavailable].sort()).toEqual([
    'additional_details',
    'comments',
    'created',
    'dealership',
    'time_zone',
  ]);
  expect(JSON.stringify(built.row)).not.toContain(PLACEHOLDER);
});

test.each([
  [{ lead_cluster_id: 'abc' }, 'column lead_cluster_id: expected an integer'],
  [{ created_at: 'yesterday' }, 'column created_at: expected a timestamp'],
  [{ prospect: 'not JSON' }, 'column prospect: expected JSON'],
  [{ additional_details: '{' }, 'column additional_details: expected JSON'],
])('%j is a bad record', (values, message) => {
  expect(leadFrom('1', columns(values as Values), READING_RULES)).toEqual({ kind: 'bad', code: 'wrong-type', message });
});
