import { expect, test } from 'vitest';
import { Lease, leaseLastsMs, longestAttemptMs, type Tenant } from '../../src/kafka/lease.ts';
import { momentOf } from '../../src/lib/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const SESSION_MS = 30_000;

function world() {
  const clock = new VirtualClock();
  let renewed = 0;
  const lease = new Lease(clock, {
    sessionTimeoutMs: SESSION_MS,
    onRenewed: () => {
      renewed += 1;
    },
  });
  const events: string[] = [];
  const tenant = (name: string, suspended: Promise<void> = Promise.resolve()): Tenant => ({
    suspend(deadline) {
      events.push(`${name} suspend ${deadline - clock.now()}`);
      return suspended;
    },
    resume: () => void events.push(`${name} resume`),
  });
  return { clock, lease, events, tenant, renewed: () => renewed };
}

test('an attempt may start only if it ends before the group could have given the task to others', () => {
  const { clock, lease } = world();
  expect(lease.allows(0)).toBe(false);
  lease.heard(momentOf(clock));
  expect([lease.allows(28_500), lease.allows(28_501)]).toEqual([true, false]);
  clock.advance(13_500);
  expect([lease.allows(15_000), lease.allows(15_001)]).toEqual([true, false]);
});

test('the lease counts from when the heartbeat was sent, not from its answer, and an older one does not shorten it', () => {
  const { clock, lease } = world();
  const sentAt = momentOf(clock);
  clock.advance(20_000);
  lease.heard(sentAt);
  expect(lease.allows(15_000)).toBe(false);
  lease.heard(momentOf(clock));
  lease.heard(sentAt);
  expect(lease.allows(15_000)).toBe(true);
});

test('no attempt outlasts the lease, however long after the heartbeat it began', () => {
  const { clock, lease } = world();
  lease.heard(momentOf(clock));
  const lastsMs = leaseLastsMs(SESSION_MS);
  expect([lease.allows(lastsMs), lease.allows(lastsMs + 1)]).toEqual([true, false]);
  clock.advance(lastsMs - 1);
  expect([lease.allows(1), lease.allows(2)]).toEqual([true, false]);
});

test('the longest attempt leaves room for two heartbeats and the margin', () => {
  const { clock, lease } = world();
  lease.heard(momentOf(clock));
  clock.advance((2 * SESSION_MS) / 10);
  expect([longestAttemptMs(SESSION_MS), lease.allows(longestAttemptMs(SESSION_MS))]).toEqual([21_000, true]);
});

test('a wall clock that is set back makes no heartbeat younger, and none is dated by it', () => {
  const { clock, lease } = world();
  lease.heard(momentOf(clock));
  clock.advance(20_000);
  clock.step(-3_600_000);
  expect([lease.allows(8_500), lease.allows(8_501)]).toEqual([true, false]);
  lease.heard(momentOf(clock));
  expect(lease.allows(28_500)).toBe(true);
});

test('time that only the wall clock saw pass counts too, for the machine may have been suspended', () => {
  const { clock, lease } = world();
  lease.heard(momentOf(clock));
  clock.step(20_000);
  expect([lease.allows(8_500), lease.allows(8_501)]).toEqual([true, false]);
  clock.step(3_600_000);
  expect(lease.allows(0)).toBe(false);
  lease.heard(momentOf(clock));
  expect(lease.allows(28_500)).toBe(true);
});

test('who was refused is told once when attempts may start again', () => {
  const { clock, lease, renewed } = world();
  lease.heard(momentOf(clock));
  expect(renewed()).toBe(0);
  clock.advance(SESSION_MS);
  lease.allows(1);
  lease.heard(momentOf(clock));
  lease.heard(momentOf(clock));
  expect(renewed()).toBe(1);
});

test('from before a rejoin until the new assignment nothing starts, however fresh the heartbeat', async () => {
  const { clock, lease, events, tenant } = world();
  lease.admit(tenant('a'));
  const leave = lease.admit(tenant('b'));
  leave();
  lease.heard(momentOf(clock));
  await lease.suspend();
  lease.heard(momentOf(clock));
  expect(lease.allows(1)).toBe(false);
  lease.resume();
  expect([lease.allows(1), events]).toEqual([true, ['a suspend 7500', 'a resume']]);
});

test('a task that does not come to rest holds up the rejoin for a while only', async () => {
  const { clock, lease, tenant } = world();
  lease.admit(tenant('stuck', new Promise(() => undefined)));
  const suspended = lease.suspend();
  clock.advance(9_000);
  await suspended;
  expect(clock.waiting).toBe(0);
});

test('a task that begins while all are suspended is suspended too', async () => {
  const { lease, events, tenant } = world();
  await lease.suspend();
  lease.admit(tenant('late'));
  lease.resume();
  expect(events).toEqual(['late suspend 0', 'late resume']);
});
