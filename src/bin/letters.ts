/** Reading the dead letters of the topic by what an operator knows of them: endpoint, lead, stage, code, time, or their place. */
import { type Letter, readLetter } from '../kafka/letter.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { Arguments } from './arguments.ts';
import { UsageError } from './command.ts';
import { moment } from './option-values.ts';
import type { Reading } from './reading.ts';

/** Options of a filter, for a command's spec. */
export const FILTER_OPTIONS = {
  endpoint: 'value',
  lead: 'value',
  stage: 'value',
  code: 'value',
  since: 'value',
  until: 'value',
} as const;

/** Each null = any. */
export interface LetterFilter {
  readonly endpoint: string | null;
  readonly lead: string | null;
  readonly stage: string | null;
  readonly code: string | null;
  /** Written at or after, ms. */
  readonly since: number | null;
  /** Written before, ms. */
  readonly until: number | null;
  /** Exactly this one. */
  readonly place: { readonly partition: number; readonly offset: number } | null;
}

/**
 * The filter that the options ask for.
 * @param word the place of one dead letter, `3/1287`, if it was given.
 * @throws UsageError for a place or a time that is none.
 */
export function filterOf(args: Arguments, word: string | undefined, now: number): LetterFilter {
  return {
    endpoint: args.value('endpoint'),
    lead: args.value('lead'),
    stage: args.value('stage'),
    code: args.value('code'),
    since: moment(args, 'since', now),
    until: moment(args, 'until', now),
    place: word === undefined ? null : placeOf(word),
  };
}

/** Reads `3/1287`. @throws UsageError when it is something else. */
export function placeOf(word: string): { partition: number; offset: number } {
  const [, partition, offset] = /^(\d{1,9})\/(\d{1,15})$/.exec(word) ?? [];
  if (partition === undefined || offset === undefined) {
    throw new UsageError(`"${word}" is no dead letter: list shows them as PARTITION/OFFSET, for example 3/1287`);
  }
  return { partition: Number(partition), offset: Number(offset) };
}

/** How a dead letter is called: its place. */
export function nameOf({ partition, offset }: { partition: number; offset: number }): string {
  return `${partition}/${offset}`;
}

/** Whether a dead letter is one of those asked for. */
export function fits(letter: Letter, filter: LetterFilter): boolean {
  const { endpoint, lead, stage, code, since, until, place } = filter;
  return (
    (endpoint === null || letter.endpoint === endpoint) &&
    (lead === null || letter.lead === lead) &&
    (stage === null || letter.stage === stage) &&
    (code === null || letter.code === code) &&
    (since === null || letter.writtenAt >= since) &&
    (until === null || letter.writtenAt < until) &&
    (place === null || (letter.partition === place.partition && letter.offset === place.offset))
  );
}

/** Reads the topic once, partition by partition, and tells of every dead letter that fits; the record is valid only for the call. */
export async function readLetters(
  { fetcher, partitions, signal }: Reading,
  topic: string,
  filter: LetterFilter,
  onLetter: (letter: Letter, record: KafkaRecord) => void,
): Promise<void> {
  for (let partition = 0; partition < (partitions.get(topic) ?? 0); partition++) {
    if (filter.place !== null && filter.place.partition !== partition) continue;
    const ends = await fetcher.ends(topic, partition);
    const from = Math.max(ends.earliest, filter.place?.offset ?? 0);
    const to = Math.min(ends.lastStable, filter.place === null ? ends.lastStable : filter.place.offset + 1);
    if (from >= to) continue;
    await fetcher.read({ topic, partition, from, to, committed: true, signal }, (records) => {
      for (const record of records) {
        const letter = readLetter(record);
        if (fits(letter, filter)) onLetter(letter, record);
      }
    });
  }
}
