/** The judgement of the demo's story: a right outcome is right, and each way to go wrong is called wrong. */
import { describe, expect, test } from 'vitest';
import { ARCHIVE, CRM, DMS } from '../../../src/dev/demo/cast.ts';
import { STORY } from '../../../src/dev/demo/story.ts';
import { checkStory } from '../../../src/dev/demo/story-check.ts';
import type { Received } from '../../../src/dev/receiver.ts';
import { request, storyRequests } from '../../support/story-requests.ts';

const CLEAN = { olderAfterNewer: 0, overlapping: 0, duplicates: 0 };
const MIA = 138559;

function spoiled(index: number, changes: (request: Received) => Partial<Received>): Received[] {
  return storyRequests(STORY).map((one, at) => (at === index ? { ...one, ...changes(one) } : one));
}

function indexOf(fits: (request: Received) => boolean): number {
  return storyRequests(STORY).findIndex(fits);
}

test('the outcome that the story expects is right', () => {
  expect(checkStory(STORY, storyRequests(STORY), CLEAN)).toEqual([]);
});

test('without a request everything is missing', () => {
  const faults = checkStory(STORY, [], CLEAN);
  expect(faults).toContain(`orange-crm got nothing of lead ${MIA}`);
  expect(faults).toContain('0 requests failed instead of 3');
});

test('a last body with another value is wrong, by the names of its fields and without their values', () => {
  const last = storyRequests(STORY).length - 1;
  const faults = checkStory(
    STORY,
    spoiled(last, ({ body }) => ({ body: body.replace('"Please call after five"', '"secret"') })),
    CLEAN,
  );
  expect(faults).toEqual([`orange-crm holds another body of lead ${MIA}: comments`]);
});

test('a last body with a key too many is wrong', () => {
  const last = storyRequests(STORY).length - 1;
  const faults = checkStory(
    STORY,
    spoiled(last, ({ body }) => ({ body: body.replace('{', '{"extra":1,') })),
    CLEAN,
  );
  expect(faults).toEqual([`orange-crm holds another body of lead ${MIA}: extra`]);
});

describe('headers', () => {
  test.each([
    ['bearer', CRM.path, { authorization: 'Bearer other' }],
    ['x-authorization', DMS.path, { 'x-authorization': '' }],
    ['content-type', CRM.path, { 'content-type': 'text/plain' }],
    ['webhook-id', CRM.path, { 'webhook-id': 'orange-crm_138559' }],
    ['webhook-id', ARCHIVE.path, { 'webhook-id': 'orange-archive_138559_1' }],
  ])('a wrong %s at %s is told', (name, path, header) => {
    const index = indexOf((one) => one.path === path);
    const faults = checkStory(
      STORY,
      spoiled(index, ({ headers }) => ({ headers: { ...headers, ...header } })),
      CLEAN,
    );
    expect(faults).toContainEqual(expect.stringContaining(`the header ${name} was wrong`));
  });

  test('another version than the one ordered is told', () => {
    const faults = checkStory(
      STORY,
      spoiled(0, () => ({ version: 'v1' })),
      CLEAN,
    );
    expect(faults).toContainEqual(expect.stringContaining('lead-webhook-version'));
  });
});

describe('what follows a failure', () => {
  const of = (status: number): number => indexOf((one) => one.status === status);

  test('a failure that did not happen, or one too many, is told', () => {
    const accepted = spoiled(of(500), () => ({ status: 204 }));
    expect(checkStory(STORY, accepted, CLEAN)).toContain('2 requests failed instead of 3');
    expect(
      checkStory(
        STORY,
        spoiled(0, () => ({ status: 500 })),
        CLEAN,
      ),
    ).toContain('4 requests failed instead of 3');
  });

  test('a retry under another id is told', () => {
    const faults = checkStory(
      STORY,
      spoiled(of(500) + 1, ({ headers }) => ({ headers: { ...headers, 'webhook-id': 'x' } })),
      CLEAN,
    );
    expect(faults).toContain('the 500 was not followed by the same webhook');
  });

  test('a retry before the Retry-After is over is told', () => {
    const faults = checkStory(
      STORY,
      spoiled(of(429) + 1, ({ at }) => ({ at: at - 1 })),
      CLEAN,
    );
    expect(faults).toEqual(['the Retry-After of the 429 was not obeyed']);
  });

  test('a stale revision that is sent again is told', () => {
    const requests = storyRequests(STORY);
    const refused = requests[of(503)];
    if (refused === undefined) throw new Error('the story has no 503');
    requests.splice(of(503) + 1, 0, { ...refused, status: 204, attempt: 2, at: refused.at + 1_000 });
    expect(checkStory(STORY, requests, CLEAN)).toContain('the revision that got the 503 was not superseded');
  });
});

describe('revisions', () => {
  const body = { id: MIA, updated_at: 'x' };

  test('one that is lower than the one before is told', () => {
    const requests = [...storyRequests(STORY).slice(0, -1), ...storyRequests(STORY).slice(-1)];
    requests.push(request({ endpoint: CRM, lead: MIA, revision: 1, body, at: 9e9 }));
    expect(checkStory(STORY, requests, CLEAN)).toContain(`revisions did not grow at orange-crm, lead ${MIA}`);
  });

  test('a new one with the same body, updated_at aside, is told', () => {
    const requests = storyRequests(STORY);
    const first = requests.find((one) => one.path === CRM.path);
    if (first === undefined) throw new Error('the story begins with the CRM');
    const touched = first.body.replace('"updated_at":"2025', '"updated_at":"2026');
    requests.push({ ...first, body: first.body, at: 9e9, revision: 2 ** 33 + 1 });
    requests.push({ ...first, body: touched, at: 9e9, revision: 2 ** 33 + 2 });
    expect(checkStory(STORY, requests, CLEAN)).toContain(
      `a body was announced that did not change at orange-crm, lead ${MIA}`,
    );
  });

  test('one that does not show the merge is told', () => {
    const requests = storyRequests(STORY).map((one) => ({ ...one, revision: one.revision % 2 ** 32 }));
    expect(checkStory(STORY, requests, CLEAN)).toContain(`lead ${MIA} was merged and its revision does not say so`);
  });

  test('a lead that an endpoint for new ones gets twice is told', () => {
    const requests = storyRequests(STORY);
    const first = requests.find((one) => one.path === ARCHIVE.path);
    if (first === undefined) throw new Error('the archive gets the first lead');
    requests.push({ ...first, revision: 2, body: '{}', at: 9e9 });
    expect(checkStory(STORY, requests, CLEAN)).toContain(
      `a lead was created more than once at orange-archive, lead ${MIA}`,
    );
  });
});

test.each([
  ['olderAfterNewer', 'an older revision came after a newer one'],
  ['overlapping', 'two requests of one lead were under way at once'],
  ['duplicates', 'a webhook was accepted twice'],
])('what the receiver complains about (%s) is told', (name, fault) => {
  expect(checkStory(STORY, storyRequests(STORY), { ...CLEAN, [name]: 1 })).toEqual([fault]);
});
