/** Whether a dead letter may be delivered again. */
import { expect, test } from 'vitest';
import { REDRIVABLE_MS } from '../../src/core/delivery.ts';
import { Marks } from '../../src/delivery/marks.ts';
import { judgeRedrive } from '../../src/delivery/redrive-rules.ts';
import { DeliverWorld, outbound, testEndpoint } from '../support/deliver-world.ts';

const NOW = REDRIVABLE_MS + 1_000;

interface Case {
  readonly delivered?: number;
  readonly dead?: boolean;
  readonly newest?: number;
  readonly deadAt?: number;
  readonly on?: 'change' | 'create';
  readonly version?: string;
  readonly defined?: boolean;
}

function outcome({
  delivered,
  dead = true,
  newest = -1,
  deadAt = NOW - 1,
  on = 'change',
  version = 'v3',
  defined = true,
}: Case): string {
  const marks = new Marks({ seenMs: 1, doneMs: 1, deadMs: 1_000 });
  if (dead) marks.bury('crm', '1', 0);
  if (delivered !== undefined) marks.delivered('crm|1', delivered);
  const lane = new DeliverWorld([testEndpoint({ on })]).lanes.get('crm');
  const request = {
    endpointId: 'crm',
    record: outbound({ leadId: '1', revision: 5, version }),
    letter: { partition: 0, offset: 1 },
  };
  return judgeRedrive(
    { ...request, deadAt, requestedAt: NOW },
    { lane: defined ? lane : undefined, marks, newest, now: NOW },
  );
}

test.each<[string, Case]>([
  ['taken', {}],
  ['taken', { delivered: 4 }],
  ['stale', { delivered: 5 }],
  ['stale', { delivered: 6 }],
  ['taken', { newest: 4 }],
  ['stale', { newest: 5 }],
  ['stale', { newest: 6 }],
  ['taken', { on: 'create' }],
  ['stale', { on: 'create', delivered: 4 }],
  ['too-old', { dead: false }],
  ['taken', { deadAt: NOW - REDRIVABLE_MS }],
  ['too-old', { deadAt: NOW - REDRIVABLE_MS - 1 }],
  ['not-wanted', { version: 'v2' }],
  ['no-endpoint', { defined: false }],
])('is %s for %j', (expected, about) => {
  expect(outcome(about)).toBe(expected);
});
