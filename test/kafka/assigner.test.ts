/** The group protocol's side of the assignment, with the client's own encoding of members and assignments. */
import type { Cluster } from 'kafkajs';
import { expect, test } from 'vitest';
import { ASSIGNER_NAME, encodeClaim, readMember, stickyAssigner } from '../../src/kafka/assigner.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

const metadata = (userData: Buffer): Buffer => MemberMetadata.encode({ version: 1, topics: ['t'], userData });

function assigner(partitions: Readonly<Record<string, number>>) {
  const findTopicPartitionMetadata = (topic: string) => Array.from({ length: partitions[topic] ?? 0 });
  const cluster = { findTopicPartitionMetadata } as unknown as Cluster;
  const claim = () => ({ instance: 'pod-1', held: [2, 0], generation: 7 });
  return stickyAssigner(claim, () => undefined)({ cluster, groupId: 'g', logger: {} as never });
}

test('a member says its instance, what it holds and since which generation', () => {
  const { name, metadata } = assigner({}).protocol({ topics: ['t'] });
  expect(name).toBe(ASSIGNER_NAME);
  expect(readMember('m', metadata)).toEqual({ id: 'm', instance: 'pod-1', held: [2, 0], generation: 7 });
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['no JSON', Buffer.from('hello')],
  ['another JSON', Buffer.from('{"held":"all"}')],
  ['indexes that are none', Buffer.from('{"instance":"a","held":[1.5,-1],"generation":1}')],
])('a member whose claim is %s counts as holding nothing', (_, userData) => {
  expect(readMember('m', metadata(userData))).toEqual({ id: 'm', instance: '', held: [], generation: -1 });
});

test('a member whose whole metadata are unreadable counts as holding nothing', () => {
  expect(readMember('m', Buffer.from([0]))).toMatchObject({ held: [] });
});

test('an index of every topic that has it goes to the same member', async () => {
  const members = [
    { memberId: 'a', memberMetadata: metadata(encodeClaim({ instance: 'a', held: [0, 3], generation: 1 })) },
    { memberId: 'b', memberMetadata: metadata(Buffer.from('?')) },
  ];
  const sent = await assigner({ wide: 4, narrow: 2 }).assign({ members, topics: ['wide', 'narrow'] });
  const assignments = sent.map(({ memberId, memberAssignment }) => [
    memberId,
    MemberAssignment.decode(memberAssignment)?.assignment,
  ]);
  expect(Object.fromEntries(assignments)).toEqual({
    a: { wide: [0, 3], narrow: [0] },
    b: { wide: [1, 2], narrow: [1] },
  });
});
