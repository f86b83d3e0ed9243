/** Cells for tests, written as plain values: a string is a text cell, a number a number cell. */
import type { ReadingRules } from '../../src/core/row-reader.ts';
import type { Cell, Cells } from '../../src/core/source-event.ts';

export const PLACEHOLDER = '__debezium_unavailable_value';

export const READING_RULES: ReadingRules = { unavailablePlaceholder: PLACEHOLDER, jsonTimeUnit: 'micros' };

/** Columns as a decoder gives them; a value that is an object is taken as the cell itself. */
export function columns(values: Record<string, string | number | boolean | Cell>): Cells {
  const cells: Record<string, Cell> = Object.create(null);
  for (const [column, value] of Object.entries(values)) cells[column] = cell(value);
  return cells;
}

function cell(value: string | number | boolean | Cell): Cell {
  if (typeof value === 'string') return { t: 'text', v: value };
  if (typeof value === 'number') return { t: 'number', v: String(value) };
  return typeof value === 'boolean' ? { t: 'bool', v: value } : value;
}
