/** The telling of a story, against a product that is played by the test. */
import { expect, test } from 'vitest';
import { Answers } from '../../../src/dev/demo/answers.ts';
import { CRM } from '../../../src/dev/demo/cast.ts';
import { DeliveryBook } from '../../../src/dev/demo/delivery-book.ts';
import type { Step } from '../../../src/dev/demo/story.ts';
import { runStory } from '../../../src/dev/demo/story-run.ts';
import { type SourceChange, SourceDatabase } from '../../../src/dev/source-database.ts';
import { announcement } from '../../support/announcement.ts';
import { request } from '../../support/story-requests.ts';

const STEPS: readonly Step[] = [
  {
    title: 'made',
    statements: [{ insert: 'lead', row: { id: 1, comments: 'a' } }],
    expect: [{ endpoint: CRM, lead: 1, body: { comments: 'a' } }],
  },
  {
    title: 'changed while the receiver is away',
    statements: [{ update: 'lead', id: 1, columns: { comments: 'b' } }],
    failure: { endpoint: CRM, answer: { status: 503 }, next: 'newer' },
    meanwhile: [{ update: 'lead', id: 1, columns: { comments: 'c' } }],
    expect: [{ endpoint: CRM, lead: 1, body: { comments: 'c' } }],
  },
];

/** Delivers each change of lead 1 at once, as `comments`, unless `deaf`. */
function world(deaf = false) {
  const book = new DeliveryBook();
  const answers = new Answers();
  const seen: string[] = [];
  let revision = 0;
  const publish = async (changes: readonly SourceChange[]): Promise<void> => {
    for (const { row } of deaf ? [] : changes) {
      revision += 1;
      const sent = request({ endpoint: CRM, lead: 1, revision, body: { comments: row?.['comments'] }, at: 5 });
      book.announced(announcement({ leadId: '1', version: 'v3', revision }));
      sent.status = answers.to(sent).status;
      book.posted(sent);
      seen.push(`${row?.['comments']} ${sent.status}`);
    }
  };
  const onStep = (number: number, { title }: Step): unknown => seen.push(`${number}. ${title}`);
  return { deps: { database: new SourceDatabase(), publish, answers, book, onStep }, seen };
}

test('steps happen in order; what happens meanwhile waits for the failure', async () => {
  const { deps, seen } = world();
  expect(await runStory(STEPS, deps, new AbortController().signal)).toBeNull();
  expect(seen).toEqual(['1. made', 'a 204', '2. changed while the receiver is away', 'b 503', 'c 204']);
});

test('a delivery that does not come is named when the time is over', async () => {
  const { deps } = world(true);
  const stop = new AbortController();
  const running = runStory(STEPS, deps, stop.signal);
  stop.abort();
  expect(await running).toBe('step 1 of 2 did not end: orange-crm got nothing of lead 1');
});

test('a failure of the publisher is no missing delivery', async () => {
  const { deps } = world();
  const publish = async (): Promise<void> => {
    throw new Error('no broker');
  };
  await expect(runStory(STEPS, { ...deps, publish }, new AbortController().signal)).rejects.toThrow('no broker');
});
