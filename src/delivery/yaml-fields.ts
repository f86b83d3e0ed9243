/**
 * Reads a YAML mapping field by field and remembers every mistake with its line and path, so that an operator sees all of
 * them at once. A field that nobody asked for is a mistake too: `finish` names it. Knows YAML, not endpoints.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml';
import { nearest } from '../lib/nearest.ts';

/** One thing wrong in the file. Never contains a secret; `line` counts from 1. */
export interface Mistake {
  readonly line: number;
  /** `endpoints[0].limits.concurrency`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong and what is allowed. */
  readonly message: string;
}

/** A value that was not given, or was wrong and has been reported: take the default and go on. */
export type Missing = undefined;

/** What all fields of one file share. */
export interface YamlSource {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly mistakes: Mistake[];
}

/** One entry of a list, or one field, with where it stands. */
export interface Item {
  readonly node: Node | null;
  readonly path: string;
  readonly line: number;
}

/** A mapping under inspection. Every getter reports what is wrong and then returns undefined. */
export class Fields {
  readonly #source: YamlSource;
  readonly #path: string;
  readonly #line: number;
  readonly #items = new Map<string, Item>();
  readonly #asked = new Set<string>();

  private constructor(source: YamlSource, item: Item) {
    this.#source = source;
    this.#path = item.path;
    this.#line = item.line;
  }

  /** Opens `item` as a mapping; reports and returns undefined when it is none. */
  static open(source: YamlSource, item: Item): Fields | Missing {
    const node = item.node;
    if (!isMap(node)) {
      source.mistakes.push({ line: item.line, path: item.path, message: 'must be a mapping of names to values' });
      return undefined;
    }
    const fields = new Fields(source, item);
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      const path = item.path === '' ? key : `${item.path}.${key}`;
      const line = lineOf(source, pair.key, item.line);
      fields.#items.set(key, { node: resolve(source, pair.value), path, line });
    }
    return fields;
  }

  /** The fields' names as written, in their order. */
  names(): string[] {
    return [...this.#items.keys()];
  }

  /** Whether the field is there with a value other than null. Does not count as asking for it. */
  has(name: string): boolean {
    const node = this.#items.get(name)?.node;
    return node !== undefined && node !== null && !(isScalar(node) && node.value === null);
  }

  /** The field as it stands; undefined when it is missing or null. */
  item(name: string): Item | Missing {
    this.#asked.add(name);
    return this.has(name) ? this.#items.get(name) : undefined;
  }

  /** The plain value of a field (for comparison with a fixed default); undefined when missing. */
  plain(name: string): unknown {
    const item = this.item(name);
    return item?.node?.toJS(this.#source.document);
  }

  /** A text; a number or boolean is a mistake, since YAML would have changed its spelling. */
  text(name: string, allowed: string, accepts: (text: string) => boolean = () => true): string | Missing {
    return this.#scalar(name, allowed, (value) => typeof value === 'string' && accepts(value)) as string | Missing;
  }

  /** One of `choices`. */
  choice<T extends string>(name: string, choices: readonly T[]): T | Missing {
    const allowed = `must be one of ${choices.join(', ')}`;
    return this.#scalar(name, allowed, (value) => choices.some((choice) => choice === value)) as T | Missing;
  }

  /** true or false. */
  boolean(name: string): boolean | Missing {
    return this.#scalar(name, 'must be true or false', (value) => typeof value === 'boolean') as boolean | Missing;
  }

  /** A whole number from `min` to `max`, both included; `unit` is for the message. */
  integer(name: string, range: { min: number; max: number; unit: string }): number | Missing {
    const allowed = `must be a whole number of ${range.unit} from ${range.min} to ${range.max}`;
    return this.#scalar(name, allowed, (value) => {
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= range.min && value <= range.max;
    }) as number | Missing;
  }

  /** A number from `min` to `max`, both included; `unit` is for the message. */
  number(name: string, range: { min: number; max: number; unit: string }): number | Missing {
    const allowed = `must be a number of ${range.unit} from ${range.min} to ${range.max}`;
    return this.#scalar(name, allowed, (value) => {
      return typeof value === 'number' && value >= range.min && value <= range.max;
    }) as number | Missing;
  }

  /** The entries of a list; empty when missing. */
  list(name: string): Item[] {
    const item = this.item(name);
    if (!item) return [];
    if (!isSeq(item.node)) {
      this.mistake(name, 'must be a list');
      return [];
    }
    return item.node.items.map((entry, index) => {
      const node = resolve(this.#source, entry);
      return { node, path: `${item.path}[${index}]`, line: lineOf(this.#source, entry, item.line) };
    });
  }

  /** A nested mapping; undefined when missing. */
  fields(name: string): Fields | Missing {
    const item = this.item(name);
    return item && Fields.open(this.#source, item);
  }

  /** Reports that a required field is missing, unless it is there; returns whether it is. */
  require(name: string, allowed: string): boolean {
    if (this.has(name)) return true;
    this.#asked.add(name);
    this.#source.mistakes.push({ line: this.#line, path: this.#path, message: `${name} is missing: ${allowed}` });
    return false;
  }

  /** Reports a mistake at a field. */
  mistake(name: string, message: string): void {
    const item = this.#items.get(name);
    const path = item?.path ?? (this.#path === '' ? name : `${this.#path}.${name}`);
    this.#source.mistakes.push({ line: item?.line ?? this.#line, path, message });
  }

  /** Reports every field that was never asked for, with the names that are allowed. */
  finish(): void {
    for (const name of this.#items.keys()) {
      if (this.#asked.has(name)) continue;
      const meant = nearest(name, this.#asked);
      const hint = meant === null ? '' : `; did you mean ${meant}?`;
      this.mistake(name, `is not known; allowed here: ${[...this.#asked].join(', ')}${hint}`);
    }
  }

  #scalar(name: string, allowed: string, accepts: (value: unknown) => boolean): unknown {
    const item = this.item(name);
    if (!item) return undefined;
    if (isScalar(item.node) && accepts(item.node.value)) return item.node.value;
    this.mistake(name, allowed);
    return undefined;
  }
}

/** The value of a list entry or field that is a scalar; undefined for a mapping or list. */
export function scalarValue(item: Item): unknown {
  return isScalar(item.node) ? item.node.value : undefined;
}

/** The line on which `node` begins, or `fallback` for a node without a place. */
function lineOf(source: YamlSource, node: unknown, fallback: number): number {
  const range = (node as { range?: [number, number, number] | null } | null)?.range;
  return range ? source.lines.linePos(range[0]).line : fallback;
}

function resolve(source: YamlSource, node: unknown): Node | null {
  if (isAlias(node)) return (node.resolve(source.document) as Node | undefined) ?? null;
  return (node as Node | null) ?? null;
}
