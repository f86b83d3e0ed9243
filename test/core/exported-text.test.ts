import { describe, expect, test } from 'vitest';
import { exportedText } from '../../src/core/exported-text.ts';
import type { LeadRow } from '../../src/core/rows.ts';
import { appointmentRow, leadRow, testDriveRow } from '../support/rows.ts';

/** Every path to a leaf of a row. */
function paths(value: object, prefix: string[] = []): string[][] {
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'object' && inner !== null ? paths(inner, [...prefix, key]) : [[...prefix, key]],
  );
}

/** A copy in which the leaf at `path` has another value. */
function altered<T extends object>(row: T, path: string[]): T {
  const copy = structuredClone(row);
  let at = copy as Record<string, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  const leaf = path.at(-1) ?? '';
  at[leaf] = typeof at[leaf] === 'boolean' ? !at[leaf] : typeof at[leaf] === 'number' ? at[leaf] + 1 : '"altered"';
  return copy;
}

describe.each([
  ['lead', leadRow()],
  ['appointment', appointmentRow()],
  ['test_drive', testDriveRow()],
] as const)('%s', (table, row) => {
  const silent = new Set(['id', 'updated_at']);

  test.each(paths(row).filter((path) => !silent.has(path.join('.'))))('a difference in %s shows', (...path) => {
    const changed = altered(
      row,
      path.filter((key) => typeof key === 'string'),
    );
    expect(exportedText(table, changed)).not.toBe(exportedText(table, row));
  });

  test('is JSON', () => {
    expect(Array.isArray(JSON.parse(exportedText(table, row)))).toBe(true);
  });
});

test('updated_at alone is no difference (A3)', () => {
  expect(exportedText('lead', leadRow({ updated_at: '"2026-01-01T00:00:00.000Z"' }))).toBe(
    exportedText('lead', leadRow()),
  );
});

test('the order in which a row was built is no difference', () => {
  const reversed = Object.fromEntries(Object.entries(leadRow()).reverse()) as unknown as LeadRow;
  expect(exportedText('lead', reversed)).toBe(exportedText('lead', leadRow()));
});

test('a value in one column is not the same value in the next', () => {
  const left = leadRow({ lost_reason: '"x"', lost_reason_comment: null });
  const right = leadRow({ lost_reason: null, lost_reason_comment: '"x"' });
  expect(exportedText('lead', left)).not.toBe(exportedText('lead', right));
  expect(exportedText('appointment', appointmentRow({ purpose: 'null' }))).not.toBe(
    exportedText('appointment', appointmentRow({ purpose: null })),
  );
});
