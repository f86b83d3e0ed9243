/** Liveness and readiness from registered checks. */
import { expect, test } from 'vitest';
import { Health } from '../../src/ops/health.ts';

const good = { ok: true, reason: 'joined' };
const bad = { ok: false, reason: 'loading, 120 records left' };

test('a process is not ready before it has started, nor after a stop began, whatever its checks say', () => {
  const health = new Health();
  health.onReady('join', () => good);
  expect(health.ready()).toEqual({ ok: false, checks: { process: { ok: false, reason: 'starting' }, join: good } });
  health.started();
  expect(health.ready().ok).toBe(true);
  health.stopping();
  health.started();
  expect(health.ready()).toMatchObject({ ok: false, checks: { process: { ok: false, reason: 'stopping' } } });
});

test('one bad check makes the process not ready, and its reason is told', () => {
  const health = new Health();
  health.started();
  health.onReady('rekey', () => good);
  const remove = health.onReady('join', () => bad);
  expect(health.ready()).toMatchObject({ ok: false, checks: { rekey: good, join: bad } });
  remove();
  expect(health.ready().ok).toBe(true);
});

test('removing a check that was replaced leaves the replacement', () => {
  const health = new Health();
  const remove = health.onLive('loop', () => good);
  health.onLive('loop', () => bad);
  remove();
  expect(health.live()).toEqual({ ok: false, checks: { loop: bad } });
});

test('readiness does not touch liveness: a process that waits for Kafka is alive', () => {
  const health = new Health();
  health.onReady('join', () => bad);
  expect(health.live()).toEqual({ ok: true, checks: {} });
});

test('a check that throws counts as not ok and does not spoil the report', () => {
  const health = new Health();
  health.started();
  health.onReady('broken', () => {
    throw new Error('a value that must not be shown');
  });
  expect(health.ready()).toEqual({
    ok: false,
    checks: { process: { ok: true, reason: 'started' }, broken: { ok: false, reason: 'the check itself failed' } },
  });
});
