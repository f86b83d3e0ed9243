/** Batches through the join's state: what is dirty, what is told once, what is forgotten. Real rows, real Avro. */
import { describe, expect, test } from 'vitest';
import { type IncomingChange, JoinClusters, type Told } from '../../src/core/join-batch.ts';
import { joinCodec } from '../../src/kafka/internal-codec.ts';
import { BORN_MS, type ClusterRow, clusterRow } from '../support/cluster-rows.ts';

const HOME = 'cluster:289';
const EMISSION = `${HOME}|138559`;

function clusters(rowsMax = 1_000): JoinClusters {
  const rules = { versions: ['v3'] as const, purposes: { enums: new Set<string>() } };
  return new JoinClusters({ codec: joinCodec, rules, rowsMax });
}

const put = (row: ClusterRow, traceparent: string | null = null): IncomingChange => ({
  ...row,
  goneAt: 0,
  traceparent,
});
const gone = ({ key }: ClusterRow, goneAt = BORN_MS): IncomingChange => ({
  key,
  value: null,
  goneAt,
  traceparent: null,
});

/** Takes changes in and tells everything. */
function play(state: JoinClusters, ...changes: readonly IncomingChange[]): Told {
  for (const change of changes) state.evolve(change, true);
  return state.announce(Number.POSITIVE_INFINITY);
}

const leads = ({ announcements }: Told): string[] =>
  announcements.map(({ leadId, revision }) => `${leadId} ${revision}`);

const LEAD = clusterRow(HOME, {});
const SECOND = clusterRow(HOME, { id: '7' });
const DRIVE = clusterRow(HOME, { table: 'test_drive', id: '501' });

describe('telling', () => {
  test('names each lead of a touched cluster once, however many changes came', () => {
    const changed = clusterRow(HOME, {}, { comments: '"b"' });
    const told = play(clusters(), put(LEAD), put(SECOND), put(DRIVE), put(changed));
    expect(leads(told).toSorted()).toEqual(['138559 1', '7 1']);
    const body = told.announcements.find(({ leadId }) => leadId === '138559')?.body ?? '{}';
    expect(JSON.parse(body)).toMatchObject({ comments: 'b', has_test_drives: true });
  });

  test('the same twice tells nothing, and writes nothing', () => {
    const state = clusters();
    play(state, put(LEAD));
    const again = play(state, put(LEAD));
    expect([again.announcements, again.emissions, again.suppressed]).toEqual([
      [],
      [],
      [{ version: 'v3', reason: 'same' }],
    ]);
  });

  test('remembers what was told so that another state that is given the record goes on from it', () => {
    const first = clusters();
    const [emission] = play(first, put(LEAD)).emissions;
    const second = clusters();
    second.restoreEmission(emission?.key ?? '', emission?.value ?? null);
    expect(leads(play(second, put(LEAD)))).toEqual([]);
    expect(leads(play(second, put(DRIVE)))).toEqual(['138559 2']);
    second.restoreEmission(emission?.key ?? '', null);
    expect(leads(play(second, put(LEAD)))).toEqual(['138559 1']);
  });

  test('says nothing of clusters that a load passed before the position', () => {
    const state = clusters();
    state.evolve(put(LEAD), false);
    expect([state.dirtyCount, leads(state.announce(10))]).toEqual([0, []]);
    // Its rows are there all the same.
    expect(leads(play(state, put(DRIVE)))).toEqual(['138559 1']);
  });

  test('goes on with the cluster that was touched first, as many as are asked for', () => {
    const state = clusters();
    for (const id of ['3', '1', '2']) state.evolve(put(clusterRow(`cluster:${id}`, { id })), true);
    state.evolve(put(clusterRow('cluster:1', { id: '1' }, { comments: null })), true);
    expect([leads(state.announce(2)), state.dirtyCount]).toEqual([['3 1', '1 1'], 1]);
    expect([leads(state.announce(2)), state.dirtyCount]).toEqual([['2 1'], 0]);
  });

  test('of everything is asked for with one word', () => {
    const state = clusters();
    state.evolve(put(LEAD), false);
    state.evolve(put(clusterRow('cluster:5', { id: '5' })), false);
    state.touchAll();
    expect(leads(state.announce(10)).toSorted()).toEqual(['138559 1', '5 1']);
  });

  test('a key that is no row touches nothing', () => {
    const state = clusters();
    expect(play(state, { ...put(LEAD), key: 'position' }).announcements).toEqual([]);
    expect(state.clusterCount).toBe(0);
  });
});

describe('the time of a change', () => {
  test('is the newest of the rows of the cluster', () => {
    const newer = clusterRow(HOME, { table: 'test_drive', id: '501' }, {}, { changedAt: BORN_MS + 9 });
    expect(play(clusters(), put(newer), put(LEAD)).announcements[0]?.changedAt).toBe(BORN_MS + 9);
  });

  test('is that of a row that left, when that is newer than all that stayed', () => {
    const state = clusters();
    play(state, put(LEAD), put(DRIVE));
    expect(play(state, gone(DRIVE, BORN_MS + 30)).announcements[0]?.changedAt).toBe(BORN_MS + 30);
    const older = clusterRow(HOME, {}, { comments: null }, { changedAt: BORN_MS + 20 });
    expect(play(state, put(older)).announcements[0]?.changedAt).toBe(BORN_MS + 20);
  });
});

test('the newest traceparent of a cluster goes with what it tells, and does not stay behind', () => {
  const state = clusters();
  const told = play(state, put(LEAD, 'first'), put(DRIVE, 'second'), put(SECOND));
  expect(told.announcements.map(({ traceparent }) => traceparent)).toEqual(['second', 'second']);
  expect(play(state, gone(DRIVE)).announcements.map(({ traceparent }) => traceparent)).toEqual([null, null]);
});

describe('a lead that left', () => {
  test('takes its emission record with it', () => {
    const state = clusters();
    play(state, put(LEAD));
    expect(play(state, gone(LEAD)).emissions).toEqual([{ key: EMISSION, value: null }]);
    expect([state.clusterCount, state.bytes]).toEqual([0, 0]);
    expect(play(state, gone(LEAD)).emissions).toEqual([]);
  });

  test('and came back in the same batch keeps its record, since its moves tell', () => {
    const state = clusters();
    play(state, put(LEAD));
    const back = clusterRow(HOME, {}, {}, { moves: 2 });
    const told = play(state, gone(LEAD), put(back));
    expect(leads(told)).toEqual([`138559 ${2 * 2 ** 32 + 1}`]);
    expect(told.emissions.map(({ value }) => value === null)).toEqual([false]);
  });

  test('leaves the other leads their news, and a test drive of the same id is not mistaken for it', () => {
    const state = clusters();
    play(state, put(LEAD), put(SECOND), put(clusterRow(HOME, { table: 'test_drive', id: '7' })));
    const told = play(state, gone(clusterRow(HOME, { table: 'test_drive', id: '7' })));
    expect(leads(told).toSorted()).toEqual(['138559 2', '7 2']);
    expect(told.emissions.every(({ value }) => value !== null)).toBe(true);
  });
});

describe('emission records without a lead', () => {
  test('are found after a load, given back to be forgotten, and found once', () => {
    const first = clusters();
    const [emission] = play(first, put(LEAD)).emissions;
    const state = clusters();
    state.restoreEmission(EMISSION, emission?.value ?? null);
    state.restoreEmission(`${HOME}|7`, emission?.value ?? null);
    state.evolve(put(SECOND), false);
    expect(state.orphans()).toEqual([{ key: EMISSION, value: null }]);
    expect(state.orphans()).toEqual([]);
  });
});

describe('a cluster with more rows than allowed', () => {
  test('is reported once, tells nothing, and is told as it is when it has few enough again', () => {
    const state = clusters(2);
    play(state, put(LEAD), put(DRIVE));
    const beyond = play(state, put(SECOND));
    expect([beyond.quarantined, beyond.announcements]).toEqual([[{ cluster: HOME, rows: 3 }], []]);
    expect(state.quarantinedCount).toBe(1);
    const still = play(state, put(clusterRow(HOME, {}, { comments: '"x"' })));
    expect([still.quarantined, still.announcements]).toEqual([[], []]);
    expect(leads(play(state, gone(DRIVE))).toSorted()).toEqual(['138559 2', '7 1']);
    expect(state.quarantinedCount).toBe(0);
  });

  test('still forgets a lead that leaves it', () => {
    const state = clusters(1);
    play(state, put(LEAD));
    play(state, put(SECOND), put(DRIVE));
    expect(play(state, gone(LEAD)).emissions).toEqual([{ key: EMISSION, value: null }]);
  });
});
