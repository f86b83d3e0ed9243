/**
 * The commands of operation against the real program and a real broker: a receiver that refuses, its dead letters listed, shown and
 * redriven, what is pending, how far the stages are behind, and what the sources hold.
 */
import { expect, inject, test } from 'vitest';
import { Receiver } from '../../src/dev/receiver.ts';
import { SourceDatabase } from '../support/change-events.ts';
import { Installation } from '../support/installation.ts';
import { sourceLead } from '../support/source-rows.ts';

const brokers = inject('kafkaBrokers');
const TIMEOUT_MS = 240_000;
/** Stands in every payload; must be in no output but that of --body. */
const PRIVATE = 'jane@example.com';

function endpointsFile(url: string): string {
  return `endpoints:
  - { id: crm, dealership: 3, url: "${url}/crm", version: v3, retry: { baseMs: 3600000, capMs: 3600000 }, allow: { http: true, addresses: ["127.0.0.1/32"] } }
`;
}

const lead = (id: number, comments: string) =>
  sourceLead({ id, comments, prospect: JSON.stringify({ email: PRIVATE }) });

interface Listed {
  readonly count: number;
  readonly deadLetters: readonly { place: string; lead: string; revision: number; code: string; status: number }[];
}

test('dead letters are listed, shown and redriven in order, and never older after newer', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using receiver = new Receiver();
  const url = await receiver.listen();
  await using installation = new Installation({ brokers, registryUrl: null, endpoints: endpointsFile(url) });
  await installation.install();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const source = new SourceDatabase();
  const json = async (...args: string[]) => JSON.parse((await installation.run(...args, '--json')).out) as never;

  receiver.answer = () => ({ status: 422 });
  const program = installation.start();
  await program.tasksRunning('deliver', 2);
  await installation.pipe([1, 2, 3].map((id) => source.insert('lead', lead(id, 'first'))));
  await receiver.until(() => receiver.received.length === 3, signal);
  await installation.until(installation.topic('dead-letters'), (records) => records.length === 3);
  // Lead 1 gets something newer, which is delivered; 2 is refused again; 3 stays.
  receiver.answer = ({ leadId }) => ({ status: leadId === '1' ? 204 : 422 });
  await installation.pipe([1, 2].map((id) => source.update('lead', lead(id, 'second'))));
  await installation.until(installation.topic('dead-letters'), (records) => records.length === 4);
  await receiver.until(() => receiver.lastAccepted('/crm').has('1'), signal);

  const listed: Listed = await json('dead-letters', 'list', '--endpoint', 'crm', '--code', 'refused', '--since', '1h');
  expect(listed.count).toBe(4);
  expect(listed.deadLetters.map(({ lead: id, revision }) => `${id} ${revision}`).sort()).toEqual([
    '1 1',
    '2 1',
    '2 2',
    '3 1',
  ]);
  expect(new Set(listed.deadLetters.map(({ status }) => status))).toEqual(new Set([422]));
  const text = await installation.mustRun('dead-letters', 'list');
  expect(text.out).toContain('4 dead letters');
  expect(text.out).not.toContain(PRIVATE);
  const place = listed.deadLetters.find(({ lead: id }) => id === '3')?.place ?? '';
  const shown = await installation.mustRun('dead-letters', 'show', place);
  expect(shown.out).toContain('can be redriven');
  expect(shown.out).not.toContain(PRIVATE);
  expect((await installation.mustRun('dead-letters', 'show', place, '--body')).out).toContain(PRIVATE);

  const dry = await installation.mustRun('dead-letters', 'redrive', '--endpoint', 'crm', '--dry-run');
  expect(dry.out).toContain('3 would be asked for, 1 not');
  expect((await installation.run('dead-letters', 'redrive')).code).toBe(2);
  receiver.answer = () => ({ status: 204 });
  const before = receiver.received.length;
  const redriven = await installation.mustRun(
    'dead-letters',
    'redrive',
    '--endpoint',
    'crm',
    '--rate',
    '50',
    '--wait',
    '120',
  );
  expect(redriven.out).toContain('2 delivered');
  expect(redriven.out).toContain('1 newer-delivered');
  expect(
    receiver.received
      .slice(before)
      .map(({ leadId, revision }) => `${leadId} ${revision}`)
      .sort(),
  ).toEqual(['2 2', '3 1']);
  // Again: nothing is left to do, and nothing is sent.
  expect((await installation.mustRun('dead-letters', 'redrive', '--all', '--wait', '120')).out).toContain('3 ');
  expect(receiver.received.length).toBe(before + 2);
  expect(receiver.ledger).toEqual({ olderAfterNewer: 0, overlapping: 0, duplicates: 0 });
  expect(await installation.committed(installation.topic('outbound'))).toHaveLength(15);
  expect(await program.stop()).toBe(0);
});

test('what waits, how far the stages are behind and what the sources hold is told without a stage running', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using receiver = new Receiver();
  const url = await receiver.listen();
  await using installation = new Installation({ brokers, registryUrl: null, endpoints: endpointsFile(url) });
  await installation.install();
  const source = new SourceDatabase();
  await installation.pipe([source.insert('lead', lead(5, 'waits'))]);
  const unborn = await installation.run('lag');
  expect(unborn.code).toBe(1);
  expect(unborn.out.match(/no position/g)).toHaveLength(1);

  receiver.answer = () => ({ status: 503 });
  const program = installation.start();
  await program.tasksRunning('deliver', 2);
  await installation.until(installation.topic('delivery-state'), (records) =>
    records.some(({ key, value }) => key?.toString() === 'crm|5|pending' && value !== null),
  );
  expect(await program.stop()).toBe(0);

  const list = await installation.mustRun('deliveries', 'list', '--endpoint', 'crm');
  expect(list.out).toMatch(/^crm {2,}5 {2,}v3 {2,}1 {2,}1 {2,}in \d+ [hms] {2,}503 {2,}http-503 {2,}-$/m);
  const { deliveries } = JSON.parse((await installation.mustRun('deliveries', 'list', '--json')).out);
  expect(deliveries).toMatchObject([{ endpoint: 'crm', lead: '5', revision: 1, attempts: 1, lastStatus: 503 }]);
  const show = await installation.mustRun('deliveries', 'show', 'crm', '5');
  expect(show.out).not.toContain(PRIVATE);
  expect((await installation.mustRun('deliveries', 'show', 'crm', '5', '--body')).out).toContain(PRIVATE);
  expect((await installation.run('deliveries', 'show', 'crm', '6')).code).toBe(1);

  const good = await installation.mustRun('lag', '--json');
  const { lags } = JSON.parse(good.out) as { lags: { stage: string; records: number }[] };
  expect(lags.map(({ records }) => records)).toEqual(lags.map(() => 0));
  await installation.pipe([source.insert('lead', lead(6, 'later')), source.insert('lead', lead(7, 'later'))]);
  const behind = await installation.run('lag', '--stages', 'rekey', '--max-records', '0');
  expect(behind.code).toBe(1);
  expect(behind.out).toContain('further behind than allowed');

  const checked = await installation.run('sources', 'check', '--last', '10', '--json');
  expect(checked.code).toBe(1);
  const { sources: found } = JSON.parse(checked.out) as {
    sources: { findings: { code: string; message: string }[] }[];
  };
  const missing = found[0]?.findings.find(({ code }) => code === 'missing-columns')?.message.replace(/^.*: /, '') ?? '';
  const optional = missing
    .split(', ')
    .map((name) => `lead.${name}`)
    .join(',');
  const sources = await installation.mustRun('sources', 'check', '--optional', optional);
  expect(sources.out).toContain('json, envelope ×3');
  expect(sources.out).toContain('note: no record was found');
  expect(sources.out).not.toContain(PRIVATE);
});

test('an endpoint is tried with the sample, and a pause is obeyed by the running program until it is resumed', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using receiver = new Receiver();
  const url = await receiver.listen();
  await using installation = new Installation({ brokers, registryUrl: null, endpoints: endpointsFile(url) });
  await installation.install();
  const tried = await installation.mustRun('endpoints', 'test', 'crm');
  expect(tried.out).toMatch(/^crm: delivered \(http-204\) by 127\.0\.0\.1:\d+ in \d+ ms, an answer of 0 bytes$/m);
  const [sample] = receiver.received;
  expect(sample?.headers).toMatchObject({ 'lead-webhook-test': 'true', 'lead-webhook-version': 'v3' });
  expect(sample?.headers['webhook-id']).toMatch(/^crm_test-\d+_0$/);
  expect((await installation.run('endpoints', 'pause', 'crn')).err).toContain('did you mean "crm"?');

  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const source = new SourceDatabase();
  await installation.mustRun('endpoints', 'pause', 'crm');
  const program = installation.start();
  await program.tasksRunning('deliver', 2);
  await installation.pipe([source.insert('lead', lead(8, 'held'))]);
  await installation.until(installation.topic('delivery-state'), (records) =>
    records.some(({ key, value }) => key?.toString() === 'crm|8|pending' && value !== null),
  );
  const list = await installation.mustRun('deliveries', 'list');
  expect(list.out).toContain('waits for its turn');
  expect(receiver.received).toHaveLength(1);
  await installation.mustRun('endpoints', 'resume', 'crm');
  await receiver.until(() => receiver.lastAccepted('/crm').has('8'), signal);
  expect(receiver.received.map(({ attempt }) => attempt)).toEqual([1, 1]);
  expect(await program.stop()).toBe(0);
});
