/**
 * The contract between the join and the payload renderers: what a renderer is given about one lead, and what it gives
 * back. It holds types only, so that a renderer that was released never changes because this file grew a function.
 */
import type { AppointmentRow, LeadRow, TestDriveRow } from '../rows.ts';
import type { PurposeRule } from './purpose.ts';

/** One lead and its cluster at one moment. Deleted rows are not in it (A7). */
export interface LeadView {
  readonly lead: LeadRow;
  /** All appointments of the lead's cluster, whatever their purpose and status, in any order. */
  readonly appointments: readonly AppointmentRow[];
  /** All test drives of the lead's cluster, in any order. */
  readonly testDrives: readonly TestDriveRow[];
  /** IANA zone of the lead's dealership, as `resolveZone` gives it. */
  readonly zone: string;
  readonly purposes: PurposeRule;
}

export interface Rendered {
  /** Compact JSON, byte for byte what is put on the outbound topic and posted. */
  readonly body: string;
  /** The body without the value of `updated_at`, which alone is no change (A3). For a hash only: it is no JSON. */
  readonly hashText: string;
  /** Listed appointments that refer to a test drive which the cluster does not have; their car is null (A16). */
  readonly testDrivesNotFound: number;
}

/** A payload version's renderer: pure, total, and frozen once its version was released. */
export type Render = (view: LeadView) => Rendered;
