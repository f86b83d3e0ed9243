/**
 * Who gets which partition indexes: pure, so that every member that may become the group's leader comes to the same
 * answer. An index stands for that partition of all input topics of a stage, so what belongs together stays together.
 * Promises: every index goes to exactly one member; counts differ by at most one; as many indexes stay where they are
 * held as that balance allows (a moved index costs a load of its state). State lives in memory alone, so a member that
 * was restarted has nothing to come back to; the instance id only makes the answer the same after everybody restarted.
 */

export interface GroupMember {
  /** Made by the broker, new with every start. */
  readonly id: string;
  /** LEAD_WEBHOOKS_INSTANCE_ID; empty if there is none. */
  readonly instance: string;
  /** Indexes that the member says it holds. */
  readonly held: readonly number[];
  /** Generation of the group in which it got them: a newer claim beats an older one. */
  readonly generation: number;
}

/**
 * @param members at least one; the order does not matter
 * @param count indexes to give away: 0 … count − 1; claims beyond are ignored
 * @returns indexes per member id, ascending; a member without any has an empty list
 */
export function assignIndexes(members: readonly GroupMember[], count: number): Map<string, number[]> {
  const ordered = members.toSorted(byInstance);
  const kept = claims(ordered, count);
  const quotas = quotasOf(ordered, kept, count);
  const free = new Set(Array.from({ length: count }, (_, index) => index));
  const given = new Map<string, number[]>();
  for (const { id } of ordered) {
    const indexes = (kept.get(id) ?? []).slice(0, quotas.get(id));
    for (const index of indexes) free.delete(index);
    given.set(id, indexes);
  }
  const rest = [...free];
  for (const { id } of ordered) {
    const indexes = given.get(id) ?? [];
    indexes.push(...rest.splice(0, (quotas.get(id) ?? 0) - indexes.length));
    indexes.sort((a, b) => a - b);
  }
  return given;
}

/** What each member holds, ascending, after claims of several members to one index are settled: the newest one wins. */
function claims(ordered: readonly GroupMember[], count: number): Map<string, number[]> {
  const owners = new Map<number, GroupMember>();
  for (const member of ordered) {
    for (const index of member.held) {
      const owner = owners.get(index);
      if (index < count && (owner === undefined || member.generation > owner.generation)) owners.set(index, member);
    }
  }
  const kept = new Map<string, number[]>();
  for (const [index, { id }] of [...owners].sort(([a], [b]) => a - b)) kept.set(id, [...(kept.get(id) ?? []), index]);
  return kept;
}

/** How many each may have; the odd ones go to those who hold most, so that least is moved. */
function quotasOf(
  ordered: readonly GroupMember[],
  kept: ReadonlyMap<string, readonly number[]>,
  count: number,
): Map<string, number> {
  const least = Math.floor(count / ordered.length);
  const holding = (member: GroupMember): number => kept.get(member.id)?.length ?? 0;
  const byHolding = ordered.toSorted((a, b) => holding(b) - holding(a)); // stable, so the order of instances decides ties
  return new Map(byHolding.map(({ id }, place) => [id, least + (place < count % ordered.length ? 1 : 0)]));
}

function byInstance(a: GroupMember, b: GroupMember): number {
  if (a.instance !== b.instance) return a.instance < b.instance ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
