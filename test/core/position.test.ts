import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Position } from '../../src/core/change.ts';
import { isNewer, positionOf } from '../../src/core/position.ts';
import { isBad } from '../../src/core/source-event.ts';

function position(sequence: string | null, snapshot = false): Position {
  const found = positionOf({ sequence }, { epoch: 2, offset: 77, snapshot });
  if (isBad(found)) throw new Error(found.message);
  return found;
}

test.each([
  ['["26947120","26947200"]', 26947200, 26947200],
  ['["27072520","27061376"]', 27072520, 27061376],
  ['[null,"26947120"]', 26947120, 26947120],
  [' [ null , "5" ] ', 5, 5],
  ['[5,6]', 6, 6],
  ['["5",null]', 5, 5],
])('the sequence %s gives (%i, %i)', (sequence, high, own) => {
  expect(position(sequence)).toEqual({ epoch: 2, high, own, streamed: true });
});

test.each([null, '[null,null]'])('with %s for a sequence the Kafka offset stands', (sequence) => {
  expect(position(sequence, true)).toEqual({ epoch: 2, high: 77, own: 77, streamed: false });
});

test.each(['', '[]', '["1"]', '["1","2","3"]', '["a","b"]', '{"a":1}', '["-1","2"]', 'null'])(
  'the sequence %j is malformed, which is a bad record and no guess',
  (sequence) => {
    expect(positionOf({ sequence }, { epoch: 0, offset: 1, snapshot: false })).toMatchObject({ code: 'wrong-type' });
  },
);

test('a log position beyond 2^53 is out of range', () => {
  const sequence = '[null,"9007199254740993"]';
  expect(positionOf({ sequence }, { epoch: 0, offset: 1, snapshot: false })).toMatchObject({ code: 'out-of-range' });
});

describe('isNewer', () => {
  test('the update of a long transaction beats an incremental snapshot read with a higher own position', () => {
    expect(isNewer(position('["27072520","27061376"]'), position('["27068296","27070280"]', true))).toBe(true);
  });

  test('a new snapshot beats what was streamed before it', () => {
    expect(isNewer(position('[null,"300"]', true), position('["100","200"]'))).toBe(true);
  });

  test("at the snapshot's own log position the streamed change is newer", () => {
    expect(isNewer(position('[null,"27236640"]'), position('[null,"27236640"]', true))).toBe(true);
    expect(isNewer(position('[null,"27236640"]', true), position('[null,"27236640"]'))).toBe(false);
  });

  test('a raised source epoch beats every log position', () => {
    expect(isNewer({ epoch: 1, high: 1, own: 1, streamed: false }, { epoch: 0, high: 9, own: 9, streamed: true })).toBe(
      true,
    );
  });

  test('it is a strict order: of two positions exactly one is newer, or they are equal', () => {
    const any = fc.record({ epoch: fc.nat(1), high: fc.nat(2), own: fc.nat(2), streamed: fc.boolean() });
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        const same = JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
        expect(Number(isNewer(a, b)) + Number(isNewer(b, a))).toBe(same ? 0 : 1);
        if (isNewer(a, b) && isNewer(b, c)) expect(isNewer(a, c)).toBe(true);
      }),
    );
  });
});
