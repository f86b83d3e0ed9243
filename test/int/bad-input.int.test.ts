/**
 * What upstream may get wrong, against the real program: each bad record becomes a dead letter of its own that says what is wrong
 * and quotes nothing, and the stream goes on. A registry that is away is no fault of a record: the sources wait for it.
 */
import { expect, inject, test } from 'vitest';
import { frame } from '../../src/kafka/framing.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { SourceDatabase } from '../support/change-events.ts';
import { Installation, type Running } from '../support/installation.ts';
import { registerSamples, SAMPLE_PARTITIONS, streamRecords } from '../support/sample-replay.ts';
import { settled } from '../support/settled.ts';
import { sourceLead } from '../support/source-rows.ts';
import { SwitchableProxy } from '../support/switchable-proxy.ts';

const brokers = inject('kafkaBrokers');
const registryUrl = inject('registryUrl');
/** Stands in every bad record; must not be in any message or log line. */
const PRIVATE = 'jane@example.com';
/** No registry of a test run ever gives so many ids. */
const UNKNOWN_ID = 2_000_000_000;

function envelope(after: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ op: 'c', before: null, after, source: { ts_ms: 1_758_000_000_000 } });
}

const lead = (columns: Readonly<Record<string, unknown>>): string => {
  return envelope({ ...sourceLead({ id: 1, comments: PRIVATE }), ...columns });
};

/** A bad record each: value, what its dead letter says, and its key where that is the fault. */
const BAD: readonly { value: string | Buffer; key?: string | null; code: string; message: string }[] = [
  { value: `{"op":"c","after":{"comments":"${PRIVATE}`, code: 'undecodable', message: 'value: expected a JSON object' },
  { value: Buffer.from([0, 1, 2]), code: 'undecodable', message: 'value: expected a JSON object' },
  {
    value: frame(UNKNOWN_ID, Buffer.from(PRIVATE)),
    code: 'unknown-schema',
    message: `value: framed with schema id ${UNKNOWN_ID}, but the registry has no such schema`,
  },
  {
    value: lead({ id: undefined }),
    key: null,
    code: 'missing-key',
    message: 'neither the key nor the value has an integer id',
  },
  {
    value: lead({ lead_cluster_id: PRIVATE }),
    code: 'wrong-type',
    message: 'column lead_cluster_id: expected an integer',
  },
  {
    value: lead({ prospect: `{"email": "${PRIVATE}"` }),
    code: 'wrong-type',
    message: 'column prospect: expected JSON',
  },
  { value: lead({ created_at: PRIVATE }), code: 'wrong-type', message: 'column created_at: expected a timestamp' },
  {
    value: lead({ id: '9223372036854775808' }),
    code: 'out-of-range',
    message: 'column id: expected an integer of 64 bits',
  },
];

test('each bad record becomes a dead letter of its own with the reason and no value (A40), and the stream goes on', async () => {
  await using installation = new Installation({ brokers, registryUrl, partitions: 1, sourceCleanup: 'delete' });
  await installation.install();
  const running = installation.start('rekey,join');
  const topic = installation.source('lead');
  const database = new SourceDatabase();
  const records: OutgoingRecord[] = [];
  for (const [index, { value, key }] of BAD.entries()) {
    const good = database.insert('lead', sourceLead({ id: 100 + index, lead_cluster_id: index }));
    records.push({ topic, partition: 0, key: key === undefined ? '{"id":1}' : key, value });
    records.push({ topic, partition: 0, key: `{"id":${good.id}}`, value: good.value });
  }
  await installation.append(records);
  await settled(installation);

  const letters = await installation.committed(installation.topic('dead-letters'));
  const told = letters.map(({ key, value, headers }) => {
    const about = (name: string): string => headers[`lead-webhooks.errors.${name}`]?.toString() ?? '';
    return {
      key: key?.toString() ?? null,
      value: value?.toString('latin1'),
      where: `${about('stage')} ${about('topic')} ${about('partition')} ${about('offset')}`,
      code: about('code'),
      message: about('message'),
    };
  });
  expect(told).toEqual(
    BAD.map(({ value, key, code, message }, index) => ({
      key: key === undefined ? '{"id":1}' : key,
      value: Buffer.from(value).toString('latin1'),
      where: `rekey ${topic} 0 ${2 * index}`,
      code,
      message,
    })),
  );
  const shown = JSON.stringify([told.map(({ message }) => message), running.lines, running.plain]);
  expect(shown).not.toContain(PRIVATE);
  expect(running.lines.filter(({ event }) => event === 'bad_record')).toHaveLength(BAD.length);

  const outbound = await installation.committed(installation.topic('outbound'));
  expect(new Set(outbound.map(({ key }) => key?.toString()))).toEqual(new Set(BAD.map((_, index) => `${100 + index}`)));
  expect(await running.stop()).toBe(0);
});

/** What /readyz says. */
async function readiness(running: Running): Promise<{ status: number; registry: unknown }> {
  const { port } = await running.logged(({ event }) => event === 'admin_listening');
  const answer = await fetch(`http://127.0.0.1:${String(port)}/readyz`);
  const { checks } = (await answer.json()) as { checks: Record<string, unknown> };
  return { status: answer.status, registry: checks['registry'] };
}

test.each([
  { mode: 'breaking', reason: 'network' },
  { mode: 'silent', reason: 'timeout' },
] as const)(
  'a registry that is $mode blocks the sources, says so in readiness, costs no record, and is healed by its return',
  async ({ mode, reason }) => {
    await using proxy = new SwitchableProxy(registryUrl);
    const url = await proxy.listen();
    await using installation = new Installation({ brokers, registryUrl: url, partitions: SAMPLE_PARTITIONS });
    const [ids] = await Promise.all([registerSamples(registryUrl, installation.appId), installation.install()]);
    const running = installation.start('rekey,join');
    await running.tasksRunning('rekey', SAMPLE_PARTITIONS);

    proxy.mode = mode;
    const stream = { folder: 'avro', name: 'crm.public' } as const;
    await installation.append(streamRecords(stream, ids, (table) => installation.source(table)));
    await running.logged(({ event }) => event === 'registry_away');
    expect(await readiness(running)).toEqual({
      status: 503,
      registry: { ok: false, reason: `waits for it: ${reason}` },
    });
    expect(await installation.committed(installation.topic('cluster-changes'))).toEqual([]);

    proxy.mode = 'passing';
    await settled(installation);
    expect(await readiness(running)).toEqual({ status: 200, registry: { ok: true, reason: 'not waited for' } });
    expect(await installation.committed(installation.topic('dead-letters'))).toEqual([]);
    const outbound = await installation.committed(installation.topic('outbound'));
    expect(new Set(outbound.map(({ key }) => key?.toString())).size).toBe(6);
    expect(await running.stop()).toBe(0);
  },
);
