/**
 * Tells a story: appends the changes of each step, lets the receiver fail where the step says so, and goes on when the
 * receivers hold what the step expects. It waits for deliveries and never for a time; how long that may take is decided by
 * the signal of its caller.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Received } from '../receiver.ts';
import type { SourceChange, SourceDatabase } from '../source-database.ts';
import type { Answers } from './answers.ts';
import { type DeliveryBook, wasAccepted } from './delivery-book.ts';
import type { Expectation, Statement, Step } from './story.ts';

export interface StoryDeps {
  readonly database: SourceDatabase;
  readonly publish: (changes: readonly SourceChange[]) => Promise<void>;
  readonly answers: Answers;
  readonly book: DeliveryBook;
  /** Hears each step before it happens; numbers begin with 1. */
  readonly onStep: (number: number, step: Step) => void;
}

/**
 * Tells the steps in order.
 * @returns null when every step came to its end; else what had not come when `signal` aborted.
 */
export async function runStory(steps: readonly Step[], deps: StoryDeps, signal: AbortSignal): Promise<string | null> {
  for (const [index, step] of steps.entries()) {
    deps.onStep(index + 1, step);
    try {
      await runStep(step, deps, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      return `step ${index + 1} of ${steps.length} did not end: ${missing(step, deps).join('; ')}`;
    }
  }
  return null;
}

async function runStep(step: Step, deps: StoryDeps, signal: AbortSignal): Promise<void> {
  const { book, answers } = deps;
  const { failure, meanwhile = [] } = step;
  const before = book.told.length;
  if (failure !== undefined) answers.orderOnce(failure.endpoint.path, failure.answer);
  await deps.publish(step.statements.flatMap((statement) => carriedOut(statement, deps.database)));
  if (failure !== undefined && meanwhile.length > 0) {
    await book.until(() => book.told.slice(before).some((request) => !wasAccepted(request)), signal);
    await deps.publish(meanwhile.flatMap((statement) => carriedOut(statement, deps.database)));
  }
  await book.until(() => missing(step, deps).length === 0, signal);
}

function carriedOut(statement: Statement, database: SourceDatabase): SourceChange {
  if ('insert' in statement) return database.insert(statement.insert, statement.row);
  return database.update(statement.update, statement.id, statement.columns);
}

/** What the step still waits for, in words. */
function missing({ expect, failure }: Step, { answers, book }: StoryDeps): string[] {
  const open = expect.map((expectation) => lacking(expectation, book.told)).filter((text) => text !== null);
  const unasked = failure !== undefined && answers.isOrdered(failure.endpoint.path);
  return unasked ? [...open, `${failure.endpoint.id} got no request that it could refuse`] : open;
}

/**
 * What an expectation lacks in words, names of fields without their values; null = it holds. Looks at the last request of
 * the lead that the endpoint accepted.
 */
export function lacking({ endpoint, lead, body }: Expectation, requests: readonly Received[]): string | null {
  const accepted = requests.filter(
    (request) => request.path === endpoint.path && request.leadId === String(lead) && wasAccepted(request),
  );
  const last = accepted.at(-1);
  if (last === undefined) return `${endpoint.id} got nothing of lead ${lead}`;
  const got = JSON.parse(last.body) as Record<string, unknown>;
  const names = [...new Set([...Object.keys(body), ...Object.keys(got)])];
  const different = names.filter((name) => !isDeepStrictEqual(got[name], body[name]));
  if (different.length === 0) return null;
  return `${endpoint.id} holds another body of lead ${lead}: ${different.join(', ')}`;
}
