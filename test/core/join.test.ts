/** What is told about a lead: gates, causes, differences and revisions. How bodies look is the payloads' own test. */
import { describe, expect, test } from 'vitest';
import type { Emission } from '../../src/core/emission.ts';
import { type Cluster, type LeadTold, type Stored, tellLead } from '../../src/core/join.ts';
import { type PayloadVersion, VERSIONS } from '../../src/core/payload/versions.ts';
import type { AppointmentRow, LeadRow, TestDriveRow } from '../../src/core/rows.ts';
import type { RowMeta } from '../../src/core/stored-row.ts';
import { appointmentRow, leadRow, testDriveRow } from '../support/rows.ts';

const BORN = 1_758_000_000_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const EVERY = VERSIONS.map(({ version }) => version);
const MOVED = 2 ** 32;

function meta(more: Partial<RowMeta> = {}): RowMeta {
  return { moves: 0, live: true, birth: BORN, changedAt: BORN, unknown: [], ...more };
}
const lead = (more: Partial<RowMeta> = {}, row: Partial<LeadRow> = {}): Stored<LeadRow> => {
  return { meta: meta(more), row: leadRow(row) };
};
const appointment = (more: Partial<RowMeta> = {}, row: Partial<AppointmentRow> = {}): Stored<AppointmentRow> => {
  return { meta: meta(more), row: appointmentRow(row) };
};
const drive = (more: Partial<RowMeta> = {}, row: Partial<TestDriveRow> = {}): Stored<TestDriveRow> => {
  return { meta: meta(more), row: testDriveRow(row) };
};

const SILENT = { live: false, birth: null };

interface Situation {
  readonly lead?: Stored<LeadRow>;
  readonly appointments?: readonly Stored<AppointmentRow>[];
  readonly testDrives?: readonly Stored<TestDriveRow>[];
  readonly emission?: Emission | null;
  readonly changedAt?: number;
  readonly versions?: readonly PayloadVersion[];
}

function tell(situation: Situation): LeadTold {
  const { appointments = [], testDrives = [], emission = null, changedAt = BORN, versions = EVERY } = situation;
  const mine = situation.lead ?? lead();
  const cluster: Cluster = { leads: [mine], appointments, testDrives };
  return tellLead(cluster, mine, emission, { changedAt, rules: { versions, purposes: { enums: new Set() } } });
}

/** The emission record after telling `situation`. */
function told(situation: Situation): Emission {
  const { emission } = tell(situation);
  if (emission === null) throw new Error('nothing was told');
  return emission;
}

const shown = ({ announcements }: LeadTold): string[] =>
  announcements.map(({ version, revision, cause }) => `${version} ${revision} ${cause}`);
const withheld = ({ suppressed }: LeadTold): string[] =>
  suppressed.map(({ version, reason }) => `${version} ${reason}`);

describe('the gate', () => {
  test.each<[string, Situation, PayloadVersion[]]>([
    ['a live lead', {}, ['v1', 'v2', 'v3']],
    ['a silent lead alone', { lead: lead(SILENT) }, []],
    ['a silent lead with a live test drive', { lead: lead(SILENT), testDrives: [drive()] }, ['v3']],
    ['a silent lead with a live listed appointment', { lead: lead(SILENT), appointments: [appointment()] }, ['v3']],
    [
      'a silent lead with a live appointment that is not listed',
      { lead: lead(SILENT), appointments: [appointment({}, { purpose: 'Service' })] },
      [],
    ],
    [
      'a silent lead with silent rows',
      { lead: lead(SILENT), testDrives: [drive(SILENT)], appointments: [appointment(SILENT)] },
      [],
    ],
  ])('of %s opens %j', (_what, situation, versions) => {
    const result = tell(situation);
    expect(result.announcements.map(({ version }) => version)).toEqual(versions);
    expect(withheld(result)).toEqual(EVERY.filter((one) => !versions.includes(one)).map((one) => `${one} silent`));
  });

  test('that is closed lets nothing be remembered', () => {
    expect(tell({ lead: lead(SILENT) }).emission).toBeNull();
  });

  test('is asked for no more once a version was announced', () => {
    const emission = told({});
    const silent = tell({ lead: lead(SILENT, { comments: '"new"' }), emission });
    expect(shown(silent)).toEqual(['v1 2 changed', 'v2 2 changed', 'v3 2 changed']);
  });

  test('opens later for the versions that it kept back, under the same lead’s next revision', () => {
    const emission = told({ lead: lead(SILENT), testDrives: [drive()] });
    const opened = tell({ lead: lead({ birth: null }), testDrives: [drive()], emission });
    expect(shown(opened)).toEqual(['v1 2 changed', 'v2 2 changed']);
    expect(withheld(opened)).toEqual(['v3 same']);
    expect(Object.keys(opened.emission?.hashes ?? {}).toSorted()).toEqual(['v1', 'v2', 'v3']);
  });
});

describe('a difference', () => {
  test('in nothing but updated_at is none (A3)', () => {
    const emission = told({});
    const again = tell({ lead: lead({}, { updated_at: '"2030-01-01T00:00:00.000Z"' }), emission });
    expect([shown(again), again.emission]).toEqual([[], null]);
    expect(withheld(again)).toEqual(['v1 same', 'v2 same', 'v3 same']);
  });

  test('is judged per version: an appointment changes v3 alone', () => {
    const emission = told({});
    const changed = tell({ appointments: [appointment()], emission });
    expect(shown(changed)).toEqual(['v3 2 changed']);
    expect(changed.emission?.hashes['v1']).toBe(emission.hashes['v1']);
    expect(changed.emission?.hashes['v3']).not.toBe(emission.hashes['v3']);
  });

  test('away and back is two differences, and the body is the first one again', () => {
    const first = told({});
    const second = told({ lead: lead({}, { comments: null }), emission: first });
    const third = told({ emission: second });
    expect(third).toEqual({ ...first, n: 3 });
  });

  test('of a version that is not emitted is no matter', () => {
    expect(shown(tell({ versions: ['v2'] }))).toEqual(['v2 1 created']);
    expect(Object.keys(told({ versions: ['v2'] }).hashes)).toEqual(['v2']);
  });
});

describe('a revision', () => {
  test('is moves · 2^32 + n; n grows by one for all versions of a telling together', () => {
    const mine = lead({ moves: 3 });
    const emission = told({ lead: mine });
    expect(emission).toMatchObject({ moves: 3, n: 1 });
    const next = tell({ lead: lead({ moves: 3 }, { comments: null }), emission });
    expect(next.announcements.map(({ revision }) => revision)).toEqual(Array(3).fill(3 * MOVED + 2));
  });

  test('starts anew above every old one when the lead has moved: what was told at other moves counts as absent', () => {
    const emission = { ...told({}), n: 4_000_000_000 };
    const moved = tell({ lead: lead({ moves: 1 }), emission });
    expect(moved.announcements.map(({ revision }) => revision)).toEqual(Array(3).fill(MOVED + 1));
    expect(moved.emission).toMatchObject({ moves: 1, n: 1 });
    expect(MOVED + 1).toBeGreaterThan(4_000_000_000);
  });

  test('of a moved lead is told though its body is as before, but only through an open gate', () => {
    const emission = told({});
    expect(tell({ lead: lead({ moves: 1 }), emission }).announcements).toHaveLength(3);
    expect(tell({ lead: lead({ moves: 1, ...SILENT }), emission }).announcements).toEqual([]);
  });
});

describe('the cause', () => {
  test.each<[string, Partial<RowMeta>, number, 'created' | 'changed']>([
    ['a lead that never moved', {}, BORN + 400 * DAY_MS, 'created'],
    ['a lead that never moved in its generation', { moves: 65_536 }, BORN + 400 * DAY_MS, 'created'],
    ['a lead that moved just before a day was over', { moves: 1 }, BORN + DAY_MS - 1, 'created'],
    ['a lead that moved when a day was over', { moves: 1 }, BORN + DAY_MS, 'changed'],
    ['a lead that was born silent', { birth: null }, BORN, 'changed'],
    ['a lead that was born silent and moved', { birth: null, moves: 2 }, BORN, 'changed'],
  ])('of the first telling of %s', (_what, about, changedAt, cause) => {
    const result = tell({ lead: lead(about), changedAt });
    expect(new Set(result.announcements.map((one) => one.cause))).toEqual(new Set([cause]));
  });

  test('of a version that is told for the first time is its own, beside others that changed', () => {
    const emission = told({ versions: ['v1'] });
    const changed = tell({ lead: lead({}, { comments: null }), emission });
    expect(shown(changed)).toEqual(['v1 2 changed', 'v2 2 created', 'v3 2 created']);
  });
});

describe('a field that nobody knows', () => {
  test('of the lead keeps back every version, told before or not', () => {
    const unknown = lead({ unknown: ['comments'] });
    expect(withheld(tell({ lead: unknown }))).toEqual(EVERY.map((version) => `${version} unknown-field`));
    expect(tell({ lead: unknown, emission: told({}) }).announcements).toEqual([]);
  });

  test.each<[string, Situation]>([
    ['a test drive', { testDrives: [drive({ unknown: ['stock_car_display_name'] })] }],
    ['a listed appointment', { appointments: [appointment({ unknown: ['note'] })] }],
    [
      'an appointment whose purpose it is, listed or not',
      { appointments: [appointment({ unknown: ['purpose'] }, { purpose: null })] },
    ],
  ])('of %s keeps back v3 alone', (_what, situation) => {
    const result = tell(situation);
    expect(result.announcements.map(({ version }) => version)).toEqual(['v1', 'v2']);
    expect(withheld(result)).toEqual(['v3 unknown-field']);
  });

  test('of an appointment that is not listed is no matter', () => {
    const service = appointment({ unknown: ['note'] }, { purpose: 'Service' });
    expect(tell({ appointments: [service] }).announcements).toHaveLength(3);
  });
});

describe('what else is told', () => {
  test.each([
    ['3', '3'],
    ['"dealer-3"', 'dealer-3'],
    [null, ''],
  ])('the dealership %j goes into the header as %j', (id, header) => {
    const { announcements } = tell({ lead: lead({}, { dealership: { id, name: null, slug: null } }) });
    expect(announcements[0]?.dealershipId).toBe(header);
  });

  test('each announcement carries the lead, the time of the change and the body of its version', () => {
    const { announcements } = tell({ changedAt: BORN + 5, testDrives: [drive()] });
    for (const { leadId, changedAt } of announcements) expect([leadId, changedAt]).toEqual(['138559', BORN + 5]);
    const bodies = announcements.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(bodies.map((body) => body['has_test_drives'])).toEqual([undefined, undefined, true]);
  });

  test('a test drive that the cluster does not have and a zone that nobody knows are doubts, not errors (A16, A24)', () => {
    const result = tell({ lead: lead({}, { time_zone: 'Mars/Olympus' }), appointments: [appointment()] });
    expect(result.doubts).toEqual({ testDrivesNotFound: 1, unknownZone: true });
    expect(result.announcements).toHaveLength(3);
    expect(tell({ appointments: [appointment()], testDrives: [drive()] }).doubts).toEqual({
      testDrivesNotFound: 0,
      unknownZone: false,
    });
  });
});
