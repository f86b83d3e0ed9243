/**
 * Reads the columns of one source row by name, for the builders in lead.ts, appointment.ts and test-drive.ts. It keeps the
 * first refusal (the row is then a bad record), the fields whose column held Debezium's placeholder for an unchanged TOAST
 * value, and the count of object columns that held no object. A missing column reads as null.
 */
import {
  booleanFragment,
  dateFragment,
  instantFragment,
  instantMicros,
  integerId,
  type JsonTimeUnit,
  jsonFragment,
  numberFragment,
  passedFragment,
  plainText,
  Refusal,
  timeFragment,
} from './cells.ts';
import { kindOf, members } from './json.ts';
import { shortestNumber } from './json-number.ts';
import type { Fragment, Fragments } from './rows.ts';
import type { BadRecord, Cell, Cells } from './source-event.ts';

/** How columns are read where the record itself does not say it. */
export interface ReadingRules {
  /** The text that stands for an unchanged TOAST value (`__debezium_unavailable_value`). */
  readonly unavailablePlaceholder: string;
  readonly jsonTimeUnit: JsonTimeUnit;
}

/** The members of an object column, by name, as compact JSON. */
export type Members = ReadonlyMap<string, string>;

const NO_MEMBERS: Members = new Map();

export class RowReader {
  readonly #cells: Cells;
  readonly #rules: ReadingRules;
  readonly #unavailable: string[] = [];
  #scalarObjects = 0;
  #bad: BadRecord | null = null;

  /** `cells` are the `after` of an upsert. */
  constructor(cells: Cells, rules: ReadingRules) {
    this.#cells = cells;
    this.#rules = rules;
  }

  /** The first column that could not be read, or null: then the row is whole. */
  get bad(): BadRecord | null {
    return this.#bad;
  }

  /** Row fields whose column held the placeholder. */
  get unavailable(): readonly string[] {
    return this.#unavailable;
  }

  /** Object columns (and `prospect.address`) that held a scalar or an array. */
  get scalarObjects(): number {
    return this.#scalarObjects;
  }

  /** The cell of `column`; null when it is missing or unavailable, and then `fields` are noted as unavailable. */
  cell(column: string, fields: readonly string[] = [column]): Cell {
    const cell = this.#cells[column] ?? null;
    if (cell === null || cell.t !== 'text' || cell.v !== this.#rules.unavailablePlaceholder) return cell;
    this.#unavailable.push(...fields);
    return null;
  }

  /** A text column that goes into the payload as it is. */
  passed(column: string): Fragment {
    return this.#accept(column, passedFragment(this.cell(column)));
  }

  /** A text column that is compared or looked up. */
  text(column: string): string | null {
    return this.#accept(column, plainText(this.cell(column)));
  }

  /** As `text`, but a value of blanks is null (A14). */
  name(column: string): string | null {
    const text = this.text(column);
    return text === null || text.trim() === '' ? null : text;
  }

  /** An id: int64 as decimal text. */
  integer(column: string): string | null {
    return this.#accept(column, integerId(this.cell(column)));
  }

  /** A number to the digit. */
  number(column: string): Fragment {
    return this.#accept(column, numberFragment(this.cell(column)));
  }

  /** A boolean. */
  boolean(column: string): Fragment {
    return this.#accept(column, booleanFragment(this.cell(column)));
  }

  /** A timestamp as the payload's text; `field` is its name in the row. */
  instant(column: string, field: string): Fragment {
    return this.#accept(column, instantFragment(this.cell(column, [field]), this.#rules.jsonTimeUnit));
  }

  /** A timestamp as microseconds since the epoch. */
  micros(column: string): number | null {
    return this.#accept(column, instantMicros(this.cell(column), this.#rules.jsonTimeUnit));
  }

  /** A date column or a text that speaks of a date. */
  date(column: string): Fragment {
    return this.#accept(column, dateFragment(this.cell(column)));
  }

  /** A time column or a text that speaks of a time. */
  time(column: string): Fragment {
    return this.#accept(column, timeFragment(this.cell(column)));
  }

  /** A free-form JSON column, untouched but for whitespace; null, JSON null and missing give `empty` (A27). */
  freeForm(column: string, empty: '{}' | '[]'): string {
    const fragment = this.#accept(column, jsonFragment(this.cell(column)));
    return fragment === null || fragment === 'null' ? empty : fragment;
  }

  /** The members of an object column; none when it is null or missing (A17, A18), or holds a scalar or an array (counted). */
  members(column: string, fields: readonly string[] = [column]): Members {
    const cell = this.cell(column, fields);
    if (cell === null) return NO_MEMBERS;
    if (cell.t === 'text' || cell.t === 'json') {
      const found = members(cell.v);
      if (found !== null) return found;
    }
    const fragment = this.#accept(column, jsonFragment(cell));
    return fragment === null ? NO_MEMBERS : this.nested(fragment);
  }

  /** The members of an object inside an object column, under the same rule. */
  nested(fragment: string | undefined): Members {
    if (fragment === undefined || fragment === 'null') return NO_MEMBERS;
    if (kindOf(fragment) === 'object') return members(fragment) ?? NO_MEMBERS;
    this.#scalarObjects++;
    return NO_MEMBERS;
  }

  #accept<T>(column: string, value: T | Refusal): T | null {
    if (!(value instanceof Refusal)) return value;
    this.#bad ??= { kind: 'bad', code: value.code, message: `column ${column}: expected ${value.expected}` };
    return null;
  }
}

/** Exactly `keys` of an object, in their order; what is not there is null (A17), what is more is dropped (A35). */
export function pick<K extends string>(keys: readonly K[], from: Members): Fragments<K> {
  const picked = {} as Fragments<K>;
  for (const key of keys) picked[key] = leaf(from.get(key));
  return picked;
}

/** One value inside an object: a number in its shortest form, anything else as it stands (A19: strings stay strings). */
export function leaf(fragment: string | undefined): Fragment {
  if (fragment === undefined) return null;
  const kind = kindOf(fragment);
  if (kind === 'number') return shortestNumber(fragment);
  return kind === 'null' ? null : fragment;
}
