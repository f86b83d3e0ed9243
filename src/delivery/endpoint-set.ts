/**
 * The endpoints that are in effect, out of a file and a topic that both change. Its rule: a definition with mistakes is refused
 * by name and the one before it stays, so that a slip of the pen never stops a receiver, and never makes dead letters of what waits
 * for it. Where none was in effect before, what comes is held under the fields that say what the endpoint wants, as long as they are right
 * (held-back.ts); when they are not, nothing can be matched, and `unmatched` names the endpoint. An id that stands in both places belongs to whoever had it first. A definition that did not change stays the same object,
 * and with it its connections. Pure but for the secrets that it looks up; reads no file and no topic itself.
 */
import type { EndpointRow } from '../core/endpoint-row.ts';
import { differs } from './definition.ts';
import type { Endpoint } from './endpoint.ts';
import { type ParsedEndpoints, type ParseOptions, parseEndpoint, parseEndpoints } from './endpoints.ts';
import { heldBack } from './held-back.ts';
import type { Mistake } from './yaml-fields.ts';

export type Origin = 'file' | 'topic';

/** A definition that is not in effect, or not as it stands there. */
export interface Refused {
  readonly origin: Origin;
  /** null: a mistake of the file as a whole. */
  readonly id: string | null;
  readonly why: 'mistake' | 'defined-twice';
  /** One line each; never a secret. */
  readonly problems: readonly string[];
}

export interface EndpointSetOptions {
  /** Names for messages. */
  readonly fileName: string;
  readonly topicName: string;
  readonly file: ParseOptions;
  readonly topic: ParseOptions;
}

/** What came of reading the file; null = there is none. */
export type FileRead = { readonly text: string } | { readonly problem: string } | null;

interface InEffect {
  readonly origin: Origin;
  readonly endpoint: Endpoint;
}

/** What a new settlement has so far. */
interface Settling {
  readonly next: Map<string, InEffect>;
  readonly refused: Refused[];
  readonly unmatched: string[];
}

type ParsedRow = ReturnType<typeof parseEndpoint>;

const NOTHING: ParsedEndpoints = { endpoints: [], mistakes: [], refused: new Set() };

export class EndpointSet {
  readonly #options: EndpointSetOptions;
  #text: string | null = null;
  #unreadable: string | null = null;
  #file: ParsedEndpoints = NOTHING;
  #rows: ReadonlyMap<string, EndpointRow> = new Map();
  #earlier: ReadonlyMap<string, readonly EndpointRow[]> = new Map();
  #unmatched: readonly string[] = [];
  /** What was parsed of rows, so that one changed row costs the parsing of one. */
  #parsed = new Map<EndpointRow, ParsedRow>();
  #inEffect = new Map<string, InEffect>();
  #refused: readonly Refused[] = [];

  /** Nothing is defined yet. */
  constructor(options: EndpointSetOptions) {
    this.#options = options;
  }

  /** What is in effect. */
  get endpoints(): readonly Endpoint[] {
    return Array.from(this.#inEffect.values(), ({ endpoint }) => endpoint);
  }

  /** How many definitions of a place are in effect. */
  count(origin: Origin): number {
    return this.#inEffect
      .values()
      .filter((each) => each.origin === origin)
      .reduce((sum) => sum + 1, 0);
  }

  /** What is not in effect, or not as it stands there. */
  get refused(): readonly Refused[] {
    return this.#refused;
  }

  /**
   * The endpoints of the topic of which it is not known what they want: their definitions have mistakes in just those fields, and no other
   * one is known. Nothing is kept for them.
   */
  get unmatched(): readonly string[] {
    return this.#unmatched;
  }

  /** Takes the text of the file, and looks up all secrets again. While it cannot be read, the last text stays. */
  readAgain(file: FileRead): void {
    if (file !== null && 'text' in file) this.#text = file.text;
    this.#unreadable = file !== null && 'problem' in file ? file.problem : null;
    this.#file = this.#text === null ? NOTHING : parseEndpoints(this.#text, this.#options.file);
    this.#parsed = new Map();
    this.#settle();
  }

  /**
   * Takes the rows of the topic by endpoint id, all of them. A row that did not change is to be the same object.
   * @param earlier what the topic still holds from before a row, oldest first: it counts where the row has mistakes.
   */
  setRows(
    rows: ReadonlyMap<string, EndpointRow>,
    earlier: ReadonlyMap<string, readonly EndpointRow[]> = new Map(),
  ): void {
    this.#rows = new Map(rows);
    this.#earlier = new Map(earlier);
    this.#settle();
  }

  /**
   * The topic has removed an endpoint: what was in effect for it counts no more, however soon its next definition comes. To be
   * followed by `setRows`.
   */
  removed(id: string): void {
    if (this.#inEffect.get(id)?.origin === 'topic') this.#inEffect.delete(id);
  }

  #settle(): void {
    const next = new Map<string, InEffect>();
    const refused: Refused[] = [];
    this.#takeFile(next, refused);
    const parsed = new Map<EndpointRow, ParsedRow>();
    const unmatched: string[] = [];
    for (const [id, row] of this.#rows) {
      const read = this.#parsed.get(row) ?? this.#parse(row);
      parsed.set(row, read);
      this.#takeRow(id, { row, read }, { next, refused, unmatched });
    }
    this.#parsed = parsed;
    this.#unmatched = unmatched;
    this.#inEffect = next;
    this.#refused = refused;
  }

  #takeFile(next: Map<string, InEffect>, refused: Refused[]): void {
    const { endpoints, mistakes } = this.#file;
    for (const endpoint of endpoints) {
      const holder = this.#inEffect.get(endpoint.id)?.origin;
      if (holder === 'topic' && this.#rows.has(endpoint.id)) refused.push(this.#definedTwice('file', endpoint.id));
      else next.set(endpoint.id, this.#same('file', endpoint));
    }
    const { fileName } = this.#options;
    if (this.#unreadable !== null) {
      refused.push({ origin: 'file', id: null, why: 'mistake', problems: [`${fileName}: ${this.#unreadable}`] });
    }
    if (mistakes.length === 0) return;
    // One mistake may hide an id, so from a file with mistakes nothing is removed.
    for (const [id, before] of this.#inEffect) if (before.origin === 'file' && !next.has(id)) next.set(id, before);
    const problems = mistakes.map((mistake) => `${fileName}:${mistake.line}: ${inWords(mistake)}`);
    refused.push({ origin: 'file', id: null, why: 'mistake', problems });
  }

  #takeRow(id: string, { row, read }: { row: EndpointRow; read: ParsedRow }, into: Settling): void {
    if (into.next.has(id)) {
      into.refused.push(this.#definedTwice('topic', id));
    } else if ('endpoint' in read) {
      into.next.set(id, this.#same('topic', read.endpoint));
    } else {
      into.refused.push({ origin: 'topic', id, why: 'mistake', problems: read.mistakes.map(inWords) });
      const kept = this.#before(id) ?? this.#heldBack(id, row, into);
      if (kept) into.next.set(id, kept);
    }
  }

  /** The last good definition: what the topic still holds is not older than what is in effect. */
  #before(id: string): InEffect | null {
    for (const row of this.#earlier.get(id)?.toReversed() ?? []) {
      const read = this.#parse(row);
      if ('endpoint' in read) return this.#same('topic', read.endpoint);
    }
    const before = this.#inEffect.get(id);
    return before?.origin === 'topic' && !before.endpoint.heldBack ? before : null;
  }

  #heldBack(id: string, row: EndpointRow, { unmatched }: Settling): InEffect | null {
    const rows = [...(this.#earlier.get(id) ?? []), row].toReversed();
    for (const each of rows) {
      const held = each.kind === 'row' && each.fields !== null ? heldBack(id, each.fields) : null;
      if (held) return this.#same('topic', held);
    }
    const before = this.#inEffect.get(id);
    if (before?.origin === 'topic' && !this.#unmatched.includes(id)) return before;
    const nothing = heldBack(id, null);
    // An id that could name no endpoint has never named one.
    if (nothing) unmatched.push(id);
    return nothing && this.#same('topic', nothing);
  }

  #parse(row: EndpointRow): ParsedRow {
    if (row.kind === 'row') return parseEndpoint(row.fields, this.#options.topic);
    return { mistakes: [{ line: 0, path: '', message: row.kind === 'bad' ? row.message : 'is no definition' }] };
  }

  #same(origin: Origin, endpoint: Endpoint): InEffect {
    const before = this.#inEffect.get(endpoint.id)?.endpoint;
    return { origin, endpoint: before && !differs(before, endpoint) ? before : endpoint };
  }

  #definedTwice(origin: Origin, id: string): Refused {
    const { fileName, topicName } = this.#options;
    const problems = [
      `${id} is defined in the file ${fileName} and in the topic ${topicName}; an id names one endpoint`,
    ];
    return { origin, id, why: 'defined-twice', problems };
  }
}

function inWords({ path, message }: Mistake): string {
  return path === '' ? message : `${path} ${message}`;
}
