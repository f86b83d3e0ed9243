/**
 * The demo's story as a list of steps: what changes in the dealers' database, what the receivers answer, and which bodies
 * they must end up with. It is written from the documented payload, not from the code that renders it, so that telling it is
 * also a test. Who tells and who checks stands elsewhere (story-run.ts, story-check.ts).
 */
import type { Table } from '../../core/source-event.ts';
import type { Answer } from '../receiver.ts';
import type { ColumnValue, SourceRow } from '../source-database.ts';
import { appointmentRow, LEAD_STATUSES, type LeadFacts, leadRow, testDriveRow } from '../source-rows.ts';
import { type Body, baseBody, withCluster } from './bodies.ts';
import { ARCHIVE, COROLLA, CRM, type DemoEndpoint, DMS, FORESTER, HARBOUR, MIA, ORANGE, ZOE } from './cast.ts';

/** One statement in the dealers' database. */
export type Statement =
  | { readonly insert: Table; readonly row: SourceRow }
  | { readonly update: Table; readonly id: number; readonly columns: Readonly<Record<string, ColumnValue>> };

/** A failure on purpose: the next request at the endpoint gets it. */
export interface Failure {
  readonly endpoint: DemoEndpoint;
  readonly answer: NonNullable<Answer>;
  /** What must follow: the same delivery again, or a newer revision in its place. */
  readonly next: 'same' | 'newer';
}

/** What a receiver must hold at the end of a step. */
export interface Expectation {
  readonly endpoint: DemoEndpoint;
  readonly lead: number;
  readonly body: Body;
}

export interface Step {
  /** One or two sentences for the person who watches. */
  readonly title: string;
  readonly statements: readonly Statement[];
  readonly failure?: Failure;
  /** Happen as soon as the failure was answered. */
  readonly meanwhile?: readonly Statement[];
  readonly expect: readonly Expectation[];
}

const MADE_MS = Date.parse('2025-09-16T00:30:52.297Z');
const MIAS_CLUSTER = 289;
const OTHER_CLUSTER = 290;
const CALL_BACK = { comments: 'Please call after five' };
const STATUS = { contacted: LEAD_STATUSES[1], qualified: LEAD_STATUSES[2], sold: LEAD_STATUSES[4] };
const SAM = { id: 88, name: 'Sam Field', email: 'sam@orange-motor-group.example' };

const first: LeadFacts = {
  id: 138559,
  cluster: MIAS_CLUSTER,
  person: MIA,
  car: FORESTER,
  dealership: ORANGE,
  category: 'Used Vehicle Enquiry',
  atMs: MADE_MS,
};
const second: LeadFacts = { ...first, id: 138560, cluster: OTHER_CLUSTER, category: 'Sell My Car Enquiry' };
const zoes: LeadFacts = { ...first, id: 138601, cluster: 301, person: ZOE, car: COROLLA, dealership: HARBOUR };

const DRIVE = 512;
const APPOINTMENT = 9041;
const startsAtMs = Date.parse('2025-09-18T02:00:00Z');
const booked = appointmentRow({ id: APPOINTMENT, cluster: MIAS_CLUSTER, testDrive: DRIVE, startsAtMs, note: null });

/** The appointment as v3 shows it: wall clock of Brisbane, and the car once the test drive is recorded. */
function shown(car: string | null): Body {
  return {
    id: APPOINTMENT,
    ai_generated: false,
    user_id: 88,
    starts_at: '2025-09-18 12:00:00',
    status: 'pending',
    length_in_minutes: 30,
    note: null,
    location_id: 12,
    car_for_test_drive: car,
  };
}

/** What differs from the first body, growing step by step. */
const driven = { has_test_drives: true, appointments: [shown('2018 Subaru Forester Sport')] };
const called = { ...driven, lead_status_option: STATUS.contacted, updated_at: '2025-09-16T00:32:52.297Z' };
const taken = { ...called, assigned_salesperson: SAM };
const calmed = { ...taken, ...CALL_BACK, lead_status_option: STATUS.qualified };
const merged = { ...calmed, lead_cluster_id: OTHER_CLUSTER };
const bought = { ...merged, lead_status_option: STATUS.sold };

/** What the CRM must hold of the first lead. */
function mia(changes: Body): Expectation {
  return { endpoint: CRM, lead: first.id, body: { ...withCluster(baseBody(first)), ...changes } };
}

function updateFirst(columns: Readonly<Record<string, ColumnValue>>): Statement {
  return { update: 'lead', id: first.id, columns };
}

export const STORY: readonly Step[] = [
  {
    title: 'A lead arrives: Mia asks about a Subaru Forester.',
    statements: [{ insert: 'lead', row: leadRow(first) }],
    expect: [mia({}), { endpoint: ARCHIVE, lead: first.id, body: baseBody(first) }],
  },
  {
    title: 'Another dealership has another receiver, another version of the payload and another kind of token.',
    statements: [{ insert: 'lead', row: leadRow(zoes) }],
    expect: [{ endpoint: DMS, lead: zoes.id, body: baseBody(zoes) }],
  },
  {
    title: 'Mia gets an appointment. The test drive it is for is not recorded yet, so it has no car.',
    statements: [{ insert: 'appointment', row: booked }],
    expect: [mia({ appointments: [shown(null)] })],
  },
  {
    title: 'The test drive is recorded: now the appointment has its car.',
    statements: [{ insert: 'test_drive', row: testDriveRow({ id: DRIVE, cluster: MIAS_CLUSTER, car: FORESTER }) }],
    expect: [mia(driven)],
  },
  {
    title: 'Somebody saves the lead without a change: nothing to tell.',
    statements: [updateFirst({ updated_at: (MADE_MS + 60_000) * 1000 })],
    expect: [],
  },
  {
    title: 'Mia was called. The receiver answers 500: the same webhook is sent again.',
    statements: [updateFirst({ lead_status_option: STATUS.contacted, updated_at: (MADE_MS + 120_000) * 1000 })],
    failure: { endpoint: CRM, answer: { status: 500 }, next: 'same' },
    expect: [mia(called)],
  },
  {
    title: 'Sam takes over. The receiver answers 429 and asks for a second of patience: it gets it.',
    statements: [updateFirst({ assigned_salesperson: SAM })],
    failure: { endpoint: CRM, answer: { status: 429, headers: { 'retry-after': '1' } }, next: 'same' },
    expect: [mia(taken)],
  },
  {
    title:
      'Two changes while the receiver is away for a second (503): only the newest is sent, in place of the old one.',
    statements: [updateFirst(CALL_BACK)],
    failure: { endpoint: CRM, answer: { status: 503, headers: { 'retry-after': '1' } }, next: 'newer' },
    meanwhile: [updateFirst({ lead_status_option: STATUS.qualified })],
    expect: [mia(calmed)],
  },
  {
    title: 'A second lead arrives, in a cluster of its own: Mia wants to sell her old car.',
    statements: [{ insert: 'lead', row: leadRow(second) }],
    expect: [
      { endpoint: CRM, lead: second.id, body: withCluster(baseBody(second)) },
      { endpoint: ARCHIVE, lead: second.id, body: baseBody(second) },
    ],
  },
  {
    title:
      'It is the same Mia: two clusters merge. Three tables change, in any order; both leads show the appointment.',
    statements: [
      { update: 'test_drive', id: DRIVE, columns: { lead_cluster_id: OTHER_CLUSTER } },
      { update: 'appointment', id: APPOINTMENT, columns: { lead_cluster_id: OTHER_CLUSTER } },
      updateFirst({ lead_cluster_id: OTHER_CLUSTER }),
    ],
    expect: [mia(merged), { endpoint: CRM, lead: second.id, body: { ...withCluster(baseBody(second)), ...driven } }],
  },
  {
    title: 'Mia buys the Forester.',
    statements: [updateFirst({ lead_status_option: STATUS.sold })],
    expect: [mia(bought)],
  },
];
