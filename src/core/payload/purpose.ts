/**
 * Which appointments payload v3 lists: those whose purpose is Test Drive, however the source spells it. The join asks the
 * same question for the version's gate, so the rule has a file of its own; it is frozen with v3. Status is no part of it: a
 * cancelled appointment is listed (A11).
 */
import type { AppointmentRow } from '../rows.ts';

/** Which purposes make an appointment a test drive beside the spellings of `Test Drive` (A10). */
export interface PurposeRule {
  /** Integer enum values of the source that mean Test Drive, as decimal text. */
  readonly enums: ReadonlySet<string>;
}

/**
 * Whether v3 lists `row`: its purpose reads `test drive` when case, white space, `_` and `-` do not count, or is one of the
 * integer enum values that the configuration names (A10). No purpose is not listed. The cluster is not looked at.
 */
export function isListed(row: AppointmentRow, rule: PurposeRule): boolean {
  const { purpose } = row;
  if (purpose === null) return false;
  if (purpose === 'Test Drive' || rule.enums.has(purpose)) return true;
  return purpose.replace(/[\s_-]+/g, '').toLowerCase() === 'testdrive';
}
