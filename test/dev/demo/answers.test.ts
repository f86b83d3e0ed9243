/** What the demo's receiver answers. */
import { expect, test } from 'vitest';
import { Answers } from '../../../src/dev/demo/answers.ts';
import { ARCHIVE, CRM } from '../../../src/dev/demo/cast.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { request } from '../../support/story-requests.ts';

const crm = request({ endpoint: CRM, lead: 1, revision: 1, body: {}, at: 0 });
const archive = request({ endpoint: ARCHIVE, lead: 1, revision: 1, body: {}, at: 0 });

test('an ordered failure is given once, to the endpoint it is for', () => {
  const answers = new Answers();
  answers.orderOnce(CRM.path, { status: 500 });
  expect([answers.to(archive).status, answers.isOrdered(CRM.path)]).toEqual([204, true]);
  expect([answers.to(crm).status, answers.to(crm).status, answers.isOrdered(CRM.path)]).toEqual([500, 204, false]);
});

test('by chance some requests fail and most do not', () => {
  const answers = new Answers();
  answers.failSometimes(seededRandom(3));
  const statuses = Array.from({ length: 500 }, () => answers.to(crm).status);
  const failed = statuses.filter((status) => status !== 204);
  expect(new Set(failed)).toEqual(new Set([429, 500, 503]));
  expect(failed.length).toBeGreaterThan(10);
  expect(failed.length).toBeLessThan(100);
});
