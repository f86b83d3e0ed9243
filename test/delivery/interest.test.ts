import { expect, test } from 'vitest';
import { wantedBy } from '../../src/delivery/interest.ts';
import { outbound, testEndpoint } from '../support/deliver-world.ts';

const filters = (categories: string[], locations: string[] = []) => {
  return { websites: new Set<string>(), locations: new Set(locations), categories: new Set(categories) };
};
const record = outbound({ value: Buffer.from('\0\0\0\0\x07{"category":"Sell","location":null}'), bodyStart: 5 });

test('each filter that is not empty must name what the body holds (A38, A39)', () => {
  const wanted = wantedBy(record);
  expect(wanted(testEndpoint())).toBe(true);
  expect(wanted(testEndpoint({ filters: filters(['Buy', 'Sell']) }))).toBe(true);
  expect(wanted(testEndpoint({ filters: filters(['sell']) }))).toBe(false);
  expect(wanted(testEndpoint({ filters: filters(['Sell'], ['North']) }))).toBe(false);
});

test('on: create takes only what was created, and a body that is not JSON fits no filter', () => {
  const create = testEndpoint({ on: 'create' });
  expect([wantedBy(record)(create), wantedBy({ ...record, cause: 'created' })(create)]).toEqual([false, true]);
  const broken = wantedBy(outbound({ value: Buffer.from('{') }));
  expect([broken(testEndpoint()), broken(testEndpoint({ filters: filters(['Sell']) }))]).toEqual([true, false]);
});
