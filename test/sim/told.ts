/** What a subscriber reads from the outbound topic: each record with its revision taken apart. */
import { movesOf } from '../../src/core/emission.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';

export interface Told {
  readonly leadId: number;
  readonly version: string;
  readonly revision: number;
  readonly moves: number;
  readonly n: number;
  readonly json: Readonly<Record<string, unknown>>;
  /** The body without `updated_at`, as text to compare. */
  readonly content: string;
}

/** Reads records of the outbound topic, in the order given. */
export function readTold(records: readonly KafkaRecord[]): Told[] {
  return records.map(({ key, value, headers }) => {
    const json = JSON.parse(String(value)) as Record<string, unknown>;
    const revision = Number(String(headers['revision']));
    const moves = movesOf(revision);
    return {
      leadId: Number(String(key)),
      version: String(headers['version']),
      revision,
      moves,
      n: revision - moves * 2 ** 32,
      json,
      content: contentOf(json),
    };
  });
}

/** A body as text, `updated_at` aside. */
export function contentOf(json: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...json, updated_at: null });
}
