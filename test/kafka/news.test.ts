import { expect, test } from 'vitest';
import { News, Rounds } from '../../src/kafka/news.ts';

test('news told before anybody waits is not lost, and told twice it is one', async () => {
  const news = new News();
  news.tell();
  news.tell();
  await news.told();
  let again = false;
  const waiting = news.told().then(() => {
    again = true;
  });
  await Promise.resolve();
  expect(again).toBe(false);
  news.tell();
  await waiting;
  expect(again).toBe(true);
});

test('a round that had begun before the call does not count; the next one does, also if it fails', async () => {
  const rounds = new Rounds();
  const events: string[] = [];
  let release = (): void => undefined;
  const first = rounds.run(() => new Promise<void>((resolve) => (release = resolve)));
  const next = rounds.next().then(() => events.push('heard'));
  release();
  await first;
  await Promise.resolve();
  expect(events).toEqual([]);
  await expect(rounds.run(async () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  await next;
  expect(events).toEqual(['heard']);
});

test('who waits for a round hears the end of the loop, and nobody waits after it', async () => {
  const rounds = new Rounds();
  const waiting = rounds.next();
  rounds.end();
  await waiting;
  await rounds.next();
});
