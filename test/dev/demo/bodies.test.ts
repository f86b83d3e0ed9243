/** The bodies that the demo writes down by hand, against what the product makes of the rows: two ways, one result. */
import { expect, test } from 'vitest';
import { leadFrom } from '../../../src/core/lead.ts';
import { renderV1 } from '../../../src/core/payload/v1.ts';
import { renderV3 } from '../../../src/core/payload/v3.ts';
import { isBad } from '../../../src/core/source-event.ts';
import { baseBody, withCluster } from '../../../src/dev/demo/bodies.ts';
import { COROLLA, HARBOUR, ZOE } from '../../../src/dev/demo/cast.ts';
import { type LeadFacts, leadRow } from '../../../src/dev/source-rows.ts';
import { rowCells } from '../../support/row-cells.ts';

const facts: LeadFacts = {
  id: 7,
  cluster: 3,
  person: ZOE,
  car: COROLLA,
  dealership: HARBOUR,
  category: 'Service Booking',
  atMs: Date.parse('2025-09-16T00:30:52.297Z'),
};

test('a new lead of the generator has the body that the demo expects, in each kind of version', () => {
  const rules = { unavailablePlaceholder: 'unavailable', jsonTimeUnit: 'micros' } as const;
  const read = leadFrom('7', rowCells('lead', leadRow(facts)), rules);
  if (isBad(read) || read.table !== 'lead') throw new Error('the lead cannot be read');
  const view = {
    lead: read.row,
    appointments: [],
    testDrives: [],
    zone: 'Australia/Sydney',
    purposes: { enums: new Set<string>() },
  };
  expect(JSON.parse(renderV1(view).body)).toEqual(baseBody(facts));
  expect(JSON.parse(renderV3(view).body)).toEqual(withCluster(baseBody(facts)));
});
