/**
 * The group protocol's side of assignment.ts: what a member tells the leader when it joins (its instance id and what it
 * holds), and the leader's answer as the client wants it. A member that cannot be read (another program, a future
 * version) counts as holding nothing: it still gets its share. The protocol's name may never change within a deployment.
 */
import type { Assigner, Cluster, PartitionAssigner } from 'kafkajs';
import { assignIndexes, type GroupMember } from './assignment.ts';
import { kafkajs } from './fixes.ts';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

export const ASSIGNER_NAME = 'lead-webhooks-sticky';
const VERSION = 1;

/** What this member says of itself at its next join. */
export interface Claim {
  readonly instance: string;
  readonly held: readonly number[];
  readonly generation: number;
}

/**
 * Makes the assigner for the client's `partitionAssigners`.
 * @param claim asked at every join
 * @param onCluster gets the consumer's connections, which the client shows to assigners alone
 */
export function stickyAssigner(claim: () => Claim, onCluster: (cluster: Cluster) => void): PartitionAssigner {
  return ({ cluster }): Assigner => {
    onCluster(cluster);
    return {
      name: ASSIGNER_NAME,
      version: VERSION,
      protocol: ({ topics }) => ({
        name: ASSIGNER_NAME,
        metadata: MemberMetadata.encode({ version: VERSION, topics, userData: encodeClaim(claim()) }),
      }),
      async assign({ members, topics }) {
        const counts = topics.map((topic) => ({ topic, count: cluster.findTopicPartitionMetadata(topic).length }));
        const group = members.map(({ memberId, memberMetadata }) => readMember(memberId, memberMetadata));
        const given = assignIndexes(group, Math.max(...counts.map(({ count }) => count)));
        return [...given].map(([memberId, indexes]) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({
            version: VERSION,
            assignment: perTopic(counts, indexes),
            userData: Buffer.alloc(0),
          }),
        }));
      },
    };
  };
}

/** The partitions of each topic that a member with these indexes gets; a topic may have fewer partitions than others. */
function perTopic(
  counts: readonly { topic: string; count: number }[],
  indexes: readonly number[],
): Record<string, number[]> {
  return Object.fromEntries(counts.map(({ topic, count }) => [topic, indexes.filter((index) => index < count)]));
}

/** JSON, as it is small, rare and read by people who debug a group. */
export function encodeClaim(claim: Claim): Buffer {
  return Buffer.from(JSON.stringify({ instance: claim.instance, held: claim.held, generation: claim.generation }));
}

/** A member from its join's metadata; whatever is not as `encodeClaim` writes it counts as nothing held. */
export function readMember(id: string, metadata: Buffer): GroupMember {
  try {
    const claim: unknown = JSON.parse(String(MemberMetadata.decode(metadata)?.userData ?? ''));
    if (isClaim(claim)) return { id, instance: claim.instance, held: claim.held, generation: claim.generation };
  } catch {
    // neither ours nor readable
  }
  return { id, instance: '', held: [], generation: -1 };
}

function isClaim(value: unknown): value is Claim {
  if (typeof value !== 'object' || value === null) return false;
  const { instance, held, generation } = value as Partial<Record<keyof Claim, unknown>>;
  const index = (i: unknown): boolean => Number.isSafeInteger(i) && (i as number) >= 0;
  return typeof instance === 'string' && Number.isSafeInteger(generation) && Array.isArray(held) && held.every(index);
}
