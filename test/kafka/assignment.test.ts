/** Who gets which indexes: rules that hold for any group. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignIndexes, type GroupMember } from '../../src/kafka/assignment.ts';

const member = (id: string, held: readonly number[] = [], rest: Partial<GroupMember> = {}): GroupMember => ({
  id,
  instance: id,
  held,
  generation: 1,
  ...rest,
});

const given = (members: readonly GroupMember[], count: number) => Object.fromEntries(assignIndexes(members, count));

describe('stickiness', () => {
  test('a member that joins takes from the others only what balance needs', () => {
    expect(given([member('a', [0, 1, 2]), member('b', [3, 4, 5]), member('c')], 6)).toEqual({
      a: [0, 1],
      b: [3, 4],
      c: [2, 5],
    });
  });

  test('what a leaving member held is shared out and the rest stays', () => {
    expect(given([member('a', [0, 3]), member('b', [1, 4])], 6)).toEqual({ a: [0, 2, 3], b: [1, 4, 5] });
  });

  test('of two claims to an index the newer generation wins', () => {
    const returned = member('a', [0, 1], { generation: 3 });
    expect(
      given([returned, member('b', [0, 1], { generation: 7 }), member('c', [2, 3], { generation: 7 })], 4),
    ).toEqual({
      a: [3],
      b: [0, 1],
      c: [2],
    });
  });

  test('the odd index stays where it is held', () => {
    expect(given([member('a', [0]), member('b', [1, 2])], 3)).toEqual({ a: [0], b: [1, 2] });
  });

  test('a group that starts anew under the same instance ids gets what it had, whatever the broker calls its members', () => {
    const start = (ids: readonly string[]) => {
      const members = ids.map((id, place) => member(id, [], { instance: `pod-${place}` }));
      const result = assignIndexes(members, 7);
      return ids.map((id) => result.get(id));
    };
    expect(start(['x', 'y', 'z'])).toEqual(start(['z', 'x', 'y']));
  });
});

describe('any group', () => {
  const groups = fc.integer({ min: 1, max: 9 }).chain((size) =>
    fc.record({
      count: fc.nat(40),
      members: fc.tuple(
        ...Array.from({ length: size }, (_, place) =>
          fc.record({
            id: fc.constant(`m${place}`),
            instance: fc.constantFrom('', 'pod-1', 'pod-2'),
            held: fc.uniqueArray(fc.nat(50), { maxLength: 20 }),
            generation: fc.integer({ min: -1, max: 4 }),
          }),
        ),
      ),
    }),
  );

  test('every index goes to exactly one member, and counts differ by at most one', () => {
    fc.assert(
      fc.property(groups, ({ members, count }) => {
        const lists = [...assignIndexes(members, count).values()];
        expect(lists).toHaveLength(members.length);
        expect(lists.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
        const sizes = lists.map((list) => list.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('the order in which members are listed changes nothing', () => {
    fc.assert(
      fc.property(groups, ({ members, count }) => {
        expect(given(members.toReversed(), count)).toEqual(given(members, count));
      }),
    );
  });

  test('an assignment that is balanced already is left as it is', () => {
    fc.assert(
      fc.property(groups, ({ members, count }) => {
        const first = assignIndexes(members, count);
        const again = members.map((one) => ({ ...one, held: first.get(one.id) ?? [], generation: 5 }));
        expect(assignIndexes(again, count)).toEqual(first);
      }),
    );
  });

  test('no member gives away an index while it has room for it and its claim is undisputed', () => {
    fc.assert(
      fc.property(groups, ({ members, count }) => {
        const result = assignIndexes(members, count);
        const most = Math.ceil(count / members.length);
        for (const { id, held } of members) {
          const undisputed = held.filter(
            (index) => index < count && members.filter((other) => other.held.includes(index)).length === 1,
          );
          const valid = held.filter((index) => index < count).length;
          if (valid >= most) continue;
          for (const index of undisputed) expect(result.get(id)).toContain(index);
        }
      }),
    );
  });
});
