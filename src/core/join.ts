/**
 * The join's decision: what a cluster as it now is has to tell about each of its leads. Pure; who keeps the state and how it
 * is read back is `join-batch.ts`' business, so that a load can rebuild the state without announcing anything.
 *
 * A version of a lead's payload is announced
 *  - for the first time when its *gate* is open: a row that its body shows is live;
 *  - after that whenever its body differs from the last one announced, `updated_at` aside (A3).
 * While the gate is closed nothing is told and nothing is remembered: no receiver holds a body that could go stale.
 */
import { digest } from '../lib/hash.ts';
import { type Emission, hasMoved, revisionOf } from './emission.ts';
import { isListed, type PurposeRule } from './payload/purpose.ts';
import { type PayloadVersion, VERSIONS } from './payload/versions.ts';
import type { AppointmentRow, LeadRow, TestDriveRow } from './rows.ts';
import type { RowMeta } from './stored-row.ts';
import { resolveZone } from './time-zone.ts';

export interface Stored<R> {
  readonly meta: RowMeta;
  readonly row: R;
}

/** All rows of one lead cluster, decoded, in no particular order. */
export interface Cluster {
  readonly leads: readonly Stored<LeadRow>[];
  readonly appointments: readonly Stored<AppointmentRow>[];
  readonly testDrives: readonly Stored<TestDriveRow>[];
}

export interface JoinRules {
  readonly versions: readonly PayloadVersion[];
  readonly purposes: PurposeRule;
}

/** A payload to be put on the outbound topic. */
export interface Announcement {
  readonly leadId: string;
  readonly version: PayloadVersion;
  readonly revision: number;
  readonly cause: 'created' | 'changed';
  /** Decimal text; empty if the lead has no dealership. */
  readonly dealershipId: string;
  readonly changedAt: number;
  readonly body: string;
}

/** Why a version was not announced; a metric label. */
export type Suppressed = 'same' | 'silent' | 'unknown-field';

export interface LeadTold {
  readonly announcements: readonly Announcement[];
  /** The lead's new emission record; null = as before. */
  readonly emission: Emission | null;
  readonly suppressed: readonly { version: PayloadVersion; reason: Suppressed }[];
  /** Listed appointments whose test drive the cluster does not have (A16), and a zone that nobody knows (A24). */
  readonly doubts: { readonly testDrivesNotFound: number; readonly unknownZone: boolean };
}

const CREATED_WITHIN_MS = 24 * 60 * 60 * 1000;

/**
 * Decides what is told about one lead. `emission` is what was told before in this cluster; one with other `moves` counts as
 * absent, so a lead that comes back is announced anew. `changedAt`: commit time (ms) of the cluster's newest change.
 */
export function tellLead(
  cluster: Cluster,
  lead: Stored<LeadRow>,
  emission: Emission | null,
  context: { readonly changedAt: number; readonly rules: JoinRules },
): LeadTold {
  const { changedAt, rules } = context;
  const before = emission !== null && emission.moves === lead.meta.moves ? emission : null;
  const n = (before?.n ?? 0) + 1;
  const hashes: Record<string, string> = { ...before?.hashes };
  const announcements: Announcement[] = [];
  const suppressed: { version: PayloadVersion; reason: Suppressed }[] = [];
  const zone = resolveZone(lead.row.time_zone);
  let testDrivesNotFound = 0;
  const view = {
    lead: lead.row,
    appointments: cluster.appointments.map((stored) => stored.row),
    testDrives: cluster.testDrives.map((stored) => stored.row),
    zone: zone.zone,
    purposes: rules.purposes,
  };
  for (const { version, render, usesCluster } of VERSIONS) {
    if (!rules.versions.includes(version)) continue;
    const shown = usesCluster ? shownRows(cluster, lead, rules.purposes) : [lead.meta];
    const told = hashes[version];
    if (shown.some((meta) => meta.unknown.length > 0)) {
      suppressed.push({ version, reason: 'unknown-field' });
      continue;
    }
    if (told === undefined && !shown.some((meta) => meta.live)) {
      suppressed.push({ version, reason: 'silent' });
      continue;
    }
    const rendered = render(view);
    testDrivesNotFound += rendered.testDrivesNotFound;
    const hash = digest(rendered.hashText);
    if (told === hash) {
      suppressed.push({ version, reason: 'same' });
      continue;
    }
    hashes[version] = hash;
    announcements.push({
      leadId: lead.row.id,
      version,
      revision: revisionOf(lead.meta.moves, n),
      cause: told === undefined ? firstCause(lead.meta, changedAt) : 'changed',
      dealershipId: plainId(lead.row.dealership.id),
      changedAt,
      body: rendered.body,
    });
  }
  const next = announcements.length > 0 ? { moves: lead.meta.moves, n, hashes } : null;
  return { announcements, emission: next, suppressed, doubts: { testDrivesNotFound, unknownZone: !zone.known } };
}

/** The rows whose content a v3 body shows: the lead, the cluster's test drives, its listed appointments. */
function shownRows(cluster: Cluster, lead: Stored<LeadRow>, purposes: PurposeRule): RowMeta[] {
  const shown = [lead.meta];
  for (const drive of cluster.testDrives) shown.push(drive.meta);
  for (const { row, meta } of cluster.appointments) {
    if (meta.unknown.includes('purpose') || isListed(row, purposes)) shown.push(meta);
  }
  return shown;
}

function firstCause(meta: RowMeta, changedAt: number): 'created' | 'changed' {
  if (meta.birth === null) return 'changed';
  return !hasMoved(meta.moves) || changedAt - meta.birth < CREATED_WITHIN_MS ? 'created' : 'changed';
}

/** The dealership's id as header text: a JSON number as it is, a JSON string without its quotes, null as nothing. */
function plainId(fragment: string | null): string {
  if (fragment === null) return '';
  return fragment.startsWith('"') ? fragment.slice(1, -1) : fragment;
}
