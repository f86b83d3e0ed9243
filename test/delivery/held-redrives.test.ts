import { expect, test } from 'vitest';
import type { RedriveRequest } from '../../src/core/delivery.ts';
import { HeldRedrives } from '../../src/delivery/held-redrives.ts';
import { outbound } from '../support/deliver-world.ts';

const request = (leadId: string, bytes: number): RedriveRequest => ({
  endpointId: 'crm',
  record: outbound({ leadId, value: Buffer.alloc(bytes) }),
  letter: { partition: 0, offset: 1 },
  deadAt: 0,
  requestedAt: 0,
});

test('what is held comes out once, in its order; four megabytes are enough', () => {
  const held = new HeldRedrives();
  expect([held.empty, held.full]).toEqual([true, false]);
  held.keep([request('1', 2 ** 21), request('2', 2 ** 21 - 1)]);
  expect([held.empty, held.full]).toEqual([false, false]);
  held.keep([request('3', 1)]);
  expect(held.full).toBe(true);
  expect(held.take().map(({ record }) => record.leadId)).toEqual(['1', '2', '3']);
  expect([held.empty, held.full, held.take()]).toEqual([true, false, []]);
});
