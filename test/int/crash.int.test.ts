/**
 * S1, S3 and S5 of docs/semantics.md against kill -9: the whole program is killed again and again in the midst of its work, at
 * points that a seed chooses, and started again. Points are counts of what came out (records committed, requests received), so
 * that each crash falls into work under way. In the end everything must be as if nothing had happened.
 */
import { expect, inject, test } from 'vitest';
import { movesOf } from '../../src/core/emission.ts';
import { type PayloadVersion, VERSIONS } from '../../src/core/payload/versions.ts';
import { Receiver } from '../../src/dev/receiver.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { Installation } from '../support/installation.ts';
import { RandomHistory } from '../support/random-history.ts';
import { settled } from '../support/settled.ts';
import { uncovered } from '../support/uncovered.ts';

const SEED = 20_260_201;
const CHANGES = 20_000;
const PART = 1_000;
const SCALE = { leads: 700, clusters: 300, appointments: 600, testDrives: 400 };
/** After so many thousand changes a kill follows, when some more records or requests than at the last one have come out. */
const KILLS = new Map<number, 'records' | 'requests'>([
  [3, 'records'],
  [6, 'requests'],
  [10, 'records'],
  [14, 'requests'],
  [18, 'records'],
]);
const WINDOW_RECORDS = 200;
const PATH = '/leads';
const FRAME_BYTES = 5;
const DEADLINE_MS = 60_000;

interface Emitted {
  readonly leadId: string;
  readonly version: PayloadVersion;
  readonly revision: number;
  readonly body: string;
}

function emitted(record: KafkaRecord): Emitted {
  return {
    leadId: record.key?.toString() ?? '',
    version: (record.headers['version']?.toString() ?? '') as PayloadVersion,
    revision: Number(record.headers['revision']?.toString()),
    body: record.value?.subarray(FRAME_BYTES).toString() ?? '',
  };
}

/** A body without its `updated_at`, which alone announces nothing. */
function told(body: string | undefined): string | undefined {
  return body?.replace(/"updated_at":("[^"]*"|null)/, '"updated_at":');
}

/** The payload of the highest revision of each lead, by lead id. */
function newest(all: readonly Emitted[], version: PayloadVersion): Map<string, Emitted> {
  const highest = new Map<string, Emitted>();
  for (const one of all) {
    if (one.version === version && one.revision > (highest.get(one.leadId)?.revision ?? -1))
      highest.set(one.leadId, one);
  }
  return highest;
}

/** Revisions that come twice, and those that do not grow record by record while a lead stays in its cluster. */
function disorder(all: readonly Emitted[]): { twice: string[]; backwards: string[] } {
  const seen = new Set<string>();
  const highest = new Map<string, number>();
  const twice: string[] = [];
  const backwards: string[] = [];
  for (const { leadId, version, revision } of all) {
    const name = `${leadId} ${version} ${revision}`;
    const stay = `${leadId} ${version} ${movesOf(revision)}`;
    if (seen.has(name)) twice.push(name);
    else if (revision <= (highest.get(stay) ?? -1)) backwards.push(name);
    seen.add(name);
    highest.set(stay, Math.max(revision, highest.get(stay) ?? -1));
  }
  return { twice, backwards };
}

test('killed in the midst of its work five times, the program loses nothing, repeats nothing on the outbound topic, sends nothing old after new, and sends again only what was accepted and not covered when it was killed', async () => {
  await using receiver = new Receiver();
  const url = await receiver.listen();
  await using installation = new Installation({
    brokers: inject('kafkaBrokers'),
    registryUrl: inject('registryUrl'),
    endpoints: `endpoints: [{ id: crm, dealership: 3, url: "${url}${PATH}", version: v3, allow: { http: true, addresses: ["127.0.0.1/32"] } }]\n`,
    env: {
      LEAD_WEBHOOKS_INSTANCE_ID: 'pod-0',
      LEAD_WEBHOOKS_DELIVER_WINDOW_RECORDS: String(WINDOW_RECORDS),
    },
  });
  await installation.install();
  const outbound = installation.topic('outbound');
  const history = new RandomHistory(SEED, SCALE);
  const random = seededRandom(SEED);

  let running = installation.start();
  let came = { records: 0, requests: 0 };
  /** Deliveries that a kill may have caused to be made again. */
  let repeatable = 0;
  for (let part = 1; part * PART <= CHANGES; part++) {
    await installation.pipe(history.next(PART));
    const kill = KILLS.get(part);
    if (kill === undefined) continue;
    // Few enough to come for certain: what waits is superseded, so a part may end in few requests.
    const count = came[kill] + 1 + Math.floor(random() * (kill === 'records' ? 150 : 20));
    if (kill === 'records') await installation.until(outbound, ({ length }) => length >= count);
    else await receiver.until(() => receiver.received.length >= count, AbortSignal.timeout(DEADLINE_MS));
    running.kill('SIGKILL');
    expect(await running.ended).toBe(-1);
    repeatable += await uncovered(installation, { endpoint: 'crm', version: 'v3' }, (leadId, revision) => {
      return receiver.received.some((one) => one.leadId === leadId && one.revision === revision && one.status === 204);
    });
    running = installation.start();
    came = { records: (await installation.committed(outbound)).length, requests: receiver.received.length };
  }
  await settled(installation);

  const all = (await installation.committed(outbound)).map(emitted);
  expect(disorder(all)).toEqual({ twice: [], backwards: [] });
  for (const { version } of VERSIONS) {
    const last = newest(all, version);
    for (const [id, body] of history.bodies(version)) expect(told(last.get(id)?.body)).toBe(told(body));
  }

  const missing = new Map(Array.from(newest(all, 'v3'), ([id, { revision }]) => [id, revision]));
  const arrived = (): void => {
    for (const [id, { revision }] of receiver.lastAccepted(PATH)) if (revision === missing.get(id)) missing.delete(id);
  };
  arrived();
  receiver.onAnswered = ({ leadId, revision }) => {
    if (missing.get(leadId) === revision) missing.delete(leadId);
  };
  await receiver.until(() => missing.size === 0, AbortSignal.timeout(DEADLINE_MS));
  expect(await running.stop()).toBe(0);

  const accepted = receiver.lastAccepted(PATH);
  for (const [id, body] of history.bodies('v3')) expect(told(accepted.get(id)?.body)).toBe(told(body));
  const ids = Map.groupBy(receiver.received, ({ leadId, revision }) => `${leadId} ${revision}`);
  for (const same of ids.values()) expect(new Set(same.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(receiver.ledger).toMatchObject({ olderAfterNewer: 0, overlapping: 0 });
  expect(receiver.ledger.duplicates).toBeLessThanOrEqual(repeatable);
  expect(await installation.committed(installation.topic('dead-letters'))).toEqual([]);
});
