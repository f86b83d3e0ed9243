/** One token for all, in virtual time. What receivers make of it: test/delivery/oauth-tokens.test.ts. */
import { expect, test } from 'vitest';
import { type AccessToken, tokenOf } from '../../src/lib/client-credentials.ts';
import { TokenCache } from '../../src/lib/token-cache.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const tokenAt = (now: number): AccessToken => {
  const token = tokenOf(Buffer.from('{"access_token":"a","expires_in":100}'), now);
  if (token === null) throw new Error('no token');
  return token;
};

test('all who ask at once get the same token, and it is kept until it expires', async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const cache = new TokenCache<string>(clock, async (now) => {
    asked += 1;
    return { token: tokenAt(now) };
  });
  expect(cache.get(clock.now())).toBe(null);
  const [first, second] = await Promise.all([cache.ask(clock.now()), cache.ask(clock.now())]);
  expect([asked, first === second]).toEqual([1, true]);
  clock.advance(99_999);
  expect(cache.get(clock.now())).toBe('token' in first ? first.token : null);
  clock.advance(1);
  expect(cache.get(clock.now())).toBe(null);
});

test('a failure holds for a second and leaves the token that is kept', async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const cache = new TokenCache<string>(clock, async (now) => {
    asked += 1;
    return asked === 1 ? { token: tokenAt(now) } : { failure: 'away' };
  });
  await cache.ask(clock.now());
  expect(await cache.ask(clock.now())).toMatchObject({ failure: 'away' });
  expect(await cache.ask(clock.now())).toMatchObject({ failure: 'away' });
  expect([asked, cache.get(clock.now()) === null]).toEqual([2, false]);
  clock.advance(1000);
  await cache.ask(clock.now());
  expect(asked).toBe(3);
});

test('only the token that is kept can be dropped', async () => {
  const clock = new VirtualClock();
  const cache = new TokenCache<string>(clock, async (now) => ({ token: tokenAt(now) }));
  await cache.ask(clock.now());
  cache.drop(tokenAt(clock.now()));
  const kept = cache.get(clock.now());
  expect(kept).not.toBe(null);
  if (kept !== null) cache.drop(kept);
  expect(cache.get(clock.now())).toBe(null);
});
