import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Receiver } from '../../src/dev/receiver.ts';

const deadline = (): AbortSignal => AbortSignal.timeout(10_000);

async function post(url: string, revision: number, body: string): Promise<number> {
  const headers = {
    'webhook-id': `crm_7_${revision}`,
    'lead-webhook-revision': String(revision),
    'lead-webhook-version': 'v3',
  };
  return (await fetch(`${url}/leads`, { method: 'POST', headers, body })).status;
}

test('the ledger counts what a receiver would complain about: the same webhook twice, and an older revision after a newer one', async () => {
  await using receiver = new Receiver();
  const url = await receiver.listen();
  for (const revision of [1, 3, 3, 2]) expect(await post(url, revision, '{"id":7}')).toBe(204);
  expect(receiver.ledger).toEqual({ olderAfterNewer: 1, overlapping: 0, duplicates: 1 });
  expect(receiver.lastAccepted('/leads').get('7')).toMatchObject({ revision: 3, version: 'v3', status: 204 });
});

test('what was refused is not accepted, and counts as no duplicate', async () => {
  await using receiver = new Receiver();
  receiver.answer = () => ({ status: 503 });
  const url = await receiver.listen();
  expect(await post(url, 1, '{"id":7}')).toBe(503);
  expect(await post(url, 1, '{"id":7}')).toBe(503);
  expect(receiver.ledger.duplicates).toBe(0);
  expect(receiver.lastAccepted('/leads').size).toBe(0);
});

test('an answer that drips comes byte by byte, and counts when the sender has waited for all of it', async () => {
  await using receiver = new Receiver();
  receiver.answer = () => ({ status: 200, headers: { 'x-slow': 'yes' }, byteEveryMs: 1 });
  const url = new URL(await receiver.listen());
  const socket = connect(Number(url.port), url.hostname);
  const parts: string[] = [];
  socket.on('data', (part) => parts.push(part.toString()));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write('POST /leads HTTP/1.1\r\nhost: x\r\nwebhook-id: a\r\ncontent-length: 8\r\n\r\n{"id":7}');
  await closed;
  expect(parts.join('')).toBe('HTTP/1.1 200 OK\r\nx-slow: yes\r\ncontent-length: 0\r\n\r\n');
  expect(parts.length).toBeGreaterThan(1);
  await receiver.until(() => receiver.lastAccepted('/leads').has('7'), deadline());
});

test('a request whose sender dies in the midst of it was not received', async () => {
  await using receiver = new Receiver();
  const url = new URL(await receiver.listen());
  const socket = connect(Number(url.port), url.hostname);
  await new Promise<void>((resolve) => {
    socket.write('POST /leads HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"id":7', () => resolve());
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.destroy();
  await closed;
  expect(await post(url.origin, 1, '{"id":8}')).toBe(204);
  await receiver.until(() => receiver.received.length > 0, deadline());
  expect(receiver.received.map(({ leadId }) => leadId)).toEqual(['8']);
});
