/**
 * S5 of docs/semantics.md while work goes from one process to another: a process that is not dead but away (stopped for longer than its
 * session, then continued), one that is put out of the group while it lives, and a rolling restart; and S6 against a receiver that asks one
 * of several processes for a pause. Receivers are slow, so that requests of two processes would overlap if nothing kept them apart.
 */
import { expect, inject, test } from 'vitest';
import { partitionOf } from '../../src/core/partition.ts';
import { type Answer, Receiver } from '../../src/dev/receiver.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { Installation, type Running } from '../support/installation.ts';
import { RandomHistory } from '../support/random-history.ts';

const SEED = 20_260_301;
const SCALE = { leads: 60, clusters: 30, appointments: 40, testDrives: 30 };
const PATH = '/leads';
const DEADLINE_MS = 90_000;
const SESSION_MS = 6_000;

async function installed(
  receiver: Receiver,
  more: string,
  { paths = [PATH], partitions = 4 } = {},
): Promise<{ installation: Installation; url: string }> {
  const url = await receiver.listen();
  const allow = 'allow: { http: true, addresses: ["127.0.0.1/32"] }';
  const installation = new Installation({
    brokers: inject('kafkaBrokers'),
    registryUrl: null,
    partitions,
    endpoints: `endpoints: [${paths.map((path, at) => `{ id: crm-${at}, dealership: 3, url: "${url}${path}", version: v3, ${allow}, ${more} }`)}]\n`,
    env: { LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: String(SESSION_MS), LEAD_WEBHOOKS_PAYLOAD_VERSIONS: 'v3' },
  });
  await installation.install();
  return { installation, url };
}

/** Starts so many deliver processes; resolves when all tasks run and each process has some. */
async function spread(installation: Installation, processes: number): Promise<Running[]> {
  const running = Array.from({ length: processes }, () => installation.start('deliver'));
  const tasks = installation.partitions / processes;
  await Promise.all(
    running.map((one) =>
      one.logged(({ event, stage, tasks: given }) => {
        return event === 'assigned' && stage === 'deliver' && Array.isArray(given) && given.length === tasks;
      }),
    ),
  );
  return running;
}

test('a process that is stopped past its session and goes on sends nothing beside its successor, and nothing old after new', async () => {
  await using receiver = new Receiver();
  receiver.answer = () => ({ status: 204, delayMs: 2_000 });
  const limits = 'limits: { concurrency: 40, timeoutMs: 4000 }';
  const { installation } = await installed(receiver, limits);
  await using _ = installation;
  const history = new RandomHistory(SEED, SCALE);
  installation.start('rekey,join');
  const [away, other] = await spread(installation, 2);
  if (!away || !other) throw new Error('two processes were started');
  await installation.pipe(history.next(400));
  await receiver.until(() => receiver.received.length >= 20, AbortSignal.timeout(DEADLINE_MS));

  away.kill('SIGSTOP');
  await installation.pipe(history.next(200));
  await other.logged(({ event, tasks }) => event === 'assigned' && Array.isArray(tasks) && tasks.length === 4);
  await other.tasksRunning('deliver', 4);
  await installation.pipe(history.next(200));
  const before = receiver.received.length;
  await receiver.until(() => receiver.received.length >= before + 20, AbortSignal.timeout(DEADLINE_MS));
  away.kill('SIGCONT');
  await installation.pipe(history.next(200));

  await newestOf(history, receiver);
  expect(receiver.ledger).toMatchObject({ olderAfterNewer: 0, overlapping: 0 });
  expect([await away.stop(), await other.stop()]).toEqual([0, 0]);
});

test('a process that is put out of the group while it lives sends nothing beside its successor, and nothing old after new', async () => {
  await using receiver = new Receiver();
  receiver.answer = () => ({ status: 204, delayMs: 2_000 });
  const { installation } = await installed(receiver, 'limits: { concurrency: 40, timeoutMs: 4000 }');
  await using _ = installation;
  const history = new RandomHistory(SEED + 3, SCALE);
  installation.start('rekey,join');
  // Two processes of one name: the second takes the first for what is left of a former run, and puts it out.
  const named = { LEAD_WEBHOOKS_INSTANCE_ID: 'pod-0' };
  const first = installation.start('deliver', named);
  await first.tasksRunning('deliver', 4);
  await installation.pipe(history.next(400));
  await receiver.until(() => receiver.received.length >= 20, AbortSignal.timeout(DEADLINE_MS));

  const second = installation.start('deliver', named);
  await second.logged(({ event }) => event === 'predecessor_evicted');
  await installation.pipe(history.next(200));
  await second.logged(({ event, tasks }) => event === 'assigned' && Array.isArray(tasks) && tasks.length > 0);
  await installation.pipe(history.next(200));
  await newestOf(history, receiver);
  expect(receiver.ledger).toMatchObject({ olderAfterNewer: 0, overlapping: 0 });
  expect([await first.stop(), await second.stop()]).toEqual([0, 0]);
});

test('a rolling restart of three processes sends nothing of a lead at the same time, nothing old after new, and loses nothing', async () => {
  await using receiver = new Receiver();
  receiver.answer = () => ({ status: 204, delayMs: 2_000 });
  const limits = 'limits: { concurrency: 60, timeoutMs: 4000 }';
  const { installation } = await installed(receiver, limits, { partitions: 3 });
  await using _ = installation;
  const history = new RandomHistory(SEED + 4, SCALE);
  installation.start('rekey,join');
  const fleet = await spread(installation, 3);
  for (const [place, old] of fleet.entries()) {
    const before = receiver.received.length;
    await installation.pipe(history.next(150));
    await receiver.until(() => receiver.received.length > before + 5, AbortSignal.timeout(DEADLINE_MS));
    const stopped = old.stop();
    await installation.pipe(history.next(50));
    expect(await stopped).toBe(0);
    const next = installation.start('deliver');
    fleet[place] = next;
    await next.logged(({ event, tasks }) => event === 'assigned' && Array.isArray(tasks) && tasks.length > 0);
  }
  await installation.pipe(history.next(100));
  await newestOf(history, receiver);
  expect(receiver.ledger).toMatchObject({ olderAfterNewer: 0, overlapping: 0 });
  for (const running of fleet) expect(await running.stop()).toBe(0);
});

/** Resolves when the newest payload of each lead has been accepted. */
async function newestOf(history: RandomHistory, receiver: Receiver): Promise<void> {
  const bodies = [...history.bodies('v3')];
  const arrived = (): boolean => {
    const accepted = receiver.lastAccepted(PATH);
    return bodies.every(([id, body]) => told(accepted.get(id)?.body) === told(body));
  };
  await receiver.until(arrived, AbortSignal.timeout(DEADLINE_MS));
}

/** A body without its `updated_at`, which alone announces nothing. */
function told(body: string | undefined): string | undefined {
  return body?.replace(/"updated_at":("[^"]*"|null)/, '"updated_at":');
}

test('a pause that one of three processes is asked for by Retry-After is kept by the two others, which were not asked', async () => {
  await using receiver = new Receiver();
  const pauseMs = 15_000;
  let askedAt = Number.POSITIVE_INFINITY;
  receiver.answer = ({ at }) => {
    askedAt = Math.min(askedAt, at);
    return at < askedAt + pauseMs ? { status: 429, headers: { 'retry-after': '15' } } : { status: 204 };
  };
  const { installation } = await installed(receiver, 'retry: { baseMs: 100, capMs: 200 }', { partitions: 6 });
  await using _ = installation;
  const [asked, ...others] = await spread(installation, 3);
  const [mine = '', ...theirs] = [asked, ...others].map((running) => leadOf(tasksOf(running), installation));
  await installation.append([payload(installation, mine)]);
  // Each of the others has heard of the pause before it has anything to send.
  await Promise.all(
    others.map((one) => one.logged(({ event, state }) => event === 'endpoint_hold' && state === 'retry-after')),
  );
  await installation.append(theirs.map((leadId) => payload(installation, leadId)));
  const writtenAt = Date.now();
  const arrived = (): boolean => [mine, ...theirs].every((leadId) => receiver.lastAccepted(PATH).has(leadId));
  await receiver.until(arrived, AbortSignal.timeout(DEADLINE_MS));
  expect(writtenAt).toBeLessThan(askedAt + pauseMs);
  const early = receiver.received.filter(({ at }) => at < askedAt + pauseMs);
  expect(early.map(({ leadId, status }) => [leadId, status])).toEqual([[mine, 429]]);
});

/** The tasks that a process had when it was last told. */
function tasksOf(running: Running | undefined): readonly number[] {
  const tasks = running?.lines.findLast(({ event }) => event === 'assigned')?.['tasks'];
  return Array.isArray(tasks) ? (tasks as number[]) : [];
}

/** A lead in one of these partitions of the outbound topic. */
function leadOf(partitions: readonly number[], { partitions: all }: Installation): string {
  for (let id = 1; ; id++) if (partitions.includes(partitionOf(String(id), all))) return String(id);
}

/** A payload as the join would write it. */
function payload(installation: Installation, leadId: string): OutgoingRecord {
  return {
    topic: installation.topic('outbound'),
    partition: partitionOf(leadId, installation.partitions),
    key: leadId,
    value: `{"id":${leadId}}`,
    headers: { version: 'v3', revision: '1', cause: 'changed', 'dealership-id': '3' },
  };
}

test('endpoints that never answer, or answer a byte a second, keep nothing from another one: all that is newest arrives there, within 90 s', async () => {
  await using receiver = new Receiver();
  const answers: Readonly<Record<string, Answer>> = {
    [PATH]: { status: 204 },
    '/drip': { status: 200, byteEveryMs: 1_000 },
  };
  receiver.answer = ({ path }) => answers[path] ?? null;
  const { installation } = await installed(receiver, 'limits: { concurrency: 4, timeoutMs: 4000 }', {
    paths: [PATH, '/hung', '/drip'],
  });
  await using _ = installation;
  const history = new RandomHistory(SEED + 2, SCALE);
  installation.start('rekey,join');
  await spread(installation, 1);
  for (let part = 0; part < 10; part++) await installation.pipe(history.next(50));
  await newestOf(history, receiver);
  expect(receiver.received.filter(({ path, status }) => path !== PATH && status !== 0)).toEqual([]);
  expect(new Set(receiver.received.map(({ path }) => path))).toEqual(new Set([PATH, '/hung', '/drip']));
  expect(receiver.ledger.olderAfterNewer).toBe(0);
});
