/**
 * The judge of a chaos run, outside of the product: it reads the outbound topic as a subscriber does (read committed), record by
 * record, and counts what S1, S3 and S4 of docs/semantics.md forbid. It keeps digests, not bodies, so that a run may be long.
 */
import { createHash } from 'node:crypto';
import { movesOf } from '../../src/core/emission.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';

export interface Verdict {
  readonly records: number;
  /** Living leads that were never announced, per version. */
  readonly missing: number;
  /** Living leads whose highest revision has another body than the database says, `updated_at` aside. */
  readonly wrong: number;
  /** (lead, version, revision) that came again. */
  readonly duplicates: number;
  /** Revisions that did not grow while the lead stayed in its cluster. */
  readonly backwards: number;
  /** Bodies equal to the one before at the same count of moves, `updated_at` aside. */
  readonly repeated: number;
  /** What is wrong, by name; the first few. */
  readonly examples: readonly string[];
}

interface Stay {
  highest: number;
  last: string;
}

const EXAMPLES_MAX = 20;

export class Ledger {
  /** Bytes before the body: the registry's framing. */
  readonly #frame: number;
  /** Where each (lead, version, revision) came first. */
  readonly #revisions = new Map<string, string>();
  readonly #stays = new Map<string, Stay>();
  /** Highest revision of each lead and version, and its body's digest. */
  readonly #newest = new Map<string, { revision: number; digest: string }>();
  readonly #counts = { records: 0, missing: 0, wrong: 0, duplicates: 0, backwards: 0, repeated: 0 };
  readonly #examples: string[] = [];

  constructor(frameBytes: number) {
    this.#frame = frameBytes;
  }

  /** Takes a record of the outbound topic; those of a lead in their order. */
  take({ key, value, headers, partition, offset, timestamp }: KafkaRecord): void {
    this.#counts.records++;
    const place = `${partition}/${offset} of ${new Date(timestamp).toISOString()}`;
    const of = `${key} ${headers['version']}`;
    const revision = Number(headers['revision']);
    const digest = digestOf(value?.subarray(this.#frame).toString() ?? '');
    const name = `${of} ${revision}`;
    const stay = this.#stays.get(`${of} ${movesOf(revision)}`);
    const first = this.#revisions.get(name);
    if (first !== undefined) this.#count('duplicates', `${name} at ${first}, again at ${place}`);
    else if (stay !== undefined && revision <= stay.highest) this.#count('backwards', `${name} at ${place}`);
    else if (stay?.last === digest) this.#count('repeated', `${name} at ${place}`);
    if (first === undefined) this.#revisions.set(name, place);
    const highest = Math.max(revision, stay?.highest ?? -1);
    this.#stays.set(`${of} ${movesOf(revision)}`, { highest, last: digest });
    if (revision > (this.#newest.get(of)?.revision ?? -1)) this.#newest.set(of, { revision, digest });
  }

  /** Compares with the bodies that the living leads must have. */
  compare(version: string, bodies: ReadonlyMap<string, string>): void {
    for (const [id, body] of bodies) {
      const last = this.#newest.get(`${id} ${version}`);
      if (last === undefined) this.#count('missing', `${id} ${version}`);
      else if (last.digest !== digestOf(body)) this.#count('wrong', `${id} ${version} ${last.revision}`);
    }
  }

  verdict(): Verdict {
    return { ...this.#counts, examples: this.#examples };
  }

  #count(what: 'missing' | 'wrong' | 'duplicates' | 'backwards' | 'repeated', name: string): void {
    this.#counts[what]++;
    if (this.#examples.length < EXAMPLES_MAX) this.#examples.push(`${what}: ${name}`);
  }
}

/** Of a body without its `updated_at`, which alone announces nothing. */
function digestOf(body: string): string {
  const told = body.replace(/"updated_at":("[^"]*"|null)/, '"updated_at":');
  return createHash('sha256').update(told).digest('base64').slice(0, 22);
}
