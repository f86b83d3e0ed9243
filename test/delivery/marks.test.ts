import { expect, test } from 'vitest';
import { Marks, pairKey } from '../../src/delivery/marks.ts';

const marks = (): Marks => new Marks({ seenMs: 1000, doneMs: 100, deadMs: 500 });
const pair = pairKey('crm', '1');

test('a mark counts at once and is written only when it is released', () => {
  const made = marks();
  made.make('seen', 'crm', '1', { revision: 5, now: 0 });
  expect(made.revision('seen', pair)).toBe(5);
  expect(made.revision('done', pair)).toBe(-1);
  expect(made.plan(0)).toEqual([]);
  made.committed();
  made.release('seen', pair, 5);
  expect(made.plan(0)).toEqual([
    { key: { endpointId: 'crm', leadId: '1', suffix: 'seen' }, mark: { kind: 'seen', revision: 5, expiresAt: 1000 } },
  ]);
});

test('a mark that has grown since is released with the revision that was passed', () => {
  const made = marks();
  made.make('seen', 'crm', '1', { revision: 5, now: 0 });
  made.make('seen', 'crm', '1', { revision: 9, now: 0 });
  made.release('seen', pair, 5);
  expect(made.plan(0)).toMatchObject([{ mark: { revision: 5 } }]);
  expect(made.revision('seen', pair)).toBe(9);
});

test('what was rolled back is planned again, unless something newer is', () => {
  const made = marks();
  made.make('seen', 'crm', '1', { revision: 5, now: 0 });
  made.release('seen', pair, 5);
  const first = made.plan(0);
  made.rolledBack();
  expect(made.plan(0)).toEqual(first);
  made.make('seen', 'crm', '1', { revision: 6, now: 0 });
  made.release('seen', pair, 6);
  made.rolledBack();
  expect(made.plan(0)).toMatchObject([{ mark: { revision: 6 } }]);
  made.committed();
  expect(made.plan(0)).toEqual([]);
});

test('a mark is tombstoned when it expires, also one that was read back', () => {
  const made = marks();
  const key = { endpointId: 'crm', leadId: '2', suffix: 'done' } as const;
  made.load([{ key, mark: { kind: 'done', revision: 1, expiresAt: 50 } }]);
  made.make('done', 'crm', '1', { revision: 1, now: 0 });
  made.release('done', pair, 1);
  expect(made.plan(50)).toEqual([
    { key: { endpointId: 'crm', leadId: '1', suffix: 'done' }, mark: { kind: 'done', revision: 1, expiresAt: 100 } },
    { key, mark: null },
  ]);
  expect(made.revision('done', pairKey('crm', '2'))).toBe(-1);
});

test('a dead mark tells the highest revision delivered since, keeps its expiry then, and lives on with the next dead letter', () => {
  const made = marks();
  made.delivered(pair, 3);
  expect(made.has('dead', pair)).toBe(false);
  made.bury('crm', '1', 0);
  const key = { endpointId: 'crm', leadId: '1', suffix: 'dead' };
  expect(made.plan(0)).toEqual([{ key, mark: { kind: 'dead', revision: -1, expiresAt: 500 } }]);
  made.committed();
  made.delivered(pair, 4);
  made.delivered(pair, 3);
  expect(made.plan(0)).toEqual([{ key, mark: { kind: 'dead', revision: 4, expiresAt: 500 } }]);
  made.committed();
  made.bury('crm', '1', 100);
  expect(made.plan(100)).toEqual([{ key, mark: { kind: 'dead', revision: 4, expiresAt: 600 } }]);
  made.committed();
  expect(made.plan(600)).toEqual([{ key, mark: null }]);
});
