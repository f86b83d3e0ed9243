/** The book of deliveries: a request and its announcement in any order, and the figures of the summary. */
import { expect, test } from 'vitest';
import { CRM } from '../../../src/dev/demo/cast.ts';
import { DeliveryBook, percentile, type ToldDelivery } from '../../../src/dev/demo/delivery-book.ts';
import { announcement } from '../../support/announcement.ts';
import { request } from '../../support/story-requests.ts';

function book() {
  const made = new DeliveryBook();
  const told: ToldDelivery[] = [];
  made.onTold = (delivery) => told.push(delivery);
  const post = (revision: number, at: number, status = 204, attempt = 1): void => {
    made.posted(request({ endpoint: CRM, lead: 138559, revision, body: {}, at }, status, attempt));
  };
  return { made, told, post };
}

test('a request is told once its announcement is known, whichever comes first', () => {
  const { made, told, post } = book();
  post(1, 1_050);
  expect(told).toEqual([]);
  made.announced(announcement({ revision: 1 }));
  made.announced(announcement({ revision: 2, cause: 'changed', changedAt: 2_000 }));
  post(2, 2_030);
  expect(told.map(({ cause, afterMs }) => [cause, afterMs])).toEqual([
    ['created', 50],
    ['changed', 30],
  ]);
});

test('times are those of requests that were accepted at once and had not to wait', () => {
  const { made, post } = book();
  for (const revision of [1, 2, 3, 4]) made.announced(announcement({ revision, changedAt: revision * 10_000 }));
  post(1, 10_040); // counts
  post(2, 20_500, 500); // failed
  post(2, 20_900, 204, 2); // retry
  post(3, 30_010, 503); // failed
  post(4, 41_000); // waited for the one that failed
  expect(made.figures).toEqual({ deliveries: 3, retried: 1, p50: 40, p99: 40 });
});

test('waiting ends when what was told is enough', async () => {
  const { made, post } = book();
  const waiting = made.until(() => made.told.length === 1, new AbortController().signal);
  made.announced(announcement());
  post(1, 1_001);
  await waiting;
  expect(made.told).toHaveLength(1);
});

test('percentiles are of the nearest rank, and of nothing there is none', () => {
  const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
  expect([percentile(sorted, 50), percentile(sorted, 99), percentile([7], 99), percentile([], 50)]).toEqual([
    50,
    99,
    7,
    null,
  ]);
});
